//! Plain loops with the widest instructions that the processor has.

/// Runs `work` in a version that was compiled for this processor's vectors. What it calls must be inlined into it.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
