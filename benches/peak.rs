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

/// Returns the GFLOP/s in f32 that all threads together reach when they only multiply and add in
/// registers, with the best instructions of the processor.
pub fn gflops() -> f64 {
    let start = Instant::now();
    let done: f64 = rayon::broadcast(|_| Arch::new().dispatch(Chains)).into_iter().sum();
    1e-9 * done / start.elapsed().as_secs_f64()
}
