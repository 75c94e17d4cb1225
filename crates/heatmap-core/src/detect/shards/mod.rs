//! A detection that is split by grid over several processes or machines: each scores the grids of
//! one [`Shard`](crate::table::Shard) and leaves a file, and a merge of all files decides on all
//! banners together. The result is that of one run, to the bit.
//!
//! What a grid is fitted to and what its banners score depends on no other grid, but for two
//! numbers: the place of the grid in the log, which seeds its draws, and that of its first banner,
//! which seeds the sample of a large grid. So a shard reads the names of all banners
//! ([`LogInputs::read_shard`](super::LogInputs::read_shard)) and keeps the clicks of its own.
//! Everything else needs all banners and is left to the merge: null distributions, which small
//! grids share, the weights that are learned from labels, threshold and budget, the ranking, and
//! the reasons, which only flagged banners have.
//!
//! The file is JSON, a value a line, compressed with gzip, whose check sum tells a damaged file:
//!
//! 1. the name of the format and its version ([`head::Stamp`]);
//! 2. the shard, the settings, fingerprints of clicks and facts, and what is known of the log as a
//!    whole ([`head::Head`]);
//! 3. each grid of the shard in the order of the log ([`grid_record`]), and behind it its banners
//!    ([`banner_record`]): clicks by bin, parts, and what is known of them.
//!
//! So a merge needs nothing but the files. It holds no more in memory than a run does.

mod banner_record;
mod grid_record;
mod head;
mod merge;
mod reader;
mod shard_set;
#[cfg(test)]
mod tests;
mod writer;

pub use shard_set::ShardSet;
pub use writer::ShardFile;
