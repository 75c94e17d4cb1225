//! Tables of clicks, metrics and labels from files.
//!
//! [`ClickLogConfig::read`] takes logs of any size, CSV and Parquet (feature `parquet`), counts
//! what it leaves out, and gives one heatmap after another. [`MetricsTable`] and [`LabelTable`]
//! hold what else is known of the banners; all of them are joined by [`BannerKey`].

mod banner_index;
mod banner_key;
mod cell;
mod click_log;
mod column;
mod csv_source;
mod drops;
mod groups;
mod label_table;
mod metrics_table;
#[cfg(feature = "parquet")]
mod parquet_batch;
#[cfg(feature = "parquet")]
mod parquet_pages;
#[cfg(feature = "parquet")]
mod parquet_source;
mod paths;
mod row;
mod source;
mod spill;
mod spreadsheet;

pub use banner_key::BannerKey;
pub use click_log::{BannerEntry, BannerHeatmap, ClickLog, ClickLogConfig, Progress};
pub use drops::{ClickColumn, DropReason, Dropped, Drops};
pub use label_table::LabelTable;
pub use metrics_table::MetricsTable;
pub use spreadsheet::spreadsheet_cell;
