//! How work is run: with the widest vector instructions of the processor, and on the thread pool.

/// Runs `work` compiled for the best vector instructions of this processor. The functions that it
/// calls must be inlined into it, or they are compiled for the baseline instructions.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Runs `work` on a thread of the pool. An operation consists of several parallel loops; started
/// from outside the pool, each of them would put this thread to sleep and wake another.
pub(crate) fn on_the_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}
