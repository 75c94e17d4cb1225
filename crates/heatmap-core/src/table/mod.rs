//! Tables of clicks, metrics and labels from files.
//!
//! [`ClickTable`] holds the rows of a small table and stops at the first bad value. [`ClickLogConfig::read`] takes logs
//! of any size, CSV and Parquet (feature `parquet`), counts what it leaves out, and gives one heatmap after another.
//! [`MetricsTable`] and [`LabelTable`] are what is known of the banners besides; all of them are joined by
//! [`BannerKey`].

mod banner_index;
mod cell;
mod click_log;
mod click_table;
mod columns;
mod csv_source;
mod drops;
mod groups;
mod label_table;
mod metrics_table;
#[cfg(feature = "parquet")]
mod parquet_source;
mod paths;
mod source;
mod spill;

pub use click_log::{BannerEntry, BannerHeatmap, ClickLog, ClickLogConfig, Progress};
pub use click_table::{BannerClicks, BannerKey, ClickRow, ClickTable};
pub use drops::{ClickColumn, DropReason, Dropped, Drops};
pub use label_table::LabelTable;
pub use metrics_table::MetricsTable;
