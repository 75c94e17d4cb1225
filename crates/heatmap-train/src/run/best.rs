//! [`BestCheckpoint`]: which checkpoint had the best score on held-out samples.
//!
//! A step is proposed when it was scored, and written into `best.json` when its files are complete,
//! so that the file never names a checkpoint that a crash kept from being finished; the manifest of
//! the checkpoint has its score, too, for a crash between the two. The file has the score of every
//! such step: a run that goes back before its best still knows what came earlier.

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

#[derive(Debug)]
struct State {
    /// Scored, but not complete.
    recorded: Vec<Scored>,
    /// Scored and complete, by step: what the file has.
    complete: Vec<Scored>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scored {
    step: usize,
    score: f64,
    /// Whether the checkpoint may be there still; the score counts in any case, for patience.
    kept: bool,
}

/// The one with the highest score, the first of several.
fn best<'a>(all: impl Iterator<Item = &'a Scored>) -> Option<Scored> {
    all.copied().reduce(|best, next| if next.score > best.score { next } else { best })
}

impl State {
    fn best_kept(&self) -> Option<usize> {
        best(self.complete.iter().filter(|scored| scored.kept)).map(|best| best.step)
    }
}

impl BestCheckpoint {
    /// What the file says; nothing, when there is none.
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

    /// Tells the score of a step whose checkpoint is about to be written.
    pub(super) fn record(&self, step: usize, score: f64) {
        if score.is_finite() {
            self.state().recorded.push(Scored { step, score, kept: true });
        }
    }

    /// The score of a step whose checkpoint is being written.
    pub(super) fn recorded(&self, step: usize) -> Option<f64> {
        self.state().recorded.iter().find(|scored| scored.step == step).map(|scored| scored.score)
    }

    /// Takes the score of a complete checkpoint that the file does not have.
    pub(super) fn learn(&self, step: usize, score: f64) {
        let mut state = self.state();
        let at = state.complete.partition_point(|scored| scored.step < step);
        if state.complete.get(at).is_none_or(|scored| scored.step != step) {
            state.complete.insert(at, Scored { step, score, kept: true });
        }
    }

    /// How many steps were scored since the best one, whose checkpoint may be gone when the run
    /// went back before another.
    pub(super) fn evaluations_since_best(&self) -> usize {
        let state = self.state();
        let all = || state.complete.iter().chain(&state.recorded);
        best(all()).map_or(0, |best| all().filter(|scored| scored.step > best.step).count())
    }

    /// Tells that the checkpoint of a step is complete, and gives the step of the best complete
    /// one.
    pub(super) fn confirm(&self, step: usize) -> Result<Option<usize>> {
        let mut state = self.state();
        if let Some(at) = state.recorded.iter().position(|scored| scored.step == step) {
            let scored = state.recorded.remove(at);
            state.complete.push(scored);
            self.write(&state.complete)?;
        }
        Ok(state.best_kept())
    }

    /// The step of the best complete one.
    pub(super) fn step(&self) -> Option<usize> {
        self.state().best_kept()
    }

    /// Forgets the steps behind `step`, from where the run goes on, and that there are checkpoints
    /// but of the steps `kept`.
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
        assert_eq!((best.confirm(5).unwrap(), path.exists()), (None, false));
        best.record(10, 0.5);
        assert_eq!((best.step(), best.evaluations_since_best(), path.exists()), (None, 0, false));
        assert_eq!(best.confirm(10).unwrap(), Some(10));
        best.record(20, 0.4);
        assert_eq!(best.confirm(20).unwrap(), Some(10));
        best.record(30, f64::NAN);
        best.record(40, 0.6);
        // Not complete yet: the file still names what can be read.
        assert_eq!(BestCheckpoint::open(path.clone()).unwrap().step(), Some(10));
        assert_eq!(best.confirm(40).unwrap(), Some(40));
        let again = BestCheckpoint::open(path.clone()).unwrap();
        again.record(50, 0.55);
        assert_eq!((again.step(), again.evaluations_since_best()), (Some(40), 1));
        // Going back before the best, the best that is still there counts, and patience knows all
        // scores.
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
