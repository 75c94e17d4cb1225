//! [`ProjectionExchange`]: lets devices that share a batch exchange their projections.
//!
//! A contrastive loss compares every image with every other, on whichever device it was embedded.
//! Burn's collective operations could gather the projections, but the CPU backend does not have
//! them. Instead, the worker threads of burn-train's multi-device step exchange them in memory,
//! once per step.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use burn::tensor::Tensor;

/// The contribution of one device.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Projections of the first views, of the second views and of each negative of all pairs, each
    /// `[pairs, dim]`, without gradient.
    pub(super) views: Vec<Tensor<2>>,
    /// Label of each pair.
    pub(super) labels: Vec<usize>,
}

/// An all-gather operation between a fixed number of threads, which can be repeated.
#[derive(Debug)]
pub(super) struct ProjectionExchange {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    parts: Vec<Option<Part>>,
    /// All parts, once every thread has contributed, and how many threads have yet to take them.
    complete: Option<(Arc<Vec<Part>>, usize)>,
    /// Whether a thread has panicked, so that the others must not wait for it.
    broken: bool,
}

impl ProjectionExchange {
    pub(super) fn new(of: usize) -> Self {
        let state = State { parts: vec![None; of], complete: None, broken: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Contributes the part of `rank`, waits for all others, and returns all parts in order of
    /// rank.
    ///
    /// # Panics
    /// Panics when another device has failed: burn-train turns the panic of a worker into an error.
    pub(super) fn all_gather(&self, rank: usize, part: Part) -> Arc<Vec<Part>> {
        let mut state = self.lock();
        // A fast thread must not enter the next round before all threads have left this one.
        while state.complete.is_some() && !state.broken {
            state = self.wait(state);
        }
        state.parts[rank] = Some(part);
        if state.parts.iter().all(Option::is_some) {
            let parts: Vec<Part> = state.parts.iter_mut().filter_map(Option::take).collect();
            let takers = parts.len();
            state.complete = Some((Arc::new(parts), takers));
            self.changed.notify_all();
        }
        while state.complete.is_none() && !state.broken {
            state = self.wait(state);
        }
        assert!(!state.broken, "another device failed in this step");
        let (parts, left) = state.complete.take().expect("complete");
        if left > 1 {
            state.complete = Some((parts.clone(), left - 1));
        } else {
            self.changed.notify_all();
        }
        parts
    }

    /// Returns a guard: if the thread panics while it holds the guard, the other threads stop
    /// waiting.
    pub(super) fn panic_guard(&self) -> PanicGuard<'_> {
        PanicGuard(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guard of [`ProjectionExchange::panic_guard`].
pub(super) struct PanicGuard<'a>(&'a ProjectionExchange);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().broken = true;
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn part(label: usize) -> Part {
        let z = Tensor::<2>::full([1, 2], label as f32, &Device::flex());
        Part { views: vec![z.clone(), z], labels: vec![label] }
    }

    #[test]
    fn everyone_takes_all_parts_in_order_round_after_round() {
        let meeting = ProjectionExchange::new(3);
        std::thread::scope(|scope| {
            for rank in 0..3 {
                let meeting = &meeting;
                scope.spawn(move || {
                    for round in 0..200 {
                        let parts = meeting.all_gather(rank, part(10 * round + rank));
                        let labels: Vec<usize> =
                            parts.iter().flat_map(|part| part.labels.clone()).collect();
                        assert_eq!(labels, [10 * round, 10 * round + 1, 10 * round + 2]);
                    }
                });
            }
        });
    }

    #[test]
    fn nobody_waits_for_who_has_failed() {
        let meeting = ProjectionExchange::new(2);
        let outcomes = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| meeting.all_gather(0, part(0)));
            let failing = scope.spawn(|| {
                let _here = meeting.panic_guard();
                panic!("out of memory");
            });
            (waiting.join().is_err(), failing.join().is_err())
        });
        assert_eq!(outcomes, (true, true));
    }
}
