//! [`RunFolder`]: the folder of one run. Every file in it is complete or absent.

use std::fs;
use std::path::{Path, PathBuf};

use heatmap_core::write_atomically;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checkpoint::Checkpoints;
use crate::{Error, Result};

/// Where a run keeps its configuration, logs, checkpoints and results.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Name of the file that makes a folder a run.
    pub const CONFIG: &'static str = "config.json";

    /// A folder for a new run, with `config` in it. A run that is already there is kept: it moves aside to the first free
    /// of `<path>-1`, `<path>-2` and so on, which is returned too.
    ///
    /// # Errors
    /// When the folder cannot be made or written to.
    pub fn create(path: &Path, config: &impl Serialize) -> Result<(Self, Option<PathBuf>)> {
        let moved = if path.join(Self::CONFIG).exists() { Some(move_aside(path)?) } else { None };
        fs::create_dir_all(path).map_err(Error::io(path))?;
        let folder = Self { path: path.to_owned() };
        folder.write_json(Self::CONFIG, config)?;
        Ok((folder, moved))
    }

    /// The folder of an earlier run.
    ///
    /// # Errors
    /// When there is no run in it.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(Self::CONFIG).is_file() {
            return Err(Error::bad_file(path, format!("no run in this folder: no {} here", Self::CONFIG)));
        }
        Ok(Self { path: path.to_owned() })
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
        let text = serde_json::to_string_pretty(value).map_err(|error| Error::bad_file(&path, error))?;
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

fn move_aside(path: &Path) -> Result<PathBuf> {
    let numbered = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("-{n}"));
        PathBuf::from(name)
    };
    let free = (1..).map(numbered).find(|aside| !aside.exists()).expect("some number is free");
    fs::rename(path, &free).map_err(Error::io(path))?;
    Ok(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_run_moves_aside() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        for (seed, aside) in [(1, None), (2, Some("run-1")), (3, Some("run-2"))] {
            let (folder, moved) = RunFolder::create(&path, &seed).unwrap();
            assert_eq!(moved, aside.map(|name| root.path().join(name)));
            assert_eq!(folder.read_json::<i32>(RunFolder::CONFIG).unwrap(), seed);
        }
        assert_eq!(RunFolder::open(&root.path().join("run-1")).unwrap().read_json::<i32>("config.json").unwrap(), 1);
    }

    #[test]
    fn a_folder_without_a_run_is_left_in_place() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("notes.txt"), "mine").unwrap();
        assert!(RunFolder::open(root.path()).unwrap_err().to_string().contains("no run in this folder"));
        let (_, moved) = RunFolder::create(root.path(), &1).unwrap();
        assert_eq!(moved, None);
        assert!(root.path().join("notes.txt").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = RunFolder::create(Path::new("/proc/no/run"), &1).unwrap_err().to_string();
        assert!(error.starts_with("/proc/no/run: "), "{error}");
        let root = tempfile::tempdir().unwrap();
        let (folder, _) = RunFolder::create(&root.path().join("run"), &"text").unwrap();
        assert!(folder.read_json::<i32>("config.json").unwrap_err().to_string().contains("config.json: invalid type"));
    }
}
