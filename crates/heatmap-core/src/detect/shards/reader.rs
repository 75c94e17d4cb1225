//! [`OpenShard`]: the file of a shard that is read line by line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use serde::de::DeserializeOwned;

use super::banner_record::BannerRecord;
use super::grid_record::GridRecord;
use super::head::{Head, Stamp};
use crate::table::Shard;
use crate::{Error, Result};

/// What the names of all files of shards begin and end with.
pub(super) const NAME: (&str, &str) = ("shard-", ".jsonl.gz");

/// The name of the file of a shard.
pub(super) fn file_name(shard: Shard) -> String {
    format!("{}{}-of-{}{}", NAME.0, shard.number(), shard.count(), NAME.1)
}

/// A file whose head was read, and then grid by grid with its banners.
pub(super) struct OpenShard {
    pub(super) path: PathBuf,
    pub(super) head: Head,
    lines: Lines,
    /// The grid that comes next.
    next: Option<GridRecord>,
}

struct Lines {
    reader: BufReader<GzDecoder<BufReader<File>>>,
    line: String,
}

impl Lines {
    /// The value on the next line; `None` behind the last. The end of the file is read, too, so
    /// that its check sum is looked at.
    fn next<T: DeserializeOwned>(&mut self) -> std::result::Result<Option<T>, String> {
        self.line.clear();
        match self.reader.read_line(&mut self.line) {
            Ok(0) => Ok(None),
            Ok(_) => serde_json::from_str(&self.line).map(Some).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl OpenShard {
    /// Opens a file and reads its head.
    ///
    /// # Errors
    /// When the file cannot be read, is no shard, or one of another version.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file =
            File::open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let reader = BufReader::new(GzDecoder::new(BufReader::new(file)));
        let mut lines = Lines { reader, line: String::new() };
        let bad = |what: &str| Error::Data(format!("{}: {what}", path.display()));
        let no_shard = || bad("no shard that was written by --shard");
        let stamp: Option<Stamp> = lines.next().map_err(|_| no_shard())?;
        let stamp = stamp.filter(Stamp::is_of_a_shard).ok_or_else(no_shard)?;
        if stamp != Stamp::own() {
            let (is, own) = (stamp.words(), Stamp::own().words());
            return Err(bad(&format!(
                "a shard of {is}; this program merges {own}: write all shards again"
            )));
        }
        let broken = |what: String| bad(&format!("a broken shard: {what}"));
        let head = lines.next().map_err(broken)?;
        let head = head.ok_or_else(|| broken("it ends early".to_owned()))?;
        let mut shard = Self { path: path.to_owned(), head, lines, next: None };
        shard.advance()?;
        Ok(shard)
    }

    /// The number of the grid that comes next; `None` behind the last.
    pub(super) fn next_group(&self) -> Option<u32> {
        self.next.as_ref().map(|grid| grid.group)
    }

    /// Takes the grid that comes next. Its banners must be taken before [`OpenShard::advance`].
    pub(super) fn take_grid(&mut self) -> Option<GridRecord> {
        self.next.take()
    }

    /// Takes the next banner of the grid.
    ///
    /// # Errors
    /// When the file cannot be read, or there is none.
    pub(super) fn banner(&mut self) -> Result<BannerRecord> {
        let banner = self.lines.next().map_err(|what| self.broken(&what))?;
        banner.ok_or_else(|| self.broken("it ends early"))
    }

    /// Reads which grid comes next, after all banners of the one before.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn advance(&mut self) -> Result<()> {
        self.next = self.lines.next().map_err(|what| self.broken(&what))?;
        Ok(())
    }

    /// The error of a file that says something that cannot be; an error of another file stays.
    pub(super) fn blamed(&self, error: Error) -> Error {
        match error {
            Error::Io { .. } => error,
            other => self.broken(&other.to_string()),
        }
    }

    /// The error of a file that says something that cannot be.
    pub(super) fn broken(&self, what: &str) -> Error {
        Error::Data(format!("{}: a broken shard: {what}", self.path.display()))
    }
}
