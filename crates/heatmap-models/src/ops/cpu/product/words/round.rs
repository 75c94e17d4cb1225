//! Rounding to bf16, two values to a word, with the instruction for it where the processor has it.
//!
//! The instruction takes numbers below the smallest normal f32 for zero, as those that multiply in
//! bf16 do; elsewhere such numbers are rounded like all others.
#![allow(unsafe_code, reason = "an instruction that only an intrinsic makes")]

#[cfg(target_arch = "x86_64")]
use super::super::super::simd::has_bf16;
use super::super::super::simd::vectorized;
use super::super::word::word;

/// Rounds neighbouring values into a word each; the last of an odd number is paired with zero. What
/// is left of the words becomes zero.
pub(super) fn neighbours(values: &[f32], words: &mut [f32]) {
    let (words, rest) = words.split_at_mut(values.len().div_ceil(2));
    rest.fill(0.0);
    let done = neighbours_at_once(values, words);
    let (values, words) = (&values[2 * done..], &mut words[done..]);
    vectorized(
        #[inline(always)]
        || {
            for (to, pair) in words.iter_mut().zip(values.chunks(2)) {
                *to = word(pair[0], pair.get(1).copied().unwrap_or(0.0));
            }
        },
    );
}

/// Does what [`neighbours`] does as far as the instruction goes, and returns the number of words.
#[cfg(target_arch = "x86_64")]
fn neighbours_at_once(values: &[f32], words: &mut [f32]) -> usize {
    if !has_bf16() {
        return 0;
    }
    let vectors = values.as_chunks().0;
    // SAFETY: the processor has the instructions that this is compiled for.
    unsafe { avx512::neighbours(vectors, words.as_chunks_mut().0) };
    vectors.len() * avx512::LANES
}

#[cfg(not(target_arch = "x86_64"))]
fn neighbours_at_once(_: &[f32], _: &mut [f32]) -> usize {
    0
}

/// Some columns of the first rows of a row-major matrix.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Columns<'a> {
    pub(in super::super) values: &'a [f32],
    /// The distance from one row to the next.
    pub(in super::super) stride: usize,
    pub(in super::super) rows: usize,
    pub(in super::super) first: usize,
    pub(in super::super) count: usize,
}

impl Columns<'_> {
    /// Returns the columns of a row.
    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.stride + self.first..][..self.count]
    }
}

/// Rounds some columns, at most `N`, to words: of each pair of rows, a word for each column. The
/// last of an odd number of rows is paired with zeros, and places without a column are zero.
pub(in super::super) fn columns<const N: usize>(columns: Columns<'_>, words: &mut [[f32; N]]) {
    let Columns { values, stride, rows, first, count } = columns;
    assert!(count <= N && words.len() >= rows.div_ceil(2), "room for the words");
    if rows == 0 {
        return;
    }
    // Checked, because a product that wraps would let them be read anywhere.
    let end = (rows - 1).checked_mul(stride).and_then(|last| last.checked_add(first + count));
    assert!(end.is_some_and(|end| end <= values.len()), "columns of the matrix");
    #[cfg(target_arch = "x86_64")]
    if has_bf16() {
        // SAFETY: the processor has the instructions that this is compiled for, and as asserted
        // the columns of all rows lie within the values.
        unsafe { avx512::columns(columns, words) };
        return;
    }
    vectorized(
        #[inline(always)]
        || {
            for (at, words) in words[..rows.div_ceil(2)].iter_mut().enumerate() {
                words[count..].fill(0.0);
                let one = columns.row(2 * at).iter();
                if 2 * at + 1 < rows {
                    let pairs = one.zip(columns.row(2 * at + 1));
                    words
                        .iter_mut()
                        .zip(pairs)
                        .for_each(|(to, (one, other))| *to = word(*one, *other));
                } else {
                    words.iter_mut().zip(one).for_each(|(to, one)| *to = word(*one, 0.0));
                }
            }
        },
    );
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_loadu_si512,
        _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_permutexvar_epi16, _mm512_setzero_ps,
        _mm512_storeu_ps,
    };
    use std::mem::transmute;

    use super::Columns;

    /// Words in a vector.
    pub(super) const LANES: usize = 16;

    /// The order that puts the halves of a vector side by side: a value of the first, one of the
    /// second, and so on.
    const PAIRED: [u16; 2 * LANES] = {
        let mut order = [0; 2 * LANES];
        let mut at = 0;
        while at < 2 * LANES {
            order[at] = (at / 2 + at % 2 * LANES) as u16;
            at += 1;
        }
        order
    };

    /// Rounds each lane of two vectors into a word.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn paired(first: __m512, second: __m512) -> __m512 {
        // SAFETY: both are 64 bytes of plain numbers, and `PAIRED` is as long as what is read.
        unsafe {
            let order = _mm512_loadu_si512(PAIRED.as_ptr().cast());
            let halves = transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first));
            transmute::<__m512i, __m512>(_mm512_permutexvar_epi16(order, halves))
        }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) fn neighbours(values: &[[f32; 2 * LANES]], words: &mut [[f32; LANES]]) {
        for (values, words) in values.iter().zip(words) {
            // SAFETY: the arrays are as long as what is read and written.
            unsafe {
                let first = _mm512_loadu_ps(values.as_ptr());
                let second = _mm512_loadu_ps(values[LANES..].as_ptr());
                let both = transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(second, first));
                _mm512_storeu_ps(words.as_mut_ptr(), both);
            }
        }
    }

    /// # Safety
    /// The columns of all rows lie within the values.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    pub(super) unsafe fn columns<const N: usize>(columns: Columns<'_>, words: &mut [[f32; N]]) {
        let Columns { values, stride, rows, first, count } = columns;
        let lanes_up_to = |end: usize, at: usize| match end.saturating_sub(at) {
            lanes @ 0..LANES => (1_u16 << lanes) - 1,
            _ => u16::MAX,
        };
        for (pair, words) in words[..rows.div_ceil(2)].iter_mut().enumerate() {
            let row = values[2 * pair * stride + first..].as_ptr();
            for at in (0..N).step_by(LANES) {
                let (read, write) = (lanes_up_to(count, at), lanes_up_to(N, at));
                // SAFETY: lanes outside of the masks are neither read nor written; the others lie
                // within a row of the matrix, of which the second may be missing, and of the words.
                unsafe {
                    let one = _mm512_maskz_loadu_ps(read, row.wrapping_add(at));
                    let other = if 2 * pair + 1 < rows {
                        _mm512_maskz_loadu_ps(read, row.wrapping_add(stride + at))
                    } else {
                        _mm512_setzero_ps()
                    };
                    let to = words.as_mut_ptr().wrapping_add(at);
                    _mm512_mask_storeu_ps(to, write, paired(one, other));
                }
            }
        }
    }
}
