//! How work is run: with the widest vector instructions of the processor, and on the thread pool.

use std::sync::LazyLock;

/// The environment variable that limits [`Instructions::best`], for tests and measurements:
/// `avx512`, which is without a matrix unit, `avx2`, or `portable`.
const LIMIT: &str = "HEATMAP_CPU";

/// The instruction sets that the operations are compiled for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Instructions {
    /// AVX-512, 512 bits at a time. The token exists only where the processor has it.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// AVX2 with fused multiply-add, 256 bits at a time. The token exists only where the processor
    /// has both.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// Portable Rust, compiled for the target's baseline.
    Portable,
}

impl Instructions {
    /// Returns the best instruction set that this processor has and [`LIMIT`] allows.
    pub(crate) fn best() -> Self {
        static BEST: LazyLock<Instructions> = LazyLock::new(|| {
            let limit = std::env::var(LIMIT).unwrap_or_default();
            let allowed = |instructions: &Instructions| match limit.as_str() {
                "portable" => matches!(instructions, Instructions::Portable),
                "avx2" => instructions.name() != "avx512",
                _ => true,
            };
            Instructions::all().into_iter().find(allowed).unwrap_or(Instructions::Portable)
        });
        *BEST
    }

    /// Returns whether [`LIMIT`] allows a matrix unit.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn matrix_unit_allowed() -> bool {
        matches!(Self::best(), Self::Avx512(_)) && std::env::var_os(LIMIT).is_none()
    }

    /// Returns all instruction sets of this processor, the best first.
    pub(crate) fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            let mut all: Vec<Self> =
                pulp::x86::V4::try_new().map(Self::Avx512).into_iter().collect();
            all.extend(pulp::x86::V3::try_new().map(Self::Avx2));
            all.push(Self::Portable);
            all
        }
        #[cfg(not(target_arch = "x86_64"))]
        vec![Self::Portable]
    }

    /// Returns the name, as [`LIMIT`] takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            Self::Portable => "portable",
        }
    }
}

/// Returns whether the processor has AVX512_BF16, and [`LIMIT`] allows it.
pub(crate) fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        matches!(Instructions::best(), Instructions::Avx512(_))
            && std::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Runs `work` compiled for the best vector instructions of this processor. It and the functions
/// that it calls must be inlined, or they are compiled for the baseline instructions: the closure
/// is written with `#[inline(always)]`, which `cargo xtask check --only files` looks for.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    match Instructions::best() {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512(token) => pulp::Simd::vectorize(token, work),
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2(token) => pulp::Simd::vectorize(token, work),
        Instructions::Portable => work(),
    }
}

/// Runs `work` on a thread of the pool. An operation consists of several parallel loops; started
/// from outside the pool, each of them would put this thread to sleep and wake another.
pub(crate) fn on_the_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}
