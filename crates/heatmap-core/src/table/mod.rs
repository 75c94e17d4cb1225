//! Tables of clicks, metrics and labels from files.
//!
//! [`ClickLogConfig::read`] takes logs of any size, as CSV with any separator, also compressed, and
//! Parquet (feature `parquet`), counts what it leaves out, and gives one heatmap after another.
//! [`MetricsTable`], [`LabelTable`] and [`ClusterTable`] hold what else is known of the banners;
//! all of them are joined by [`BannerKey`]. What cannot be seen from a file is said in a
//! [`TableFormat`].

mod assumptions;
mod banner_index;
mod banner_key;
mod click_log;
mod cluster_table;
mod drops;
mod file;
mod groups;
mod input_warning;
mod label_rows;
mod label_table;
mod metrics_table;
mod shard;
mod spill;
mod spreadsheet;

pub use banner_key::BannerKey;
pub use click_log::{
    BannerEntry, BannerHeatmap, ClickLog, ClickLogConfig, CoordinateUnit, Progress,
};
#[cfg(feature = "analysis")]
pub(crate) use click_log::{LogReading, LogRestorer};
pub use cluster_table::{ClusterTable, Clusters};
pub use drops::{ClickColumn, DropReason, Dropped, Drops};
pub use file::TableFormat;
pub use input_warning::InputWarning;
pub use label_table::LabelTable;
pub use metrics_table::MetricsTable;
pub use shard::Shard;
#[cfg(feature = "analysis")]
pub(crate) use spreadsheet::name_in_spreadsheet;
pub use spreadsheet::spreadsheet_cell;
