//! [`BestCheckpoint`]: keeps track of which checkpoint has the best score on held-out samples.
//!
//! A score is recorded when a step is validated, and is written to `best.json` when the files of
//! its checkpoint are complete, so that the file never names a checkpoint that a crash left
//! unfinished. The manifest of the checkpoint contains the score too, in case a crash happens
//! between the two writes. The file keeps the score of a checkpoint that is removed later, so that
//! a run that is resumed from before its best step still knows the earlier scores.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heatmap_core::write_atomically;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The scores of the checkpoints, shared between the training loop, which computes them, and the
/// writers of checkpoints.
#[derive(Debug, Clone)]
pub(super) struct BestCheckpoint {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Scores of steps whose checkpoints are not complete yet.
    recorded: Vec<Scored>,
    /// Scores of steps whose checkpoints are complete, in the order of the steps: the contents of
    /// the file.
    complete: Vec<Scored>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scored {
    step: usize,
    score: f64,
    /// Whether the checkpoint may still exist. Early stopping uses the score in either case.
    kept: bool,
}

/// Returns the highest score, the first one if there are several.
fn best<'a>(all: impl Iterator<Item = &'a Scored>) -> Option<Scored> {
    all.copied().reduce(|best, next| if next.score > best.score { next } else { best })
}

impl State {
    fn best_kept(&self) -> Option<usize> {
        best(self.complete.iter().filter(|scored| scored.kept)).map(|best| best.step)
    }
}

impl BestCheckpoint {
    /// Reads the scores from the file; there are none if the file does not exist.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let complete = match fs::read_to_string(&path) {
            Ok(text) => {
                serde_json::from_str(&text).map_err(|error| Error::bad_file(&path, error))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io(&path)(error)),
        };
        let state = State { recorded: Vec::new(), complete };
        Ok(Self { path, state: Arc::new(Mutex::new(state)) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, complete: &[Scored]) -> Result<()> {
        let text = serde_json::to_string(complete).expect("numbers are JSON");
        Ok(write_atomically(&self.path, |out| writeln!(out, "{text}"))?)
    }

    /// Records the score of a step whose checkpoint is about to be written. A score that is not
    /// finite counts as the lowest one, so that such a step is never better than another and early
    /// stopping counts it.
    pub(super) fn record(&self, step: usize, score: f64) {
        let score = if score.is_finite() { score } else { f64::MIN };
        self.state().recorded.push(Scored { step, score, kept: true });
    }

    /// Returns the score of a step whose checkpoint is being written.
    pub(super) fn recorded(&self, step: usize) -> Option<f64> {
        self.state().recorded.iter().find(|scored| scored.step == step).map(|scored| scored.score)
    }

    /// Adds the score of a complete checkpoint, if the file does not contain it.
    pub(super) fn learn(&self, step: usize, score: f64) {
        let mut state = self.state();
        let at = state.complete.partition_point(|scored| scored.step < step);
        if state.complete.get(at).is_none_or(|scored| scored.step != step) {
            state.complete.insert(at, Scored { step, score, kept: true });
        }
    }

    /// Returns how many steps were scored after the best one. The checkpoint of the best step may
    /// no longer exist, if a later one became the best and the run was then resumed from before
    /// that.
    pub(super) fn evaluations_since_best(&self) -> usize {
        let state = self.state();
        let all = || state.complete.iter().chain(&state.recorded);
        best(all()).map_or(0, |best| all().filter(|scored| scored.step > best.step).count())
    }

    /// Marks the checkpoint of a step as complete, and returns the step of the best complete
    /// checkpoint.
    pub(super) fn confirm(&self, step: usize) -> Result<Option<usize>> {
        let mut state = self.state();
        if let Some(at) = state.recorded.iter().position(|scored| scored.step == step) {
            let scored = state.recorded.remove(at);
            state.complete.push(scored);
            self.write(&state.complete)?;
        }
        Ok(state.best_kept())
    }

    /// Returns the step of the best complete checkpoint.
    pub(super) fn step(&self) -> Option<usize> {
        self.state().best_kept()
    }

    /// Forgets the scores of all steps after `step`, from which the run is resumed, and marks all
    /// checkpoints as removed except those of the steps in `kept`.
    pub(super) fn rewind(&self, step: usize, kept: &[usize]) -> Result<()> {
        let mut state = self.state();
        let before = state.complete.clone();
        state.complete.retain(|scored| scored.step <= step);
        state.complete.iter_mut().for_each(|scored| scored.kept = kept.contains(&scored.step));
        if state.complete == before { Ok(()) } else { self.write(&state.complete) }
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
        best.record(5, f64::NAN);
        assert_eq!((best.step(), path.exists()), (None, false));
        assert_eq!((best.confirm(5).unwrap(), path.exists()), (Some(5), true));
        best.record(6, f64::INFINITY);
        assert_eq!(best.evaluations_since_best(), 1);
        best.record(10, 0.5);
        assert_eq!((best.step(), best.evaluations_since_best()), (Some(5), 0));
        assert_eq!(best.confirm(10).unwrap(), Some(10));
        best.record(20, 0.4);
        assert_eq!(best.confirm(20).unwrap(), Some(10));
        best.record(30, f64::NAN);
        best.record(40, 0.6);
        // The checkpoint is not complete yet, so the file still names the best complete one.
        assert_eq!(BestCheckpoint::open(path.clone()).unwrap().step(), Some(10));
        assert_eq!(best.confirm(40).unwrap(), Some(40));
        let again = BestCheckpoint::open(path.clone()).unwrap();
        again.record(50, 0.55);
        assert_eq!((again.step(), again.evaluations_since_best()), (Some(40), 1));
        // When the run is resumed from before its best step, the best checkpoint that still exists
        // is chosen, and early stopping uses all scores up to that step.
        let again = BestCheckpoint::open(path.clone()).unwrap();
        again.rewind(40, &[10, 40]).unwrap();
        assert_eq!((again.step(), again.evaluations_since_best()), (Some(40), 0));
        again.rewind(20, &[10, 20]).unwrap();
        assert_eq!((again.step(), again.evaluations_since_best()), (Some(10), 1));
        let gone = BestCheckpoint::open(path.clone()).unwrap();
        gone.rewind(20, &[20]).unwrap();
        assert_eq!((gone.step(), gone.evaluations_since_best()), (Some(20), 1));
        gone.rewind(5, &[]).unwrap();
        assert_eq!(BestCheckpoint::open(path).unwrap().step(), None);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("best.json");
        fs::write(&path, "{\"step\": 3").unwrap();
        assert!(BestCheckpoint::open(path).unwrap_err().to_string().contains("best.json: "));
    }
}
