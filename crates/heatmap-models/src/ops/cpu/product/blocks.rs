//! How products are split: along the inner dimension, into groups of panels, and into blocks of
//! rows.

use std::ops::Range;

use super::right::Packed;
use super::tile::{COLUMNS, ROWS};
use super::unit;

/// The longest piece of the inner dimension that is multiplied at a time: long enough that the sums
/// are rarely written and read again.
pub(super) const INNER: usize = 384;

/// The panels of the right side that rows are multiplied with before the next rows: 384 KiB.
const PANELS: usize = 4;

/// Splits the inner dimension, rows of the right side's panels, into the parts that are multiplied
/// at a time: pieces of nearly equal length; for an inner dimension of 0, one empty piece, so that
/// the result is still set to zero.
pub(super) fn parts_of(right: &Packed) -> impl Iterator<Item = Range<usize>> + use<> {
    let inner = right.inner();
    let piece = inner.div_ceil(inner.div_ceil(INNER).max(1));
    let count = inner.div_ceil(piece.max(1)).max(1);
    (0..count).map(move |at| at * piece..((at + 1) * piece).min(inner))
}

/// Groups the panels of the right side: of a part of the inner dimension, 384 KiB at a time.
pub(super) fn groups(right: &Packed) -> impl Iterator<Item = Range<usize>> {
    let panels = right.columns().div_ceil(COLUMNS);
    (0..panels).step_by(PANELS).map(move |first| first..(first + PANELS).min(panels))
}

/// Returns how many of the `rows` rows of a result a thread computes at a time: few enough that the
/// block of the result stays in the L2 cache with some panels of the right side, and as many blocks
/// for each thread, several, so that a thread that is slowed down leaves some to others.
pub(crate) fn block_rows(rows: usize, right: &Packed) -> usize {
    /// Blocks for each thread, if they do not become too small.
    const BLOCKS: usize = 4;
    let squares = right.squares();
    // The most rows in a block, and the rows of a tile.
    let (most, tile) = squares.map_or((16 * ROWS, ROWS), |right| (right.most_rows(), unit::TILE));
    let threads = rayon::current_num_threads();
    let blocks = rows.div_ceil(most).max(BLOCKS.min(rows / (4 * tile) / threads) * threads);
    let block = rows.div_ceil(blocks.max(1).next_multiple_of(threads)).max(1);
    // Half a tile is computed without waste, but on a matrix unit not as fast.
    let whole = squares.is_some() && block > 2 * tile;
    block.next_multiple_of(if whole { tile } else { tile / 2 })
}
