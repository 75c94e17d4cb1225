//! The precision in which networks multiply on the CPU.

use std::sync::atomic::{AtomicU8, Ordering};

use super::tile::bf16::Bf16Kernel;

/// The precision of the products in networks on the CPU. Sums, weights and everything between the
/// products are in f32 either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatmulPrecision {
    /// Products of f32.
    #[default]
    F32,
    /// Both sides of a product are rounded to bf16, which has the range of f32 and 8 bits of
    /// precision; as PyTorch's `autocast` multiplies.
    Bf16,
    /// As [`Bf16`](Self::Bf16), in portable Rust, slower than f32: to see on any processor what it
    /// does to a network.
    Bf16Emulated,
}

/// 0 for f32, 1 for the fastest kernel in bf16, 2 for the portable one.
static PRECISION: AtomicU8 = AtomicU8::new(0);

/// Sets the precision in which networks multiply on the CPU, in this process, and returns whether
/// the processor can: without AVX512_BF16 or AMX, [`MatmulPrecision::Bf16`] leaves it as it is.
///
/// Set it before the networks run: a forward pass and its gradients should have the same.
pub fn set_matmul_precision(precision: MatmulPrecision) -> bool {
    let value = match precision {
        MatmulPrecision::F32 => 0,
        MatmulPrecision::Bf16 if Bf16Kernel::best().is_none() => return false,
        MatmulPrecision::Bf16 => 1,
        MatmulPrecision::Bf16Emulated => 2,
    };
    PRECISION.store(value, Ordering::Relaxed);
    true
}

/// Returns the precision in which networks multiply on the CPU, in this process.
pub fn matmul_precision() -> MatmulPrecision {
    match PRECISION.load(Ordering::Relaxed) {
        0 => MatmulPrecision::F32,
        1 => MatmulPrecision::Bf16,
        _ => MatmulPrecision::Bf16Emulated,
    }
}

/// Returns what networks multiply with, if it is in bf16.
pub(crate) fn bf16_of_networks() -> Option<Bf16Kernel> {
    match matmul_precision() {
        MatmulPrecision::F32 => None,
        MatmulPrecision::Bf16 => Bf16Kernel::best(),
        MatmulPrecision::Bf16Emulated => Some(Bf16Kernel::Portable),
    }
}
