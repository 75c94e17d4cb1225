//! [`BestCheckpoint`]: which checkpoint had the best score on held-out samples.
//!
//! It is proposed when it was scored, and written into `best.json` when its files are complete, so that the file never names
//! a checkpoint that a crash kept from being finished.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heatmap_core::write_atomically;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Shared between the loop, which scores, and the writers of checkpoints.
#[derive(Debug, Clone)]
pub(super) struct BestCheckpoint {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The best of all that were scored.
    proposed: Option<Scored>,
    /// The best of those that are complete.
    complete: Option<Scored>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scored {
    step: usize,
    score: f64,
}

impl BestCheckpoint {
    /// What the file says; nothing, when there is none.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let known = match fs::read_to_string(&path) {
            Ok(text) => Some(serde_json::from_str(&text).map_err(|error| Error::bad_file(&path, error))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(&path)(error)),
        };
        let state = State { proposed: known, complete: known };
        Ok(Self { path, state: Arc::new(Mutex::new(state)) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the score of a step whose checkpoint is about to be written.
    pub(super) fn propose(&self, step: usize, score: f64) {
        let mut state = self.state();
        if score.is_finite() && state.proposed.is_none_or(|best| score > best.score) {
            state.proposed = Some(Scored { step, score });
        }
    }

    /// Steps since the best one.
    pub(super) fn age(&self, step: usize) -> usize {
        self.state().proposed.map_or(0, |best| step.saturating_sub(best.step))
    }

    /// Tells that the checkpoint of a step is complete, and gives the step of the best complete one.
    pub(super) fn completed(&self, step: usize) -> Result<Option<usize>> {
        let mut state = self.state();
        if let Some(best) = state.proposed.filter(|best| best.step == step) {
            let text = serde_json::to_string(&best).expect("two numbers are JSON");
            write_atomically(&self.path, |out| writeln!(out, "{text}"))?;
            state.complete = Some(best);
        }
        Ok(state.complete.map(|best| best.step))
    }

    /// The step of the best complete one.
    pub(super) fn step(&self) -> Option<usize> {
        self.state().complete.map(|best| best.step)
    }

    /// Forgets a best checkpoint behind `step`, from where the run goes on.
    pub(super) fn forget_after(&self, step: usize) -> Result<()> {
        let mut state = self.state();
        if state.complete.is_some_and(|best| best.step > step) {
            fs::remove_file(&self.path).map_err(Error::io(&self.path))?;
            *state = State::default();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_known_when_it_is_complete_and_survives() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("best.json");
        let best = BestCheckpoint::open(path.clone()).unwrap();
        best.propose(5, f64::NAN);
        assert_eq!((best.completed(5).unwrap(), path.exists()), (None, false));
        best.propose(10, 0.5);
        assert_eq!((best.step(), best.age(30), path.exists()), (None, 20, false));
        assert_eq!(best.completed(10).unwrap(), Some(10));
        best.propose(20, 0.4);
        assert_eq!(best.completed(20).unwrap(), Some(10));
        best.propose(30, f64::NAN);
        best.propose(40, 0.6);
        // Not complete yet: the file still names what can be read.
        assert_eq!(BestCheckpoint::open(path.clone()).unwrap().step(), Some(10));
        assert_eq!(best.completed(40).unwrap(), Some(40));
        let again = BestCheckpoint::open(path.clone()).unwrap();
        again.propose(50, 0.55);
        assert_eq!((again.step(), again.age(50)), (Some(40), 10));
        again.forget_after(40).unwrap();
        assert_eq!(again.step(), Some(40));
        again.forget_after(39).unwrap();
        assert_eq!((again.step(), path.exists()), (None, false));
    }

    #[test]
    fn a_damaged_file_is_named() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("best.json");
        fs::write(&path, "{\"step\": 3").unwrap();
        assert!(BestCheckpoint::open(path).unwrap_err().to_string().contains("best.json: "));
    }
}
