//! [`Manifest`]: what makes the folder of a checkpoint complete.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The parts of a checkpoint, Burn's three records.
pub(super) const PARTS: [&str; 3] = ["model", "optimizer", "scheduler"];
/// The file of the manifest.
pub(super) const MANIFEST: &str = "manifest.json";

/// Written last: the size and checksum of every part.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) step: usize,
    pub(super) parts: BTreeMap<String, PartInfo>,
    /// On held-out samples, where the best checkpoint is chosen by it. `best.json` has it too, but
    /// is written when this checkpoint is complete, and a crash may come between.
    #[serde(default)]
    pub(super) score: Option<f64>,
}

/// Size and checksum of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartInfo {
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

impl PartInfo {
    /// Of the content of a file.
    pub(super) fn of(content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, crc32: crc32fast::hash(content) }
    }
}

/// The manifest in the folder of a checkpoint.
///
/// # Errors
/// When there is none, or it is none.
pub(super) fn manifest_of(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
    serde_json::from_str(&text).map_err(|error| Error::bad_file(&path, error))
}

/// The file of a part.
pub(super) fn file_name(part: &str) -> String {
    format!("{part}.bpk")
}
