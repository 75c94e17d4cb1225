//! [`RunFolder`]: the folder of one run. Every file in it is complete or absent, and one program at
//! a time writes there.

use std::fs::{self, File, TryLockError};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use heatmap_core::{crash_point, sweep_unfinished, write_atomically};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checkpoint::Checkpoints;
use crate::{Error, Result};

/// Where a run keeps its configuration, logs, checkpoints and results.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    /// Held while this program writes in the folder; the system lets go of it when the program
    /// ends, however it ends.
    _lock: Option<Arc<File>>,
}

impl RunFolder {
    /// Name of the file that makes a folder a run.
    pub const CONFIG: &'static str = "config.json";
    /// Name of the file that a program which writes in the folder has locked.
    pub const LOCK: &'static str = ".lock";

    /// A folder for a new run, with `config` in it. A run that is already there is kept: it moves
    /// aside to the first free of `<path>-1`, `<path>-2` and so on, or of `earlier-1` and so on
    /// within the folder where that cannot move, such as a mount point or the current folder. Where
    /// it went is returned too.
    ///
    /// # Errors
    /// When another program writes in the folder, or it cannot be made or written to.
    pub fn create(path: &Path, config: &impl Serialize) -> Result<(Self, Option<PathBuf>)> {
        let path = &settled(path);
        let lock = if path.is_dir() { lock(path)? } else { None };
        let moved = if path.join(Self::CONFIG).exists() { Some(move_aside(path)?) } else { None };
        drop(lock);
        crash_point();
        fs::create_dir_all(path).map_err(Error::io(path))?;
        crash_point();
        let folder = Self { path: path.to_owned(), _lock: lock_again(path)? };
        sweep_unfinished(path)?;
        folder.write_json(Self::CONFIG, config)?;
        Ok((folder, moved))
    }

    /// The folder of an earlier run, to read from.
    ///
    /// # Errors
    /// When there is no run in it.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(Self::CONFIG).is_file() {
            return Err(Error::bad_file(
                path,
                format!("no run in this folder: no {} here", Self::CONFIG),
            ));
        }
        Ok(Self { path: path.to_owned(), _lock: None })
    }

    /// The folder of an earlier run, to go on with it. Files that a crash left half-written are
    /// removed.
    ///
    /// # Errors
    /// When there is no run in it, or another program writes in it.
    pub fn open_to_write(path: &Path) -> Result<Self> {
        let folder = Self::open(path)?;
        let lock = lock_again(path)?;
        sweep_unfinished(path)?;
        Ok(Self { _lock: lock, ..folder })
    }

    /// Checks that a run could be made at `path`, before the work whose results are to go there.
    /// Nothing is made.
    ///
    /// # Errors
    /// When it is no folder, another program writes in it, or it cannot be written to.
    pub fn check_place(path: &Path) -> Result<()> {
        let path = settled(path);
        let mut nearest = path.as_path();
        while !nearest.exists() {
            nearest = nearest
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
        }
        if nearest == path {
            lock(&path)?;
        }
        // Whether files can be made there, only making one tells.
        tempfile::Builder::new()
            .prefix(".unfinished-")
            .tempfile_in(nearest)
            .map_err(Error::io(&path))?;
        Ok(())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of a file of this name in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The checkpoints of the run.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::new(self.file("checkpoints"))
    }

    /// Writes `value` as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.file(name);
        let text =
            serde_json::to_string_pretty(value).map_err(|error| Error::bad_file(&path, error))?;
        Ok(write_atomically(&path, |out| writeln!(out, "{text}"))?)
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// When the file cannot be read, or does not hold such a value.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let path = self.file(name);
        let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
        serde_json::from_str(&text).map_err(|error| Error::bad_file(&path, error))
    }
}

/// The path of the folder that is meant: without a slash or a point at its end, and of a link what
/// it leads to, so that the link stays one when the folder behind it moves.
fn settled(path: &Path) -> PathBuf {
    let plain: PathBuf = path.components().collect();
    let is_special = plain.is_symlink()
        || matches!(plain.components().next_back(), Some(Component::CurDir | Component::ParentDir));
    if is_special { fs::canonicalize(&plain).unwrap_or(plain) } else { plain }
}

/// The lock of a folder, unless the file system has none.
fn lock(folder: &Path) -> Result<Option<Arc<File>>> {
    let path = folder.join(RunFolder::LOCK);
    // Where no run was ever made there is nothing that could be locked.
    if !path.exists() { Ok(None) } else { lock_again(folder) }
}

/// The lock of a folder, whose file is made where there is none, unless the file system has none.
fn lock_again(folder: &Path) -> Result<Option<Arc<File>>> {
    let path = folder.join(RunFolder::LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Arc::new(file))),
        Err(TryLockError::WouldBlock) => Err(Error::bad_file(
            folder,
            "another program is writing in this folder; wait for it, or choose another --out",
        )),
        Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
            Ok(None)
        }
        Err(TryLockError::Error(error)) => Err(Error::io(&path)(error)),
    }
}

/// Moves a run out of the way, and says where it is now.
fn move_aside(path: &Path) -> Result<PathBuf> {
    let beside = first_free(|n| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("-{n}"));
        PathBuf::from(name)
    });
    // A program that is in the folder would stay in it, wherever it goes.
    let is_here = std::env::current_dir()
        .is_ok_and(|here| fs::canonicalize(path).is_ok_and(|path| here == path));
    if !is_here && fs::rename(path, &beside).is_ok() {
        return Ok(beside);
    }
    let within = first_free(|n| path.join(format!("{EARLIER}{n}")));
    fs::create_dir(&within).map_err(Error::io(&within))?;
    for entry in fs::read_dir(path).map_err(Error::io(path))? {
        let entry = entry.map_err(Error::io(path))?;
        let name = entry.file_name();
        let stays = name.to_string_lossy().starts_with(EARLIER) || name == RunFolder::LOCK;
        if !stays {
            fs::rename(entry.path(), within.join(&name)).map_err(Error::io(&entry.path()))?;
        }
    }
    Ok(within)
}

/// What folders of earlier runs within a folder are called.
const EARLIER: &str = "earlier-";

fn first_free(numbered: impl Fn(u32) -> PathBuf) -> PathBuf {
    (1..).map(numbered).find(|aside| !aside.exists()).expect("some number is free")
}

#[cfg(test)]
mod tests;
