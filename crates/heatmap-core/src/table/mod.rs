//! Tables of clicks from and to files.

mod click_table;
mod columns;

pub use click_table::{BannerClicks, BannerKey, ClickRow, ClickTable};
