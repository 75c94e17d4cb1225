//! The file of a [`SavedDetector`]: JSON with the name of the format and its version.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::SavedDetector;
use crate::{Error, Result, write_atomically};

/// What the file says it is.
const FORMAT: &str = "heatmap detector";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// What stands before the detector itself.
#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    detector: &'a SavedDetector,
}

#[derive(Deserialize)]
struct Read {
    detector: SavedDetector,
}

impl SavedDetector {
    /// Writes the detector to `path`; the file appears complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let written = Written { format: FORMAT, version: VERSION, detector: self };
        write_atomically(path, |out| Ok(serde_json::to_writer(out, &written)?))
    }

    /// Reads a detector.
    ///
    /// # Errors
    /// When the file cannot be read, is no detector, or is one of another version.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let bad = |what: String| Error::Data(format!("{}: {what}", path.display()));
        let no_detector = || bad("no detector that was saved by --save".to_owned());
        let head: Head = serde_json::from_str(&text).map_err(|_| no_detector())?;
        if head.format != FORMAT {
            return Err(no_detector());
        }
        if head.version != VERSION {
            return Err(bad(format!(
                "a detector of version {}; this program reads version {VERSION}: save it again",
                head.version
            )));
        }
        let Read { detector } = serde_json::from_str(&text)
            .map_err(|error| bad(format!("a broken detector: {error}")))?;
        detector.detection.decision.check().map_err(|error| bad(error.to_string()))?;
        Ok(detector)
    }
}
