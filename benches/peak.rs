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

/// Chains of `tdpbf16ps`, which adds to 16 x 16 sums in f32 the products of 16 rows of 32 values in
/// bf16 and 32 rows of 16 columns.
#[cfg(target_arch = "x86_64")]
mod amx {
    #![allow(unsafe_code, reason = "instructions that Rust has no intrinsics for")]

    use std::arch::asm;

    /// Multiplications of four squares in a measurement, about 2 ms.
    const LINKS: usize = 50_000;

    /// How the registers are divided, in the form in which `ldtilecfg` reads it: eight of 16 rows
    /// by 64 bytes.
    #[repr(C, align(64))]
    struct Configuration([u8; 64]);

    /// Values in the registers: a processor that multiplies zeros takes less power, and may be
    /// faster than it is at work.
    #[repr(C, align(64))]
    struct Squares([u16; 2 * 512]);

    /// Multiplies, and returns the floating-point operations that were done. The system must have
    /// granted the registers to this process.
    pub(super) fn multiply() -> f64 {
        let mut configuration = Configuration([0; 64]);
        configuration.0[0] = 1;
        for register in 0..8 {
            configuration.0[16 + 2 * register] = 64;
            configuration.0[48 + register] = 16;
        }
        // From 0.5 to 1, in bf16.
        let squares = Squares(std::array::from_fn(|at| 0x3F00 | (at * 37 % 128) as u16));
        // SAFETY: as the function requires; two squares of 16 rows by 64 bytes are read, and nobody
        // expects anything in the registers.
        unsafe {
            asm!(
                "ldtilecfg [{configuration}]",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "tileloadd tmm4, [{squares} + {row}]",
                "tileloadd tmm5, [{squares} + {row} + 1024]",
                "tileloadd tmm6, [{squares} + {row} + 1024]",
                "tileloadd tmm7, [{squares} + {row}]",
                "2:",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "dec {links}",
                "jnz 2b",
                "tilerelease",
                configuration = in(reg) &raw const configuration,
                squares = in(reg) &raw const squares,
                row = in(reg) 64_usize,
                links = inout(reg) LINKS => _,
                options(nostack),
            );
        }
        (LINKS * 4 * 16 * 16 * 32 * 2) as f64
    }
}

/// Returns the GFLOP/s that all threads together reach when they only multiply squares of bf16 in
/// registers of the matrix unit; `None` where the products of networks do not use it.
pub fn amx_gflops() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    {
        // These kernels have asked for the registers.
        if !heatmap_models::ops::matrix_kernel().contains("amx") {
            return None;
        }
        let start = Instant::now();
        let done: f64 = rayon::broadcast(|_| amx::multiply()).into_iter().sum();
        Some(1e-9 * done / start.elapsed().as_secs_f64())
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
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
