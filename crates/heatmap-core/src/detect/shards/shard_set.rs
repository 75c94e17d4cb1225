//! [`ShardSet`]: the files of all shards of one log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::reader::{NAME, OpenShard};
use crate::detect::{DecisionConfig, LogDetectionConfig};
use crate::table::Shard;
use crate::{Error, Result};

/// The files of all shards of one log, which belong together.
pub struct ShardSet {
    /// In the order of their numbers.
    pub(super) shards: Vec<OpenShard>,
    /// The settings of all, but for what was said by [`ShardSet::decide_by`].
    pub(super) detection: LogDetectionConfig,
}

impl std::fmt::Debug for ShardSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShardSet").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

impl ShardSet {
    /// Opens the files that [`LogDetectionConfig::run_shard`] has left in `folder`, and looks
    /// whether they belong together. Other files in the folder are ignored.
    ///
    /// # Errors
    /// When there is none, one is missing, one is there twice, or one is of another version, of
    /// another log or of other settings; the error names the file or the shard.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut shards: BTreeMap<Shard, OpenShard> = BTreeMap::new();
        let mut first: Option<Shard> = None;
        for path in files(folder)? {
            let shard = OpenShard::open(&path)?;
            let number = shard.head.shard;
            if let Some(before) = first.and_then(|first| shards.get(&first))
                && let Some(differs) = shard.head.differs(&before.head)
            {
                let (path, before) = (path.display(), before.path.display());
                return Err(Error::Data(format!("{path} is {differs} than {before}")));
            }
            if let Some(twin) = shards.get(&number) {
                let (twin, path) = (twin.path.display(), path.display());
                return Err(Error::Data(format!(
                    "shard {number} is there twice, as {twin} and {path}"
                )));
            }
            first = first.or(Some(number));
            shards.insert(number, shard);
        }
        let Some(first) = first.and_then(|first| shards.get(&first)) else {
            return Err(Error::Data(format!("{}: no shard in this folder", folder.display())));
        };
        let detection = first.head.detection.clone();
        for number in 1..=first.head.shard.count() {
            let shard = Shard::new(number, first.head.shard.count())?;
            if !shards.contains_key(&shard) {
                return Err(Error::Data(format!("{}: shard {shard} is missing", folder.display())));
            }
        }
        Ok(Self { shards: shards.into_values().collect(), detection })
    }

    /// The settings of the detection.
    pub fn detection(&self) -> &LogDetectionConfig {
        &self.detection
    }

    /// Changes how banners are flagged, which nothing in the files depends on.
    pub fn decide_by(&mut self, decision: DecisionConfig) {
        self.detection.decision = decision;
    }

    /// What the program that wrote the first shard has kept in it.
    ///
    /// # Errors
    /// When it is no `T`.
    pub fn origin<T: DeserializeOwned>(&self) -> Result<T> {
        let first = self.shards.first().ok_or_else(|| Error::Data("no shard".to_owned()))?;
        T::deserialize(&first.head.origin).map_err(|error| first.broken(&error.to_string()))
    }

    /// Number of banners of the log, counted once for each display size.
    pub fn banners(&self) -> usize {
        self.shards.first().map_or(0, |shard| shard.head.banners)
    }
}

/// The files in a folder that are named as shards are, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(NAME.0) && name.ends_with(NAME.1) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
