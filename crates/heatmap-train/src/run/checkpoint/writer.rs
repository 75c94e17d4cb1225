//! [`PartCheckpointer`]: three writers, of which the last to finish completes the checkpoint.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Bytes;
use burn::train::checkpoint::{Checkpoint as Record, Checkpointer, CheckpointerError};
use heatmap_core::crash_point;

use super::Checkpoints;
use crate::run::best::BestCheckpoint;
use crate::run::manifest::{MANIFEST, Manifest, PARTS, PartInfo, file_name};
use crate::{Error, Result};

/// State that the three writers share.
pub(super) struct Shared {
    pub(super) checkpoints: Checkpoints,
    pub(super) best: Option<BestCheckpoint>,
    /// Parts of unfinished checkpoints that are already on disk, by step.
    pub(super) pending: Mutex<BTreeMap<usize, BTreeMap<String, PartInfo>>>,
}

/// A checkpointer that writes and reads one of the three records.
pub(in crate::run) struct PartCheckpointer {
    pub(super) part: &'static str,
    pub(super) shared: Arc<Shared>,
}

impl PartCheckpointer {
    pub(super) fn write(&self, step: usize, content: &[u8]) -> Result<()> {
        let Shared { checkpoints, best, pending } = &*self.shared;
        let folder = checkpoints.unfinished_path_of(step);
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        crash_point();
        write_synced(&folder.join(file_name(self.part)), content)?;

        let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = pending.entry(step).or_default();
        parts.insert(self.part.to_owned(), PartInfo::of(content));
        if parts.len() < PARTS.len() {
            return Ok(());
        }
        let parts = std::mem::take(parts);
        pending.remove(&step);
        let score = best.as_ref().and_then(|best| best.recorded(step));
        let manifest = serde_json::to_vec_pretty(&Manifest { step, parts, score })
            .expect("a manifest is JSON");
        write_synced(&folder.join(MANIFEST), &manifest)?;
        let path = checkpoints.path_of(step);
        if path.exists() {
            // A checkpoint of the same step was written before a resume; the new one replaces it.
            fs::remove_dir_all(&path).map_err(Error::io(&path))?;
        }
        crash_point();
        fs::rename(&folder, &path).map_err(Error::io(&path))?;
        crash_point();
        // The rename itself must survive a crash of the machine.
        File::open(&checkpoints.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::io(&checkpoints.folder))?;
        let best = best.as_ref().map(|best| best.confirm(step)).transpose()?.flatten();
        checkpoints.remove_old(best)
    }
}

impl<R: Record> Checkpointer<R> for PartCheckpointer {
    fn save(&self, step: usize, record: R) -> std::result::Result<(), CheckpointerError> {
        let content = record.checkpoint_into_bytes().map_err(CheckpointerError::Record)?;
        self.write(step, &content).map_err(|error| CheckpointerError::Unknown(error.to_string()))
    }

    /// Does nothing, because old checkpoints are removed when a new one is complete.
    fn delete(&self, _step: usize) -> std::result::Result<(), CheckpointerError> {
        Ok(())
    }

    fn restore(&self, step: usize) -> std::result::Result<R, CheckpointerError> {
        let path = self.shared.checkpoints.path_of(step).join(file_name(self.part));
        let content = fs::read(path).map_err(CheckpointerError::IOError)?;
        R::checkpoint_from_bytes(Bytes::from_bytes_vec(content)).map_err(CheckpointerError::Record)
    }
}

fn write_synced(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        // The file is written in two halves, so that tests can kill the program between them.
        let (first, rest) = content.split_at(content.len() / 2);
        file.write_all(first)?;
        crash_point();
        file.write_all(rest)?;
        file.sync_all()?;
        crash_point();
        Ok(())
    };
    write().map_err(Error::io(path))
}
