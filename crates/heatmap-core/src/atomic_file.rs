//! Writes files atomically: a file appears at its path complete or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// Environment variable with the number of the [`crash_point`] at which the program aborts.
const CRASH_AT: &str = "HEATMAP_CRASH_AT";

/// Marks a moment between two file operations at which a test can kill the program.
///
/// The program aborts without warning at the call whose number, counted from 1, is in the
/// environment variable `HEATMAP_CRASH_AT`. So a test can look at every state of the files that a
/// kill can leave.
pub fn crash_point() {
    static AT: OnceLock<Option<u64>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let read = || std::env::var(CRASH_AT).ok().and_then(|number| number.parse().ok());
    if let Some(at) = *AT.get_or_init(read)
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == at
    {
        std::process::abort();
    }
}

/// Prefix of the names of files and folders that are not complete yet.
pub const UNFINISHED: &str = ".unfinished-";

/// Removes the half-written files and folders that killed programs have left in `folder` and in the
/// folders directly inside it.
///
/// It would also remove the files of a program that is still writing, so callers must know that no
/// such program is running.
///
/// # Errors
/// Returns an error when something cannot be read or removed.
pub fn sweep_unfinished(folder: &Path) -> Result<()> {
    sweep(folder, 1)
}

fn sweep(folder: &Path, deeper: usize) -> Result<()> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    for entry in std::fs::read_dir(folder).map_err(io(folder))? {
        let entry = entry.map_err(io(folder))?;
        let (path, is_folder) = (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_dir()));
        match (entry.file_name().to_string_lossy().starts_with(UNFINISHED), is_folder) {
            (true, true) => std::fs::remove_dir_all(&path).map_err(io(&path))?,
            (true, false) => std::fs::remove_file(&path).map_err(io(&path))?,
            // Errors in here are ignored: a folder that cannot be read was not written by us.
            (false, true) if deeper > 0 => _ = sweep(&path, deeper - 1),
            (false, _) => {}
        }
    }
    Ok(())
}

/// A file that is written under a temporary name in the folder of its path and renamed by
/// [`UnfinishedFile::finish`]; dropped before that, it leaves nothing.
#[derive(Debug)]
pub struct UnfinishedFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl UnfinishedFile {
    /// Opens a temporary file beside `path`, which is where the finished file will be.
    ///
    /// # Errors
    /// Returns an error when the folder cannot be written to.
    pub fn create(path: &Path) -> Result<Self> {
        let folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // Temporary files are private by default; the finished file is to be as readable as any
        // other file that the user writes.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let file = builder.prefix(UNFINISHED).tempfile_in(folder);
        let file = file.map_err(|source| Error::Io { path: path.to_owned(), source })?;
        crash_point();
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Calls `write` with the open file, in which it may also seek.
    ///
    /// # Errors
    /// Returns the error of `write` together with the path.
    pub fn write(
        &mut self,
        write: impl FnOnce(&mut BufWriter<NamedTempFile>) -> std::io::Result<()>,
    ) -> Result<()> {
        write(&mut self.file).map_err(|source| Error::Io { path: self.path.clone(), source })
    }

    /// Flushes the file to disk and renames it to its path.
    ///
    /// # Errors
    /// Returns an error when the file cannot be flushed to disk or renamed.
    pub fn finish(self) -> Result<()> {
        let Self { path, file } = self;
        let persist = || {
            let file = file.into_inner().map_err(|error| error.into_error())?;
            file.as_file().sync_all()?;
            crash_point();
            let kept = file.persist(&path).map_err(|error| error.error);
            crash_point();
            kept
        };
        persist().map(drop).map_err(|source| Error::Io { path: path.clone(), source })
    }
}

/// Writes a file beside `path` and renames it there when `write` has succeeded; otherwise nothing
/// is left behind.
///
/// # Errors
/// Returns an error when the folder cannot be written to, or `write` fails.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    let mut file = UnfinishedFile::create(path)?;
    file.write(|out| write(out))?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |out| {
            out.write_all(b"half")?;
            Err(std::io::Error::other("disk on fire"))
        });
        assert!(error.unwrap_err().to_string().contains("table.csv: disk on fire"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_unwritable_folder_is_an_error_with_the_path() {
        let error = write_atomically(Path::new("/no/such/folder/x"), |_| Ok(())).unwrap_err();
        assert!(error.to_string().starts_with("/no/such/folder/x: "));
    }
}
