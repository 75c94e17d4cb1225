//! The precision in which networks multiply on the CPU.

use std::sync::atomic::{AtomicU8, Ordering};

use super::multiplier::Multiplier;
use super::unit::Terms;

/// The precision of the products in networks on the CPU. Sums, weights and everything between the
/// products are in f32 either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatmulPrecision {
    /// Products with the precision of f32. Where the processor has a matrix unit for bf16 (AMX),
    /// each is made of six products of bf16, of which three add up to an f32.
    #[default]
    F32,
    /// Three products of bf16 on a matrix unit, which are off by about 2^-17 of each product.
    Bf16x3,
    /// Both sides of a product are rounded to bf16, which has the range of f32 and 8 bits of
    /// precision; as PyTorch's `autocast` multiplies.
    Bf16,
    /// As [`Bf16`](Self::Bf16), in portable Rust, slower than f32: to see on any processor what it
    /// does to a network.
    Bf16Emulated,
}

const ALL: [MatmulPrecision; 4] = [
    MatmulPrecision::F32,
    MatmulPrecision::Bf16x3,
    MatmulPrecision::Bf16,
    MatmulPrecision::Bf16Emulated,
];

/// The place in [`ALL`].
static PRECISION: AtomicU8 = AtomicU8::new(0);

impl MatmulPrecision {
    /// Returns what multiplies in this precision, if the processor can.
    fn multiplier(self) -> Option<Multiplier> {
        match self {
            Self::F32 => Some(Multiplier::f32()),
            Self::Bf16x3 => Multiplier::of_unit(Terms::Three),
            Self::Bf16 => Multiplier::bf16(),
            Self::Bf16Emulated => Some(Multiplier::emulated(Terms::One)),
        }
    }
}

/// Sets the precision in which networks multiply on the CPU, in this process, and returns whether
/// the processor can: without AVX512_BF16 or AMX, [`MatmulPrecision::Bf16`] leaves it as it is, and
/// without AMX [`MatmulPrecision::Bf16x3`] does.
///
/// Set it before the networks run: a forward pass and its gradients should have the same.
pub fn set_matmul_precision(precision: MatmulPrecision) -> bool {
    let can = precision.multiplier().is_some();
    if can && let Some(place) = ALL.iter().position(|other| *other == precision) {
        PRECISION.store(place as u8, Ordering::Relaxed);
    }
    can
}

/// Returns the precision in which networks multiply on the CPU, in this process.
pub fn matmul_precision() -> MatmulPrecision {
    ALL[usize::from(PRECISION.load(Ordering::Relaxed))]
}

/// Returns what networks multiply with.
pub(crate) fn multiplier_of_networks() -> Multiplier {
    matmul_precision().multiplier().unwrap_or(Multiplier::Vector)
}
