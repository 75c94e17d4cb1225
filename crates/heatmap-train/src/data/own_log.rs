//! [`OwnLog`]: a click log of the user's own as the data set of a run.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use heatmap_core::table::{
    BannerKey, ClickLog, ClickLogConfig, ClusterTable, CoordinateUnit, LabelTable, TableFormat,
};
use heatmap_core::{BannerSize, Grid};
use serde::{Deserialize, Serialize};

use super::log_banners::MAX_HELD_OUT;
use super::{ClassSource, LogBanners, OwnSamples, SampleSource};
use crate::{Error, Result};

/// The tables that a data set is read from, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnLog {
    /// Click tables.
    pub clicks: Vec<PathBuf>,
    /// Label tables. SimCLR learns from which banners are broken and, without any, from every
    /// banner as a class of its own; counting and locating need the clusters of the banners.
    #[serde(default)]
    pub labels: Vec<PathBuf>,
    /// Banners with fewer clicks are left out.
    pub min_clicks: u64,
    /// Edge of a bin in px.
    pub bin_size_px: f64,
    /// The size on whose bins all banners are put; `None` for the most frequent display size.
    #[serde(default)]
    pub common_size: Option<BannerSize>,
    /// What `click_x` and `click_y` count.
    #[serde(default)]
    pub unit: CoordinateUnit,
    /// How all tables are written, as far as that cannot be seen.
    #[serde(default)]
    pub format: TableFormat,
}

impl OwnLog {
    /// Largest number of classes that an evaluation distinguishes.
    pub const MAX_EVALUATED_CLASSES: usize = MAX_HELD_OUT;

    /// Takes these tables, with the settings of `detect`.
    pub fn new(clicks: Vec<PathBuf>, labels: Vec<PathBuf>) -> Self {
        Self {
            clicks,
            labels,
            min_clicks: 20,
            bin_size_px: 5.0,
            common_size: None,
            unit: CoordinateUnit::default(),
            format: TableFormat::default(),
        }
    }

    /// Reads the data set for runs with this `seed`, and returns it with the grid of its heatmaps:
    /// working banners against broken ones with labels ([`OwnSamples::of_log`]), banners against
    /// each other without ([`LogBanners`]).
    ///
    /// # Errors
    /// Returns an error when no click table is named, a table cannot be read, or it has too few
    /// banners.
    pub fn source(&self, seed: u64) -> Result<(Arc<dyn ClassSource>, Grid)> {
        let (name, (log, grid)) = (self.name(), self.log()?);
        let source: Arc<dyn ClassSource> = match &self.labels[..] {
            [] => {
                let notes = notes(&log, &[]);
                Arc::new(LogBanners::of_log(&name, &log, seed)?.with_notes(notes))
            }
            labels => {
                let labels = LabelTable::read_as(labels, &self.format)?;
                let notes = notes(&log, &labels.assumptions());
                Arc::new(OwnSamples::of_log(&name, &log, &labels, seed)?.with_notes(notes))
            }
        };
        Ok((source, grid))
    }

    /// Reads the labelled data set for runs with this `seed` that count or locate clusters: the
    /// banners whose clusters are in the label tables (see [`ClusterTable::read`]). With `located`
    /// all of them must have their centres there.
    ///
    /// # Errors
    /// Returns an error when there are no label tables, when a table cannot be read, or when it has
    /// too few banners.
    pub fn clusters(&self, seed: u64, located: bool) -> Result<Arc<dyn SampleSource>> {
        let clusters = self.cluster_table()?;
        let mut counted = clusters.iter().filter(|(_, _, known)| known.centres.is_none());
        if located && let Some((BannerKey { domain, grid_id }, ..)) = counted.next() {
            return Err(Error::data(format!(
                "({domain}, {grid_id}) has a number of clusters but no centres: columns `centre_x` \
                 and `centre_y`, a row for each cluster"
            )));
        }
        let (log, _) = self.log()?;
        let notes = notes(&log, &clusters.assumptions());
        let samples = OwnSamples::of_clusters(&self.name(), &log, &clusters, seed)?;
        Ok(Arc::new(samples.with_notes(notes)))
    }

    /// Reads the label tables as tables of clusters.
    ///
    /// # Errors
    /// Returns an error when there are none, or when one cannot be read or has no cluster.
    pub fn cluster_table(&self) -> Result<ClusterTable> {
        if self.labels.is_empty() {
            let reason = "clusters are learned from tables with their numbers or their centres";
            return Err(Error::config("own.labels", "[]", reason));
        }
        let clusters = ClusterTable::read_as(&self.labels, &self.format)?;
        match clusters.is_empty() {
            true => Err(Error::data("the labels have no banner whose clusters are known")),
            false => Ok(clusters),
        }
    }

    /// Returns what the data set is called.
    pub fn name(&self) -> String {
        let names = self.clicks.iter().map(|path| path.display().to_string());
        names.collect::<Vec<_>>().join(", ")
    }

    /// Reads the log on the bins of one size, and returns it with their grid.
    fn log(&self) -> Result<(ClickLog, Grid)> {
        if self.clicks.is_empty() {
            return Err(Error::config("own.clicks", "[]", "names no click table"));
        }
        let size = match self.common_size {
            Some(size) => size,
            None => most_frequent_size(&self.read(None)?),
        };
        let log = self.read(Some(size))?;
        let grid = log.config().grid_of(size)?;
        Ok((log, grid))
    }

    fn read(&self, common_size: Option<BannerSize>) -> Result<ClickLog> {
        let config = ClickLogConfig {
            bin_size_px: self.bin_size_px,
            min_clicks: self.min_clicks,
            common_size,
            unit: self.unit,
            format: self.format.clone(),
            ..ClickLogConfig::default()
        };
        Ok(config.read(&self.clicks, &mut |_| ControlFlow::Continue(()))?)
    }
}

/// What a user should know of the tables: see [`ClassSource::notes`].
fn notes(log: &ClickLog, of_labels: &[String]) -> Vec<String> {
    let assumed = log.assumptions().into_iter().chain(of_labels.iter().cloned());
    let read = assumed.map(|assumed| format!("Read {assumed}."));
    read.chain(log.warnings().iter().map(|warning| format!("Warning: {warning}"))).collect()
}

/// The display size of most banners, the first of several.
fn most_frequent_size(log: &ClickLog) -> BannerSize {
    let mut counts: BTreeMap<BannerSize, usize> = BTreeMap::new();
    log.keys().for_each(|entry| *counts.entry(entry.display).or_default() += 1);
    let most = counts.values().max().copied();
    let found = counts.into_iter().find(|(_, count)| Some(*count) == most);
    found.map(|(size, _)| size).expect("a log has banners")
}
