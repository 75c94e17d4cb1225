//! The `embed` example: maps of feature tables, and cosine similarities under one feature against
//! another.

mod feature_table;
mod output;
mod sources;

pub use feature_table::{FeatureTable, NamedTable};
pub use output::{EmbedView, write_all};
pub use sources::{Banners, synthetic_banners, tabled_banners};
