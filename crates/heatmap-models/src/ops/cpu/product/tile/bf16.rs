//! The kernel of products in bf16 with vectors, over words: see [`words`](super::super::words).

#[cfg(target_arch = "x86_64")]
use super::super::super::simd::has_bf16;
use super::super::word::values;
use super::{COLUMNS, Panel, ROWS, Strides, Target, check};
#[cfg(target_arch = "x86_64")]
use super::{Piece, avx512};

/// Computes a tile of a product of words, as [`tile`](super::tile) does of values.
///
/// # Panics
/// When `rows` is not in 1 to [`ROWS`], the panel does not have 1 to [`COLUMNS`] columns, or `left`
/// or the target is too short.
pub(crate) fn tile(
    rows: usize,
    left: &[f32],
    strides: Strides,
    panel: Panel<'_>,
    target: Target<'_>,
) {
    assert!((1..=ROWS).contains(&rows), "{rows} rows in a tile");
    let columns = check(rows, left, strides, panel, &target);
    #[cfg(target_arch = "x86_64")]
    if has_bf16() {
        // SAFETY: the processor has the instruction, and `check` establishes what the kernel
        // requires of `rows`, `columns`, `left` and the target.
        #[allow(unsafe_code)]
        unsafe {
            avx512::avx512_bf16(Piece::Wide, (rows, columns), left, strides, panel.rows, target);
        }
        return;
    }
    portable((rows, columns), left, strides, panel, target);
}

/// Computes a tile in portable Rust.
fn portable(
    (rows, columns): (usize, usize),
    left: &[f32],
    strides: Strides,
    panel: Panel<'_>,
    target: Target<'_>,
) {
    for row in 0..rows {
        let mut sums = [0.0_f32; COLUMNS];
        for (k, right) in panel.rows.iter().enumerate() {
            let (even, odd) = values(left[row * strides.row + k * strides.inner]);
            for (sum, right) in sums[..columns].iter_mut().zip(right) {
                let (right_even, right_odd) = values(*right);
                *sum += odd * right_odd;
                *sum += even * right_even;
            }
        }
        let out = &mut target.values[row * target.stride..][..columns];
        for (value, sum) in out.iter_mut().zip(sums) {
            *value = if target.add { *value + sum } else { sum };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::word::word;
    use super::*;

    /// Numbers in eighths, of which sums and products are exact, in bf16 too.
    fn value(at: usize) -> f32 {
        ((at * 37 + at * at * 11) % 17) as f32 / 8.0 - 1.0
    }

    #[test]
    fn every_kernel_gives_the_sums_of_a_naive_loop() {
        const WORDS: usize = 48;
        let pair = |at: usize| word(value(at), value(at + 3));
        let right: Vec<[f32; 64]> =
            (0..WORDS).map(|k| std::array::from_fn(|column| pair(k * 71 + column * 5))).collect();
        for (rows, columns, inner) in [1_usize, 5, 6, 7, 11, 12].into_iter().flat_map(|rows| {
            [
                (rows, 16_usize, 47_usize),
                (rows, 33, 16),
                (rows, 48, 32),
                (rows, 64, 0),
                (rows, 64, 48),
            ]
        }) {
            // Exactly as long as it must be, so that a read behind it is a read behind the
            // allocation.
            let stride = inner + 16;
            let left: Vec<f32> = (0..(rows - 1) * stride + inner.max(1)).map(pair).collect();
            let written = columns.next_multiple_of(16);
            let term = |row: usize, column: usize, k: usize| {
                let (left, right) = (values(left[row * stride + k]), values(right[k][column]));
                left.0 * right.0 + left.1 * right.1
            };
            for (vectors, add) in [(false, false), (false, true), (true, false), (true, true)] {
                let mut found = vec![0.5_f32; (rows - 1) * (written + 3) + written];
                let target = Target { values: &mut found, stride: written + 3, add };
                let panel = Panel { rows: &right[..inner], columns };
                let strides = Strides { row: stride, inner: 1 };
                if vectors {
                    tile(rows, &left, strides, panel, target);
                } else {
                    portable((rows, written), &left, strides, panel, target);
                }
                for (at, found) in found.iter().enumerate() {
                    let (row, column) = (at / (written + 3), at % (written + 3));
                    let before = if add || column >= written { 0.5 } else { 0.0 };
                    let terms = if column < written { 0..inner } else { 0..0 };
                    let expected = before + terms.map(|k| term(row, column, k)).sum::<f32>();
                    assert_eq!(*found, expected, "{vectors} {rows} x {columns}, {inner}, {add}");
                }
            }
        }
    }
}
