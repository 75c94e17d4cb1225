//! A tile with the vector instructions of x86-64 of 512 bits, in f32 and in bf16.
#![allow(
    unsafe_code,
    reason = "pointers: the compiler keeps 24 sums in registers only without bounds checks"
)]

#[cfg(not(debug_assertions))]
use std::arch::asm;
use std::arch::x86_64::{
    __m512, __m512bh, _MM_HINT_T0, _mm_prefetch, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::mem::transmute;

use super::corner::Corner;
#[cfg(not(debug_assertions))]
use super::steps::{row_of_64, step_of_6x64};
use super::{COLUMNS, LANES, Piece, Strides, Target};

/// Selects the kernel compiled for this number of rows, so that its sums are in registers.
macro_rules! by_rows {
    ($piece:ident, $rows:expr, $vectors:literal, $corner:expr, $($count:literal)*) => {
        match $rows {
            $($count => $piece::<$count, $vectors>($corner),)*
            rows => unreachable!("{rows} rows in a piece"),
        }
    };
}

/// Multiplies lane by lane, and adds.
macro_rules! multiply_f32 {
    ($value:expr, $vector:expr, $sum:expr) => {
        _mm512_fmadd_ps($value, $vector, $sum)
    };
}

/// Multiplies both values of each lane, words of bf16, and adds both products.
macro_rules! multiply_bf16 {
    ($value:expr, $vector:expr, $sum:expr) => {
        // Each lane of an f32 vector has the bits of two bf16; the instruction takes them so.
        _mm512_dpbf16_ps(
            $sum,
            transmute::<__m512, __m512bh>($value),
            transmute::<__m512, __m512bh>($vector),
        )
    };
}

/// Defines the kernels of AVX-512 that multiply in some way.
macro_rules! kernels_512 {
    ($features:literal, $instruction:literal, $multiply:ident,
        $tile:ident, $piece:ident, $sums:ident, $six:ident, $six_sums:ident) => {
        /// Computes a tile with AVX-512.
        ///
        /// # Safety
        /// The processor has the instructions that this is compiled for. `rows` is in 1 to
        /// [`ROWS`](super::ROWS), `columns` a multiple of 16 up to [`COLUMNS`],
        /// `(rows - 1) * strides.row + (right.len() - 1) * strides.inner` an index of `left`, and
        /// `(rows - 1) * stride + columns` at most the length of the target.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $tile(
            piece: Piece,
            (rows, columns): (usize, usize),
            left: &[f32],
            strides: Strides,
            right: &[[f32; COLUMNS]],
            target: Target<'_>,
        ) {
            let whole = Corner::new(left, strides, right, target);
            // Pieces of up to 64 columns have at most 6 rows; if there are more, they are shared
            // evenly, as a piece with few rows does not keep the processor busy.
            let most = if columns > 32 && piece == Piece::Wide { 6 } else { 12 };
            let each = rows.div_ceil(rows.div_ceil(most));
            for row in (0..rows).step_by(each) {
                let (rows, corner) = ((rows - row).min(each), whole.at(row, 0));
                // SAFETY: the pieces do not overlap, and lie within the tile, for which the caller
                // guarantees what a piece requires.
                unsafe {
                    match (columns / LANES, piece) {
                        (1, _) => by_rows!($piece, rows, 1, corner, 1 2 3 4 5 6 7 8 9 10 11 12),
                        (2, _) => by_rows!($piece, rows, 2, corner, 1 2 3 4 5 6 7 8 9 10 11 12),
                        (3, Piece::Wide) => by_rows!($piece, rows, 3, corner, 1 2 3 4 5 6),
                        (_, Piece::Wide) if rows == 6 => $six(corner),
                        (_, Piece::Wide) => by_rows!($piece, rows, 4, corner, 1 2 3 4 5),
                        (vectors, Piece::Tall) => {
                            by_rows!($piece, rows, 2, corner, 1 2 3 4 5 6 7 8 9 10 11 12);
                            let rest = whole.at(row, 32);
                            if vectors == 3 {
                                by_rows!($piece, rows, 1, rest, 1 2 3 4 5 6 7 8 9 10 11 12);
                            } else {
                                by_rows!($piece, rows, 2, rest, 1 2 3 4 5 6 7 8 9 10 11 12);
                            }
                        }
                    }
                }
            }
        }

        /// Computes a piece of `M` rows and `V` times 16 columns.
        ///
        /// # Safety
        /// The conditions are those of [`avx512`], for the rows and columns of the piece.
        #[target_feature(enable = $features)]
        unsafe fn $piece<const M: usize, const V: usize>(corner: Corner) {
            let mut sums = [[_mm512_setzero_ps(); V]; M];
            // SAFETY: the caller guarantees the conditions. The common strides are repeated as
            // constants, so that the loop is compiled for them.
            unsafe {
                match corner.strides {
                    Strides { row, inner: 1 } => $sums(corner, row, 1, &mut sums),
                    Strides { row: 1, inner: super::ROWS } => {
                        $sums(corner, 1, super::ROWS, &mut sums);
                    }
                    Strides { row, inner } => $sums(corner, row, inner, &mut sums),
                }
                write_512(corner, &sums);
            }
        }

        /// Computes a piece of 6 rows and 64 columns.
        ///
        /// # Safety
        /// The conditions are those of [`avx512`], for the rows and columns of the piece.
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn $six(corner: Corner) {
            for i in 0..6 {
                for v in 0..4 {
                    // The sums are added to what is there: it is on its way while they are made.
                    let place = corner.out.wrapping_add(i * corner.stride + v * LANES);
                    _mm_prefetch::<_MM_HINT_T0>(place.cast());
                }
            }
            // SAFETY: the caller guarantees the conditions.
            unsafe {
                let mut sums = [[_mm512_setzero_ps(); 4]; 6];
                match corner.strides.inner {
                    // Without optimisation the compiler runs out of registers for the assembly.
                    #[cfg(not(debug_assertions))]
                    1 => sums = $six_sums::<4>(corner),
                    #[cfg(not(debug_assertions))]
                    super::ROWS => sums = $six_sums::<{ 4 * super::ROWS }>(corner),
                    inner => $sums(corner, corner.strides.row, inner, &mut sums),
                }
                write_512(corner, &sums);
            }
        }

        /// Sums a piece along the inner dimension.
        ///
        /// # Safety
        /// The conditions are those of [`piece_512`]; `row` and `inner` are the strides of the
        /// corner.
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn $sums<const M: usize, const V: usize>(
            corner: Corner,
            row: usize,
            inner: usize,
            sums: &mut [[__m512; V]; M],
        ) {
            let Corner { left, right, .. } = corner;
            for k in 0..corner.inner {
                // SAFETY: k is an index of the inner dimension, i < M one of the rows, and v < V
                // one of the vectors of the piece, for which the caller guarantees both sides.
                unsafe {
                    let mut vectors = [_mm512_setzero_ps(); V];
                    for (v, vector) in vectors.iter_mut().enumerate() {
                        *vector = _mm512_loadu_ps(right.add(k * COLUMNS + v * LANES));
                    }
                    for (i, sums) in sums.iter_mut().enumerate() {
                        let value = _mm512_set1_ps(*left.add(i * row + k * inner));
                        for (sum, vector) in sums.iter_mut().zip(vectors) {
                            *sum = $multiply!(value, vector, *sum);
                        }
                    }
                }
            }
        }

        /// Sums a piece of 6 rows and 64 columns, in which large products spend their time, for
        /// values of the left side that are `INNER` bytes apart along the inner dimension. In
        /// assembly, because the compiler computes the addresses of a step one from the other, a
        /// fifth more instructions.
        ///
        /// # Safety
        /// The conditions are those of [`piece_512`]; `INNER` is the inner stride of the corner, in
        /// bytes.
        #[cfg(not(debug_assertions))]
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn $six_sums<const INNER: usize>(corner: Corner) -> [[__m512; 4]; 6] {
            let Corner { left, strides, right, inner, .. } = corner;
            let [mut s00, mut s01, mut s02, mut s03] = [_mm512_setzero_ps(); 4];
            let [mut s10, mut s11, mut s12, mut s13] = [_mm512_setzero_ps(); 4];
            let [mut s20, mut s21, mut s22, mut s23] = [_mm512_setzero_ps(); 4];
            let [mut s30, mut s31, mut s32, mut s33] = [_mm512_setzero_ps(); 4];
            let [mut s40, mut s41, mut s42, mut s43] = [_mm512_setzero_ps(); 4];
            let [mut s50, mut s51, mut s52, mut s53] = [_mm512_setzero_ps(); 4];
            // SAFETY: it reads, for every step along the inner dimension, the values of six rows of
            // the left side and 64 values of the right side, for which the caller guarantees both.
            unsafe {
                asm!(
                    "test {fours}, {fours}",
                    "jz 3f",
                    "2:",
                    step_of_6x64!($instruction, "0"),
                    step_of_6x64!($instruction, "1"),
                    step_of_6x64!($instruction, "2"),
                    step_of_6x64!($instruction, "3"),
                    "add {low}, 4 * {inner}",
                    "add {high}, 4 * {inner}",
                    "add {right}, 4 * 256",
                    "dec {fours}",
                    "jnz 2b",
                    "3:",
                    "test {rest}, {rest}",
                    "jz 5f",
                    "4:",
                    step_of_6x64!($instruction, "0"),
                    "add {low}, {inner}",
                    "add {high}, {inner}",
                    "add {right}, 256",
                    "dec {rest}",
                    "jnz 4b",
                    "5:",
                    inner = const INNER,
                    low = inout(reg) left => _,
                    high = inout(reg) left.wrapping_add(3 * strides.row) => _,
                    row = in(reg) strides.row * size_of::<f32>(),
                    right = inout(reg) right => _,
                    fours = inout(reg) inner / 4 => _,
                    rest = inout(reg) inner % 4 => _,
                    s00 = inout(zmm_reg) s00, s01 = inout(zmm_reg) s01,
                    s02 = inout(zmm_reg) s02, s03 = inout(zmm_reg) s03,
                    s10 = inout(zmm_reg) s10, s11 = inout(zmm_reg) s11,
                    s12 = inout(zmm_reg) s12, s13 = inout(zmm_reg) s13,
                    s20 = inout(zmm_reg) s20, s21 = inout(zmm_reg) s21,
                    s22 = inout(zmm_reg) s22, s23 = inout(zmm_reg) s23,
                    s30 = inout(zmm_reg) s30, s31 = inout(zmm_reg) s31,
                    s32 = inout(zmm_reg) s32, s33 = inout(zmm_reg) s33,
                    s40 = inout(zmm_reg) s40, s41 = inout(zmm_reg) s41,
                    s42 = inout(zmm_reg) s42, s43 = inout(zmm_reg) s43,
                    s50 = inout(zmm_reg) s50, s51 = inout(zmm_reg) s51,
                    s52 = inout(zmm_reg) s52, s53 = inout(zmm_reg) s53,
                    v0 = out(zmm_reg) _, v1 = out(zmm_reg) _,
                    v2 = out(zmm_reg) _, v3 = out(zmm_reg) _,
                    x = out(zmm_reg) _, y = out(zmm_reg) _,
                    options(nostack, readonly),
                );
            }
            [
                [s00, s01, s02, s03],
                [s10, s11, s12, s13],
                [s20, s21, s22, s23],
                [s30, s31, s32, s33],
                [s40, s41, s42, s43],
                [s50, s51, s52, s53],
            ]
        }
    };
}

kernels_512!(
    "avx512f",
    "vfmadd231ps",
    multiply_f32,
    avx512,
    piece_512,
    sums_512,
    piece_6x64,
    sums_6x64
);
kernels_512!(
    "avx512f,avx512bf16",
    "vdpbf16ps",
    multiply_bf16,
    avx512_bf16,
    piece_bf16,
    sums_bf16,
    piece_6x64_bf16,
    sums_6x64_bf16
);

/// Writes the sums of a piece, or adds them to what is there.
///
/// # Safety
/// The conditions are those of [`avx512`], for the rows and columns of the piece.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn write_512<const M: usize, const V: usize>(corner: Corner, sums: &[[__m512; V]; M]) {
    for (i, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            // SAFETY: row i < M and column 16 v + 15 < 16 V lie within the target.
            unsafe {
                let out = corner.out.add(i * corner.stride + v * LANES);
                let sum = if corner.add { _mm512_add_ps(_mm512_loadu_ps(out), *sum) } else { *sum };
                _mm512_storeu_ps(out, sum);
            }
        }
    }
}
