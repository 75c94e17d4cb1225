//! [`RunFolder`]: the folder of one run. One program at a time writes in it. Every file is complete
//! or absent, except logs, which are appended to during training.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::date::utc;
use crate::{Error, Result, crash_point, sweep_unfinished, write_atomically};

/// The folder in which a run keeps its configuration, logs, checkpoints and results.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    /// Held while this program writes in the folder. The operating system releases it when the
    /// program ends, even if it is killed.
    _lock: Option<Arc<File>>,
}

impl RunFolder {
    /// Name of the configuration file, which marks a folder as that of a run.
    pub const CONFIG: &'static str = "config.json";
    /// Name of the file that is locked by the program that writes in the folder.
    pub const LOCK: &'static str = ".lock";

    /// Creates a folder for a new run, with `config` in it, and returns it. An earlier run at this
    /// path is kept: its folder gets the date and the time at which it began (UTC) behind its name,
    /// as in `<path>-2026-11-28T093015Z`, and a number behind that if there is such a folder. If
    /// the folder cannot be renamed, for example because it is a mount point or the current
    /// directory, its contents move to a folder `earlier-` with the date inside it. The new path of
    /// the earlier run, if there was one, is returned too.
    ///
    /// # Errors
    /// Returns an error when another program writes in the folder, or when the folder cannot be
    /// created or written.
    pub fn create(path: &Path, config: &impl Serialize) -> Result<(Self, Option<PathBuf>)> {
        let path = &settled(path);
        let lock = if path.is_dir() { lock(path)? } else { None };
        let moved = if path.join(Self::CONFIG).exists() { Some(move_aside(path)?) } else { None };
        drop(lock);
        crash_point();
        fs::create_dir_all(path).map_err(io_at(path))?;
        crash_point();
        let folder = Self { path: path.to_owned(), _lock: lock_again(path)? };
        sweep_unfinished(path)?;
        folder.write_json(Self::CONFIG, config)?;
        Ok((folder, moved))
    }

    /// Opens the folder of an earlier run for reading.
    ///
    /// # Errors
    /// Returns an error when the folder contains no run.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(Self::CONFIG).is_file() {
            return Err(bad_file(path, format!("no run in this folder: no {} here", Self::CONFIG)));
        }
        Ok(Self { path: path.to_owned(), _lock: None })
    }

    /// Opens the folder of an earlier run in order to resume the run. Files that a crash left
    /// half-written are removed.
    ///
    /// # Errors
    /// Returns an error when the folder contains no run, or when another program writes in it.
    pub fn open_to_write(path: &Path) -> Result<Self> {
        let folder = Self::open(path)?;
        let lock = lock_again(path)?;
        sweep_unfinished(path)?;
        Ok(Self { _lock: lock, ..folder })
    }

    /// Checks that a run can be created at `path`, before work is done whose results are to be
    /// stored there. It leaves no files behind.
    ///
    /// # Errors
    /// Returns an error when `path` is not a folder, when another program writes in it, or when it
    /// cannot be written.
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
        // The only way to know whether files can be created there is to create one.
        tempfile::Builder::new()
            .prefix(".unfinished-")
            .tempfile_in(nearest)
            .map_err(io_at(&path))?;
        Ok(())
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the file `name` in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes `value` as JSON to the file `name` in the folder.
    ///
    /// # Errors
    /// Returns an error when the file cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.file(name);
        let text = serde_json::to_string_pretty(value).map_err(|error| bad_file(&path, error))?;
        write_atomically(&path, |out| writeln!(out, "{text}"))
    }

    /// Reads a value as JSON from the file `name` in the folder.
    ///
    /// # Errors
    /// Returns an error when the file cannot be read, or does not contain such a value.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let path = self.file(name);
        let text = fs::read_to_string(&path).map_err(io_at(&path))?;
        serde_json::from_str(&text).map_err(|error| bad_file(&path, error))
    }
}

/// Returns the path of the actual folder: without a slash or dot at its end, and with a symbolic
/// link resolved, so that the link stays in place when its target moves.
fn settled(path: &Path) -> PathBuf {
    let plain: PathBuf = path.components().collect();
    let is_special = plain.is_symlink()
        || matches!(plain.components().next_back(), Some(Component::CurDir | Component::ParentDir));
    if is_special { fs::canonicalize(&plain).unwrap_or(plain) } else { plain }
}

/// Locks a folder that has a lock file; `None` if it has none, or if the file system has no locks.
fn lock(folder: &Path) -> Result<Option<Arc<File>>> {
    let path = folder.join(RunFolder::LOCK);
    // No run was ever created in a folder without a lock file.
    if !path.exists() { Ok(None) } else { lock_again(folder) }
}

/// Locks a folder, and creates its lock file if there is none; `None` if the file system has no
/// locks.
fn lock_again(folder: &Path) -> Result<Option<Arc<File>>> {
    let path = folder.join(RunFolder::LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io_at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Arc::new(file))),
        Err(TryLockError::WouldBlock) => Err(bad_file(
            folder,
            "another program is writing in this folder; wait for it, or choose another --out",
        )),
        Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
            Ok(None)
        }
        Err(TryLockError::Error(error)) => Err(io_at(&path)(error)),
    }
}

/// Moves an earlier run out of the way, and returns its new path.
fn move_aside(path: &Path) -> Result<PathBuf> {
    let config = path.join(RunFolder::CONFIG);
    let began = fs::metadata(&config).and_then(|found| found.modified());
    let date = utc(began.unwrap_or_else(|_| SystemTime::now()));
    let beside = first_free(|number| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("-{date}{number}"));
        PathBuf::from(name)
    });
    // After renaming the current directory, this program would be in the folder of the earlier
    // run.
    let is_here = std::env::current_dir()
        .is_ok_and(|here| fs::canonicalize(path).is_ok_and(|path| here == path));
    if !is_here && fs::rename(path, &beside).is_ok() {
        return Ok(beside);
    }
    let within = first_free(|number| path.join(format!("{EARLIER}{date}{number}")));
    fs::create_dir(&within).map_err(io_at(&within))?;
    for entry in fs::read_dir(path).map_err(io_at(path))? {
        let entry = entry.map_err(io_at(path))?;
        let name = entry.file_name();
        let stays = name.to_string_lossy().starts_with(EARLIER) || name == RunFolder::LOCK;
        if !stays {
            fs::rename(entry.path(), within.join(&name)).map_err(io_at(&entry.path()))?;
        }
    }
    Ok(within)
}

/// Prefix of the names of folders with earlier runs inside a folder.
const EARLIER: &str = "earlier-";

/// Returns the first path that is not there: without a number, with -2, -3 and so on.
fn first_free(numbered: impl Fn(&str) -> PathBuf) -> PathBuf {
    let numbers = std::iter::once(String::new()).chain((2..).map(|n| format!("-{n}")));
    numbers.map(|number| numbered(&number)).find(|aside| !aside.exists()).expect("one is free")
}

/// Returns a function for `map_err` that makes an error of the system one about `path`.
fn io_at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

fn bad_file(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::Data(format!("{}: {reason}", path.display()))
}

#[cfg(test)]
mod tests;
