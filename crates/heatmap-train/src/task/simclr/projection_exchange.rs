//! [`ProjectionExchange`]: devices that share a batch hand each other their projections.
//!
//! A contrastive loss compares every image with every other, wherever it was embedded. Burn's
//! collective operations could gather them, but the CPU backend has none of these; so the workers
//! of burn-train's multi-device step meet here, in memory, once a step.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use burn::tensor::Tensor;

/// What one device brings.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Projections of first views, of second views and of negatives, each `[pairs, dim]`, without
    /// gradient.
    pub(super) views: Vec<Tensor<2>>,
    /// Label of each pair.
    pub(super) labels: Vec<usize>,
}

/// A place where so many threads exchange parts, again and again.
#[derive(Debug)]
pub(super) struct ProjectionExchange {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    parts: Vec<Option<Part>>,
    /// All parts, once everyone is there, and how many have yet to take them.
    complete: Option<(Arc<Vec<Part>>, usize)>,
    /// Whether someone will never come.
    broken: bool,
}

impl ProjectionExchange {
    pub(super) fn new(of: usize) -> Self {
        let state = State { parts: vec![None; of], complete: None, broken: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Brings the part of `rank`, waits for the others, and takes all parts in the order of their
    /// ranks.
    ///
    /// # Panics
    /// When another of them has failed: burn-train turns the panic of a worker into an error.
    pub(super) fn all_gather(&self, rank: usize, part: Part) -> Arc<Vec<Part>> {
        let mut state = self.lock();
        // Who is quick must not enter the next round before everyone has left this one.
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

    /// Lets nobody wait for a thread that panics while it holds this.
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

/// See [`ProjectionExchange::panic_guard`].
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
