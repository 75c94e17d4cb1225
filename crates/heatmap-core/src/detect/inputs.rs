//! [`LogInputs`]: the tables that detection works on, read together.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::{BannerFacts, FactNotes};
use crate::table::{
    BannerKey, ClickLog, ClickLogConfig, InputWarning, LabelTable, MetricsTable, Progress, Shard,
};
use crate::{Error, Result};

/// A click log with what else is known of its banners.
#[derive(Debug)]
pub struct LogInputs {
    /// The click log.
    pub log: ClickLog,
    /// Metrics, labels and examples; nothing where the log was merged from shards, which have them.
    pub known: BannerFacts,
    /// What is to be said of the tables of metrics and labels.
    pub notes: FactNotes,
}

/// The files that [`LogInputs`] are read from.
#[derive(Debug, Clone, Copy)]
pub struct LogFiles<'a> {
    /// Click tables, as CSV or Parquet files or folders of them.
    pub clicks: &'a [PathBuf],
    /// Metrics tables; may be empty.
    pub metrics: &'a [PathBuf],
    /// Label tables; may be empty.
    pub labels: &'a [PathBuf],
}

impl LogInputs {
    /// Reads all files. `progress` is called with how far the click log is read, and stops the
    /// reading by returning [`ControlFlow::Break`].
    ///
    /// # Errors
    /// When a table cannot be read or none of its rows can be used (the error names the file), or
    /// when `progress` returns [`ControlFlow::Break`].
    pub fn read(
        config: &ClickLogConfig,
        files: LogFiles<'_>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self> {
        Self::read_part(config, files, None, progress)
    }

    /// Reads all files as [`LogInputs::read`] does, but keeps the clicks of one shard alone.
    ///
    /// # Errors
    /// As [`LogInputs::read`].
    pub fn read_shard(
        config: &ClickLogConfig,
        files: LogFiles<'_>,
        shard: Shard,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self> {
        Self::read_part(config, files, Some(shard), progress)
    }

    fn read_part(
        config: &ClickLogConfig,
        files: LogFiles<'_>,
        shard: Option<Shard>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self> {
        let format = &config.format;
        let given = |paths: &'_ [PathBuf]| !paths.is_empty();
        // The small tables come first, so that an error in them shows before minutes of reading the
        // log.
        let metrics = given(files.metrics)
            .then(|| MetricsTable::read_as(files.metrics, format))
            .transpose()?;
        let labels =
            given(files.labels).then(|| LabelTable::read_as(files.labels, format)).transpose()?;
        let log = match shard {
            None => config.read(files.clicks, progress)?,
            Some(shard) => config.read_shard(files.clicks, shard, progress)?,
        };
        Ok(Self::new(log, BannerFacts { metrics, labels, examples: Vec::new() }))
    }

    /// Puts a log and what else is known of its banners together.
    pub fn new(log: ClickLog, known: BannerFacts) -> Self {
        let notes = FactNotes::of(&log, &known);
        Self { log, known, notes }
    }

    /// What was found out about all files that are not as described, a sentence for each kind of
    /// file.
    pub fn assumptions(&self) -> Vec<String> {
        self.log.assumptions().into_iter().chain(self.notes.assumptions.iter().cloned()).collect()
    }

    /// What makes one doubt that the files mean what was read from them.
    pub fn warnings(&self) -> Vec<InputWarning> {
        self.log.warnings().into_iter().chain(self.notes.warnings.iter().cloned()).collect()
    }

    /// Marks banners of the log as examples of good banners (or, if `good` is false, of broken
    /// ones). A name is a domain, or `GRID/DOMAIN` where several grids have that domain.
    ///
    /// # Errors
    /// When a name fits no banner or several, or the same banner is said to be good and broken; the
    /// error gives the name.
    pub fn add_examples(&mut self, names: &[String], good: bool) -> Result<()> {
        for name in names {
            let key = self.banner_named(name)?;
            let said_otherwise = |(other, said): &(BannerKey, bool)| *other == key && *said != good;
            if self.known.examples.iter().any(said_otherwise) {
                let reason = "the same banner is said to be good and broken";
                return Err(Error::Data(format!("{name}: {reason}")));
            }
            self.known.examples.push((key, good));
        }
        Ok(())
    }

    fn banner_named(&self, name: &str) -> Result<BannerKey> {
        let is_named = |key: &BannerKey| {
            let in_grid = name
                .split_once('/')
                .is_some_and(|(grid, domain)| key.grid_id == grid && key.domain == domain);
            in_grid || key.domain == *name
        };
        let mut found: Vec<BannerKey> =
            self.log.keys().map(|entry| entry.banner).filter(is_named).collect();
        // The same banner may occur in several sizes.
        found.dedup();
        match &found[..] {
            [] => Err(Error::Data(format!("{name}: no banner of this domain is in the log"))),
            [one] => Ok(one.clone()),
            [one, other, ..] => {
                let (first, second) = (&one.grid_id, &other.grid_id);
                Err(Error::Data(format!(
                    "{name}: several grids have this domain; say which, such as {first}/{name} or \
                     {second}/{name}"
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BannerSize, Grid, Heatmap};

    fn inputs() -> LogInputs {
        let config = ClickLogConfig::default();
        let display = BannerSize { width_px: 300, height_px: 250 };
        let heatmap = |(domain, grid_id): (&str, &str)| {
            let key = BannerKey { domain: domain.to_owned(), grid_id: grid_id.to_owned() };
            let mut values = vec![0.0; Grid::MEDIUM_RECTANGLE.len()];
            values[7] = 3.0;
            let heatmap = Heatmap::from_values(Grid::MEDIUM_RECTANGLE, values).unwrap();
            (key, display, heatmap)
        };
        let banners = [("a.com", "g"), ("b.com", "g"), ("b.com", "h")].map(heatmap);
        LogInputs::new(ClickLog::from_heatmaps(&config, banners).unwrap(), BannerFacts::default())
    }

    #[test]
    fn examples_are_banners_of_the_log_by_name() {
        let mut inputs = inputs();
        let add = |inputs: &mut LogInputs, name: &str, good| {
            inputs.add_examples(&[name.to_owned()], good).map_err(|error| error.to_string())
        };
        add(&mut inputs, "a.com", true).unwrap();
        add(&mut inputs, "h/b.com", false).unwrap();
        let key = |domain: &str, grid_id: &str| BannerKey {
            domain: domain.to_owned(),
            grid_id: grid_id.to_owned(),
        };
        assert_eq!(inputs.known.examples, [(key("a.com", "g"), true), (key("b.com", "h"), false)]);
        for (name, reason) in [
            ("c.com", "c.com: no banner of this domain is in the log"),
            ("b.com", "say which, such as g/b.com or h/b.com"),
            ("a.com", "is said to be good and broken"),
        ] {
            let error = add(&mut inputs, name, false).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
