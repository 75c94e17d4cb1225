//! The most that the processor multiplies at this moment.

use std::hint::black_box;
use std::time::Instant;

use pulp::{Arch, Simd, WithSimd};

/// Independent chains of multiply-adds: a multiplication takes 4 steps of the processor's clock,
/// and two begin in each.
const CHAINS: usize = 12;

/// Links of each chain in a measurement, about 10 ms.
const LINKS: usize = 2_000_000;

struct Chains;

impl WithSimd for Chains {
    /// The floating-point operations that were done.
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let [factor, addend] = black_box([0.999_f32, 1e-9]).map(|value| simd.splat_f32s(value));
        let mut sums = [simd.splat_f32s(1.0); CHAINS];
        for _ in 0..LINKS {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(factor, addend, *sum);
            }
        }
        let total = sums.into_iter().fold(simd.splat_f32s(0.0), |all, sum| simd.add_f32s(all, sum));
        black_box(simd.reduce_sum_f32s(total));
        (2 * LINKS * CHAINS * S::F32_LANES) as f64
    }
}

/// Chains of `vdpbf16ps`, which multiplies two pairs of bf16 in each lane and adds both products
/// to a sum in f32.
#[cfg(target_arch = "x86_64")]
mod bf16 {
    #![allow(unsafe_code, reason = "an instruction that only an intrinsic makes")]

    use std::arch::x86_64::{
        __m512, __m512bh, _mm512_dpbf16_ps, _mm512_reduce_add_ps, _mm512_set1_ps, _mm512_setzero_ps,
    };
    use std::hint::black_box;
    use std::mem::transmute;

    /// Independent chains: a multiplication takes up to 6 steps of the clock, and two begin in each
    /// at most.
    const CHAINS: usize = 24;

    const LINKS: usize = 1_000_000;

    /// Multiplies, and returns the floating-point operations that were done.
    pub(super) fn chains() -> Option<f64> {
        let has =
            std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bf16");
        // SAFETY: the processor has the instructions that this is compiled for.
        has.then(|| unsafe { multiply() })
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    fn multiply() -> f64 {
        // SAFETY: vectors of as many bits, of plain numbers.
        let words = |value| unsafe { transmute::<__m512, __m512bh>(_mm512_set1_ps(value)) };
        let (one, other) = (words(black_box(1e-9)), words(black_box(1e-3)));
        let mut sums = [_mm512_setzero_ps(); CHAINS];
        for _ in 0..LINKS {
            for sum in &mut sums {
                *sum = _mm512_dpbf16_ps(*sum, one, other);
            }
        }
        sums.into_iter().for_each(|sum| {
            black_box(_mm512_reduce_add_ps(sum));
        });
        (4 * LINKS * CHAINS * 16) as f64
    }
}

/// Returns the GFLOP/s that all threads together reach when they only multiply words of bf16 in
/// registers; `None` for a processor without AVX512_BF16. A matrix unit, AMX, is faster.
pub fn bf16_gflops() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    {
        let start = Instant::now();
        let done: Option<f64> = rayon::broadcast(|_| bf16::chains()).into_iter().sum();
        done.map(|done| 1e-9 * done / start.elapsed().as_secs_f64())
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// Returns the GFLOP/s in f32 that all threads together reach when they only multiply and add in
/// registers, with the best instructions of the processor.
pub fn gflops() -> f64 {
    let start = Instant::now();
    let done: f64 = rayon::broadcast(|_| Arch::new().dispatch(Chains)).into_iter().sum();
    1e-9 * done / start.elapsed().as_secs_f64()
}
