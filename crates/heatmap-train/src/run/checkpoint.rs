//! [`Checkpoints`]: the checkpoints of a run, in folders that are complete or absent.
//!
//! ```text
//! checkpoints/step-000100/model.bpk optimizer.bpk scheduler.bpk manifest.json
//! ```
//!
//! Burn's learner passes three records (model, optimiser, scheduler), one after another, to three
//! threads. Each thread writes its record into a hidden folder. The last one to finish adds the
//! manifest, which has the size and checksum of each record, and renames the folder. A crash at any
//! moment leaves either the complete checkpoint or a hidden folder that the next run removes.

mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use burn::module::Module;
use burn::optim::OptimizerRecord;
use burn::optim::lr_scheduler::LrSchedulerRecord;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use burn::train::checkpoint::Checkpoint as Record;
use heatmap_core::{RunFolder, UNFINISHED, crash_point, sweep_unfinished};

use self::writer::{PartCheckpointer, Shared};
use super::best::BestCheckpoint;
use super::manifest::{MANIFEST, PARTS, PartInfo, file_name, manifest_of};
use crate::{Error, Result};

/// The checkpoints of a run.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

/// A complete checkpoint: its files have the sizes and checksums in its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Number of steps done when it was written.
    pub step: usize,
    /// Path of its folder.
    pub path: PathBuf,
}

impl Checkpoints {
    /// Number of newest checkpoints that are kept, in addition to the best one.
    const KEEP: usize = 2;

    /// Returns the checkpoints of the run in `folder`.
    pub fn of(folder: &RunFolder) -> Self {
        Self::new(folder.file("checkpoints"))
    }

    /// Creates a handle on the checkpoints in this folder, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns the newest complete checkpoint, and an error for each newer one that is damaged.
    ///
    /// # Errors
    /// Returns an error when there is no complete checkpoint; it says what is wrong with the
    /// newest.
    pub fn newest_complete(&self) -> Result<(Checkpoint, Vec<Error>)> {
        let mut broken = Vec::new();
        for (step, path) in self.folders()?.into_iter().rev() {
            match Checkpoint::verify(&path) {
                Ok(checkpoint) if checkpoint.step == step => return Ok((checkpoint, broken)),
                Ok(checkpoint) => {
                    broken.push(of_other_step(&path, checkpoint.step));
                }
                Err(error) => broken.push(error),
            }
        }
        Err(match broken.into_iter().next() {
            Some(error) => error,
            None => Error::bad_file(&self.folder, "no checkpoint to resume from"),
        })
    }

    /// Returns whether there is no checkpoint, not even a damaged one.
    ///
    /// # Errors
    /// Returns an error when the folder cannot be read.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.folders()?.is_empty())
    }

    /// Returns the checkpoint of this step, if it is complete.
    ///
    /// # Errors
    /// Returns an error that names the file that is missing, truncated or changed.
    pub fn at_step(&self, step: usize) -> Result<Checkpoint> {
        let path = self.path_of(step);
        let checkpoint = Checkpoint::verify(&path)?;
        if checkpoint.step == step {
            Ok(checkpoint)
        } else {
            Err(of_other_step(&path, checkpoint.step))
        }
    }

    /// Creates the three checkpointers that Burn needs: for model, optimiser and scheduler.
    pub(super) fn checkpointers(&self, best: Option<BestCheckpoint>) -> [PartCheckpointer; 3] {
        let shared =
            Arc::new(Shared { checkpoints: self.clone(), best, pending: Mutex::default() });
        PARTS.map(|part| PartCheckpointer { part, shared: shared.clone() })
    }

    /// Returns the scores of the checkpoints, from `best.json` and the manifests.
    ///
    /// # Errors
    /// Returns an error when `best.json` or the folder cannot be read.
    pub(super) fn best(&self) -> Result<BestCheckpoint> {
        let best = BestCheckpoint::open(self.folder.join("best.json"))?;
        for (step, path) in self.folders()? {
            // A damaged checkpoint is reported when it is used.
            if let Some(score) = manifest_of(&path)
                .ok()
                .filter(|manifest| manifest.step == step)
                .and_then(|it| it.score)
            {
                best.learn(step, score);
            }
        }
        Ok(best)
    }

    /// Reads the model of a complete checkpoint.
    pub(super) fn model_record(&self, step: usize) -> Result<ModuleRecord> {
        read_record(&self.at_step(step)?, PARTS[0])
    }

    /// Checks that a run with this network can be resumed from a complete checkpoint. burn-train
    /// panics when a record cannot be read or belongs to another network.
    ///
    /// # Errors
    /// Returns an error that names the record that does not fit.
    pub(super) fn check_records<M: Module>(&self, step: usize, model: M) -> Result<()> {
        let checkpoint = self.at_step(step)?;
        let record: ModuleRecord = read_record(&checkpoint, PARTS[0])?;
        if let Err(error) = model.try_load_record(record) {
            let reason = format!("not of the network that config.json has: {error}");
            return Err(Error::bad_file(&checkpoint.path.join(file_name(PARTS[0])), reason));
        }
        read_record::<OptimizerRecord>(&checkpoint, PARTS[1])?;
        read_record::<LrSchedulerRecord>(&checkpoint, PARTS[2]).map(drop)
    }

    /// Creates the folder, and removes unfinished checkpoints that a crash left. It also removes
    /// all checkpoints after `step`, from which the run continues, because the run will reach those
    /// steps again.
    ///
    /// # Errors
    /// Returns an error when the folder cannot be written, or when the best checkpoint up to `step`
    /// is damaged.
    pub(super) fn prepare(&self, step: usize) -> Result<()> {
        fs::create_dir_all(&self.folder).map_err(Error::io(&self.folder))?;
        sweep_unfinished(&self.folder)?;
        let (kept, later): (Vec<_>, Vec<_>) =
            self.folders()?.into_iter().partition(|(found, _)| *found <= step);
        let best = self.best()?;
        best.rewind(step, &kept.iter().map(|(found, _)| *found).collect::<Vec<usize>>())?;
        if let Some(step) = best.step() {
            // Damage is better reported now than after the last step.
            self.at_step(step).map_err(|error| {
                let reason = format!(
                    "the best checkpoint so far: {error}; to go on without it, remove this folder"
                );
                Error::bad_file(&self.path_of(step), reason)
            })?;
        }
        for (_, path) in later {
            fs::remove_dir_all(&path).map_err(Error::io(&path))?;
        }
        Ok(())
    }

    /// Returns the folders with their steps, in ascending order.
    fn folders(&self) -> Result<Vec<(usize, PathBuf)>> {
        if !self.folder.exists() {
            return Ok(Vec::new());
        }
        let mut folders = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(Error::io(&self.folder))? {
            let entry = entry.map_err(Error::io(&self.folder))?;
            let step = entry
                .file_name()
                .to_string_lossy()
                .strip_prefix("step-")
                .and_then(|step| step.parse().ok());
            if let Some(step) = step {
                folders.push((step, entry.path()));
            }
        }
        folders.sort();
        Ok(folders)
    }

    fn path_of(&self, step: usize) -> PathBuf {
        self.folder.join(format!("step-{step:06}"))
    }

    fn unfinished_path_of(&self, step: usize) -> PathBuf {
        self.folder.join(format!("{UNFINISHED}step-{step:06}"))
    }

    fn remove_old(&self, best: Option<usize>) -> Result<()> {
        let mut folders = self.folders()?;
        folders.truncate(folders.len().saturating_sub(Self::KEEP));
        for (_, path) in folders.into_iter().filter(|(step, _)| Some(*step) != best) {
            fs::remove_dir_all(&path).map_err(Error::io(&path))?;
            crash_point();
        }
        Ok(())
    }
}

impl Checkpoint {
    /// Returns the checkpoint in this folder, if it is complete.
    ///
    /// # Errors
    /// Returns an error that names the file that is missing, truncated or changed.
    fn verify(path: &Path) -> Result<Self> {
        let (manifest, manifest_path) = (manifest_of(path)?, path.join(MANIFEST));
        for part in PARTS {
            let Some(expected) = manifest.parts.get(part) else {
                return Err(Error::bad_file(&manifest_path, format!("no part `{part}`")));
            };
            let file = path.join(file_name(part));
            let content = fs::read(&file).map_err(Error::io(&file))?;
            let found = PartInfo::of(&content);
            if found.bytes != expected.bytes {
                let reason = format!(
                    "{} bytes where the manifest has {}: truncated?",
                    found.bytes, expected.bytes
                );
                return Err(Error::bad_file(&file, reason));
            }
            if found != *expected {
                return Err(Error::bad_file(
                    &file,
                    "its checksum differs from the manifest: damaged?",
                ));
            }
        }
        Ok(Self { step: manifest.step, path: path.to_owned() })
    }
}

/// Reads one part of a checkpoint.
fn read_record<R: Record>(checkpoint: &Checkpoint, part: &str) -> Result<R> {
    let path = checkpoint.path.join(file_name(part));
    let content = fs::read(&path).map_err(Error::io(&path))?;
    R::checkpoint_from_bytes(Bytes::from_bytes_vec(content))
        .map_err(|error| Error::bad_file(&path, error))
}

/// Returns an error for a folder that was renamed.
fn of_other_step(path: &Path, step: usize) -> Error {
    Error::bad_file(path, format!("its manifest is of step {step}"))
}

#[cfg(test)]
mod tests;
