//! Matrices in pieces that fit the caches.

use std::ops::Range;

use faer::MatMut;

/// Divides `range` into pieces of `step`, the last one shorter.
pub(super) fn ranges(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(step).map(move |start| start..(start + step).min(range.end))
}

/// Divides the rows of a matrix into pieces of `step`, each with its range of rows.
pub(super) fn split_rows(
    matrix: MatMut<'_, f64>,
    step: usize,
) -> Vec<(Range<usize>, MatMut<'_, f64>)> {
    let (mut rest, mut pieces) = (matrix, Vec::new());
    for rows in ranges(0..rest.nrows(), step) {
        let (piece, below) = rest.split_at_row_mut(rows.len());
        pieces.push((rows, piece));
        rest = below;
    }
    pieces
}
