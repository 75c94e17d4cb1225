//! [`Manifest`]: the file that marks the folder of a checkpoint as complete.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Names of the parts of a checkpoint, which are the three records that Burn saves.
pub(super) const PARTS: [&str; 3] = ["model", "optimizer", "scheduler"];
/// Name of the manifest file.
pub(super) const MANIFEST: &str = "manifest.json";

/// The sizes and checksums of all parts of a checkpoint. It is written last.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) step: usize,
    pub(super) parts: BTreeMap<String, PartInfo>,
    /// Score on held-out samples, if the best checkpoint is selected by it. `best.json` contains
    /// it too, but is written after this checkpoint is complete, and a crash may happen in between.
    #[serde(default)]
    pub(super) score: Option<f64>,
}

/// The size and the checksum of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartInfo {
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

impl PartInfo {
    /// Returns size and checksum of the content of a file.
    pub(super) fn of(content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, crc32: crc32fast::hash(content) }
    }
}

/// Reads the manifest in the folder of a checkpoint.
///
/// # Errors
/// Returns an error when the file is missing or is not a manifest.
pub(super) fn manifest_of(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
    serde_json::from_str(&text).map_err(|error| Error::bad_file(&path, error))
}

/// Returns the name of the file of a part.
pub(super) fn file_name(part: &str) -> String {
    format!("{part}.bpk")
}
