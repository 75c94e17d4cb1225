//! How work is run: with the widest instructions that the processor has, and on the threads at
//! once.

/// Runs `work` in a version that was compiled for this processor's vectors. What it calls must be
/// inlined into it.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Runs `work` on the pool of threads. An operation is several loops over all threads; from outside
/// of the pool each would put this thread to sleep and wake another.
pub(crate) fn on_the_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}
