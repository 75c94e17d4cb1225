//! The kernels of products in bf16, over words: see [`words`](super::super::words).

use std::sync::LazyLock;

use super::super::super::simd::Instructions;
use super::super::word::values;
use super::{Panel, Piece, Strides, Target, check};
#[cfg(target_arch = "x86_64")]
use super::{amx, avx512};

/// The most rows of a tile.
pub(crate) const ROWS: usize = 32;

/// What multiplies in bf16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bf16Kernel {
    /// The matrix unit of Intel's server processors (AMX), 16 x 16 sums of 32 products at a time.
    #[cfg(target_arch = "x86_64")]
    Amx,
    /// The vector instruction of AVX512_BF16, two products for each of 16 sums.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Portable Rust, slower than f32: to see what bf16 would do where no processor has it.
    Portable,
}

impl Bf16Kernel {
    /// Returns the kernels that this processor has, the fastest first, without the portable one.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if matches!(Instructions::best(), Instructions::Avx512(_)) {
            if amx::granted() {
                all.push(Self::Amx);
            }
            if std::is_x86_feature_detected!("avx512bf16") {
                all.push(Self::Avx512);
            }
        }
        all
    }

    /// Returns the fastest kernel of this processor, if it has one beside the portable one.
    pub(crate) fn best() -> Option<Self> {
        static BEST: LazyLock<Option<Bf16Kernel>> =
            LazyLock::new(|| Bf16Kernel::all().first().copied());
        *BEST
    }

    /// Returns whether it is much faster than products in f32 of fewer numbers. The portable kernel
    /// stands in for it.
    pub(crate) fn is_matrix_unit(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Amx => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => false,
            Self::Portable => true,
        }
    }

    /// Returns how many words of the inner dimension it takes at a time.
    pub(crate) fn words_at_a_time(self) -> usize {
        if self.is_matrix_unit() { 16 } else { 1 }
    }

    /// Returns the name, for reports of measurements.
    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Amx => "amx bf16",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512 bf16",
            Self::Portable => "portable bf16",
        }
    }
}

/// Computes a tile of a product of words, up to 32 by 64, as [`tile`](super::tile) does. For a
/// matrix unit the left side has rows of words one after another, and the panel a multiple of 16
/// rows.
///
/// # Panics
/// When `rows` is not in 1 to [`ROWS`], the panel does not have 1 to 64 columns, `left` or the
/// target is too short, or they are not as a matrix unit takes them.
pub(crate) fn tile(
    kernel: Bf16Kernel,
    rows: usize,
    left: &[f32],
    strides: Strides,
    panel: Panel<'_>,
    target: Target<'_>,
) {
    assert!((1..=ROWS).contains(&rows), "{rows} rows in a tile");
    let whole = panel.rows.len().is_multiple_of(kernel.words_at_a_time());
    assert!(whole, "{} words along a tile", panel.rows.len());
    assert!(strides.inner == 1 || !kernel.is_matrix_unit(), "words of a row side by side");
    let stride = strides.row;
    let columns = check(rows, left, strides, panel, &target);
    match kernel {
        // SAFETY: `all` has AMX only where the system has granted it, and `check` establishes what
        // the kernel requires of `rows`, `columns`, `left` and the target.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Bf16Kernel::Amx => unsafe { amx::tile((rows, columns), left, stride, panel.rows, target) },
        // SAFETY: as above, for AVX512_BF16.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Bf16Kernel::Avx512 => unsafe {
            avx512::avx512_bf16(Piece::Wide, (rows, columns), left, strides, panel.rows, target);
        },
        Bf16Kernel::Portable => portable((rows, columns), left, stride, panel, target),
    }
}

/// Computes a tile in portable Rust: the reference for the other kernels.
fn portable(
    (rows, columns): (usize, usize),
    left: &[f32],
    stride: usize,
    panel: Panel<'_>,
    target: Target<'_>,
) {
    for row in 0..rows {
        let mut sums = [0.0_f32; 64];
        for (left, right) in left[row * stride..].iter().zip(panel.rows) {
            let (even, odd) = values(*left);
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
        let kernels: Vec<Bf16Kernel> =
            Bf16Kernel::all().into_iter().chain([Bf16Kernel::Portable]).collect();
        for (rows, columns, inner) in
            [1_usize, 7, 15, 16, 17, 31, 32].into_iter().flat_map(|rows| {
                [
                    (rows, 16_usize, 48_usize),
                    (rows, 33, 16),
                    (rows, 48, 32),
                    (rows, 64, 0),
                    (rows, 64, 48),
                ]
            })
        {
            // Exactly as long as it must be, so that a read behind it is a read behind the
            // allocation.
            let stride = inner + 16;
            let left: Vec<f32> = (0..(rows - 1) * stride + inner.max(1)).map(pair).collect();
            let written = columns.next_multiple_of(16);
            let term = |row: usize, column: usize, k: usize| {
                let (left, right) = (values(left[row * stride + k]), values(right[k][column]));
                left.0 * right.0 + left.1 * right.1
            };
            for (kernel, add) in
                kernels.iter().flat_map(|kernel| [(*kernel, false), (*kernel, true)])
            {
                let mut found = vec![0.5_f32; (rows - 1) * (written + 3) + written];
                let target = Target { values: &mut found, stride: written + 3, add };
                let panel = Panel { rows: &right[..inner], columns };
                let strides = Strides { row: stride, inner: 1 };
                tile(kernel, rows, &left, strides, panel, target);
                for (at, found) in found.iter().enumerate() {
                    let (row, column) = (at / (written + 3), at % (written + 3));
                    let before = if add || column >= written { 0.5 } else { 0.0 };
                    let terms = if column < written { 0..inner } else { 0..0 };
                    let expected = before + terms.map(|k| term(row, column, k)).sum::<f32>();
                    assert_eq!(*found, expected, "{kernel:?} {rows} x {columns}, {inner}, {add}");
                }
            }
        }
    }
}
