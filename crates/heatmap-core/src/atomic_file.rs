//! Files that appear complete or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// Name of the variable that says at which [`crash_point`] a program ends.
const CRASH_AT: &str = "HEATMAP_CRASH_AT";

/// A moment between two operations on files. The program ends without warning, as if it were
/// killed, at the one whose number the variable `HEATMAP_CRASH_AT` has, counted from 1: so a test
/// can look at every state that a kill can leave.
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

/// How the names of files and folders begin that are not complete.
pub const UNFINISHED: &str = ".unfinished-";

/// Removes what programs that were killed have left half-written in a folder and in the folders
/// right in it. Of a program that is still at work it would take the files away: who calls this
/// knows that there is none.
///
/// # Errors
/// When something cannot be read or removed.
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
            // A folder that cannot be read is none of ours.
            (false, true) if deeper > 0 => _ = sweep(&path, deeper - 1),
            (false, _) => {}
        }
    }
    Ok(())
}

/// A file that is written beside its place and moves there when it is finished; dropped before, it
/// leaves nothing.
#[derive(Debug)]
pub struct UnfinishedFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl UnfinishedFile {
    /// Begins the file that will be at `path`.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn create(path: &Path) -> Result<Self> {
        let folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // A temporary file is private by default; what we leave is as readable as any file the user
        // writes.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let file = builder.prefix(UNFINISHED).tempfile_in(folder);
        let file = file.map_err(|source| Error::Io { path: path.to_owned(), source })?;
        crash_point();
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Writes to it, anywhere.
    ///
    /// # Errors
    /// Those of `write`, with the path.
    pub fn write(
        &mut self,
        write: impl FnOnce(&mut BufWriter<NamedTempFile>) -> std::io::Result<()>,
    ) -> Result<()> {
        write(&mut self.file).map_err(|source| Error::Io { path: self.path.clone(), source })
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// When the system cannot.
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
/// When the folder cannot be written to, or `write` fails.
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
