//! Finds the files that paths stand for: a file, or all tables in a folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::table) struct TableFile {
    pub(in crate::table) path: PathBuf,
    pub(in crate::table) bytes: u64,
}

/// The ends of names of tables in a folder.
const TABLES: [&str; 7] =
    [".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst", ".parquet"];

/// Returns the files that `paths` stand for. A folder stands for the tables directly in it, by
/// name, where hidden ones are left out; `-` stands for standard input.
///
/// # Errors
/// Returns an error when there is no path, a path does not exist, a folder has no table, or a file
/// would be read twice.
pub(in crate::table) fn table_files(paths: &[PathBuf]) -> Result<Vec<TableFile>> {
    if paths.is_empty() {
        return Err(Error::Data("no file to read: name a file or a folder".to_owned()));
    }
    let mut files = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            files.push(TableFile { path: path.clone(), bytes: 0 });
            continue;
        }
        let found =
            std::fs::metadata(path).map_err(|source| Error::Io { path: path.clone(), source })?;
        if found.is_dir() {
            files.extend(tables_in(path)?);
        } else {
            files.push(TableFile { path: path.clone(), bytes: found.len() });
        }
    }
    let mut seen = BTreeSet::new();
    for TableFile { path, .. } in &files {
        // A pipe has no path of its own and can be read only once anyway.
        if path.as_os_str() != "-" && !std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
            continue;
        }
        let canonical = match path.as_os_str() == "-" {
            true => path.clone(),
            false => {
                path.canonicalize().map_err(|source| Error::Io { path: path.clone(), source })?
            }
        };
        if !seen.insert(canonical) {
            return Err(Error::Data(format!(
                "{}: named twice, its rows would count twice",
                path.display()
            )));
        }
    }
    Ok(files)
}

fn tables_in(folder: &Path) -> Result<Vec<TableFile>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let found =
            std::fs::metadata(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_table = TABLES.iter().any(|end| name.ends_with(end));
        if is_table && !hidden && found.is_file() {
            files.push(TableFile { path, bytes: found.len() });
        }
    }
    if files.is_empty() {
        return Err(Error::Data(format!(
            "{}: no table in this folder: no {}",
            folder.display(),
            TABLES.map(|end| format!("*{end}")).join(", ")
        )));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Whether the name of a file ends in `.extension`, in upper or lower case.
pub(in crate::table) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_tables_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["b.csv", "a.PARQUET", "c.csv.gz", "d.TSV", "notes.txt", ".hidden.csv", "_SUCCESS"]
        {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        std::fs::create_dir(folder.path().join("deeper.csv")).unwrap();
        let files = table_files(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> =
            files.iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.PARQUET", "b.csv", "c.csv.gz", "d.TSV"]);
        assert_eq!(files[1].bytes, 5);
    }

    #[test]
    fn what_is_not_there_or_there_twice_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let error = table_files(std::slice::from_ref(&path)).unwrap_err().to_string();
        assert!(
            error.contains(path.to_str().unwrap()) && error.contains("no *.csv, *.tsv"),
            "{error}"
        );
        std::fs::write(path.join("a.csv"), "x").unwrap();
        let error = table_files(&[path.clone(), path.join("a.csv")]).unwrap_err().to_string();
        assert!(error.contains("a.csv: named twice"), "{error}");
        assert!(table_files(&[path.join("b.csv")]).unwrap_err().to_string().contains("b.csv"));
        assert!(table_files(&[]).is_err());
        assert!(table_files(&["-".into()]).is_ok());
        let error = table_files(&["-".into(), "-".into()]).unwrap_err().to_string();
        assert!(error.contains("-: named twice"), "{error}");
    }
}
