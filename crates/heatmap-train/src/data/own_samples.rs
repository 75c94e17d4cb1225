//! [`OwnSamples`]: the caller's own labelled heatmaps as a data set.

use std::ops::RangeInclusive;

use heatmap_core::synth::Sample;
use heatmap_core::table::{BannerHeatmap, BannerKey, ClickLog, ClusterTable, Clusters, LabelTable};
use heatmap_core::{BannerSize, Grid, Heatmap, Point, sample_rng};
use rand::seq::SliceRandom;

use super::{ClassSource, SampleSource, Split};
use crate::{Error, Result};

/// A data set of labelled heatmaps in memory, for SimCLR, counting and locating.
///
/// Every class is split at random into a part for training (60 %) and three held-out parts: for
/// validation (10 %), for fitting everything apart from the network (15 %) and for the reported
/// scores (15 %), with at least two heatmaps each. Unlike the library's data sets, which are
/// endless, this one repeats its heatmaps, in the same order in every pass.
#[derive(Debug, Clone)]
pub struct OwnSamples {
    name: String,
    class_names: Vec<String>,
    samples: Vec<Sample>,
    cluster_counts: Option<RangeInclusive<usize>>,
    splits: Vec<OwnSplit>,
    notes: Vec<String>,
}

/// One split.
#[derive(Debug, Clone)]
struct OwnSplit {
    seed: u64,
    /// Whether its samples come as often from one class as from another.
    is_balanced: bool,
    /// The indices of the samples of each class.
    classes: Vec<Vec<usize>>,
    /// The indices of all samples, of the classes in turn as long as they have any.
    order: Vec<usize>,
}

impl OwnSplit {
    fn new(split: Split, seed: u64) -> Self {
        let is_balanced = split == Split::Train;
        Self { seed: split.seed(seed), is_balanced, classes: Vec::new(), order: Vec::new() }
    }

    fn put_in_order(&mut self) {
        let longest = self.classes.iter().map(Vec::len).max().unwrap_or(0);
        let in_turn = |at: usize| self.classes.iter().filter_map(move |class| class.get(at));
        self.order = (0..longest).flat_map(in_turn).copied().collect();
    }
}

/// Smallest number of heatmaps per class: two in each of four splits.
const MIN_PER_CLASS: usize = 8;

/// Largest difference between numbers of clusters; each number between them is a class.
const MAX_COUNTS: usize = 1_000;

impl OwnSamples {
    /// Creates a data set for runs with this `seed`. The class of a sample is its position in
    /// `class_names`.
    ///
    /// # Errors
    /// Returns an error when there are fewer than two classes, when the class of a sample has no
    /// name, when a class has fewer than eight heatmaps, or when heatmaps lie on different grids.
    pub fn new(
        name: &str,
        class_names: Vec<String>,
        samples: Vec<Sample>,
        seed: u64,
    ) -> Result<Self> {
        if class_names.len() < 2 {
            return Err(Error::data(format!(
                "`{name}` has {} classes, not two",
                class_names.len()
            )));
        }
        let mut by_class = vec![Vec::new(); class_names.len()];
        for (at, sample) in samples.iter().enumerate() {
            let of_class = by_class.get_mut(sample.class).ok_or_else(|| {
                Error::data(format!("sample {at} of `{name}` has the class {}", sample.class))
            })?;
            of_class.push(at);
            if sample.heatmap.grid() != samples[0].heatmap.grid() {
                return Err(Error::data(format!("sample {at} of `{name}` lies on another grid")));
            }
        }
        if let Some(few) = by_class.iter().position(|of_class| of_class.len() < MIN_PER_CLASS) {
            let (class, count) = (&class_names[few], by_class[few].len());
            let reason = format!("`{class}` has {count} heatmaps, fewer than {MIN_PER_CLASS}");
            return Err(Error::data(format!("`{name}`: {reason}")));
        }
        let splits = [Split::Train, Split::Valid, Split::Fit, Split::Test];
        let mut parts = splits.map(|split| OwnSplit::new(split, seed)).to_vec();
        for (class, mut of_class) in by_class.into_iter().enumerate() {
            of_class.shuffle(&mut sample_rng(seed, class as u64));
            let share = |percent: usize| (of_class.len() * percent / 100).max(2);
            let (valid, fit, test) = (share(10), share(15), share(15));
            let train = of_class.len() - valid - fit - test;
            let mut rest = &of_class[..];
            for (part, count) in parts.iter_mut().zip([train, valid, fit, test]) {
                let (these, others) = rest.split_at(count);
                part.classes.push(these.to_vec());
                rest = others;
            }
        }
        parts.iter_mut().for_each(OwnSplit::put_in_order);
        let name = name.to_owned();
        let (cluster_counts, splits, notes) = (None, parts, Vec::new());
        Ok(Self { name, class_names, samples, cluster_counts, splits, notes })
    }

    /// Creates a data set from pairs of a heatmap and its class, for SimCLR.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`OwnSamples::new`].
    pub fn of_heatmaps(
        name: &str,
        class_names: Vec<String>,
        heatmaps: Vec<(Heatmap, usize)>,
        seed: u64,
    ) -> Result<Self> {
        let sample = |(heatmap, class)| Sample {
            heatmap,
            class,
            centres: Vec::new(),
            broken: false,
            lost_clicks: 0,
        };
        Self::new(name, class_names, heatmaps.into_iter().map(sample).collect(), seed)
    }

    /// Creates a data set from the labelled banners of a click log: working banners are class 0 and
    /// broken ones class 1. Banners without a label are left out.
    ///
    /// # Errors
    /// Returns an error when the log cannot be read again, when its banners have several sizes and
    /// no common one (see [`ClickLogConfig::common_size`](heatmap_core::table::ClickLogConfig)), or
    /// when either class has fewer than eight banners.
    pub fn of_log(name: &str, log: &ClickLog, labels: &LabelTable, seed: u64) -> Result<Self> {
        let mut heatmaps = Vec::new();
        for banner in log.banners() {
            let banner = banner?;
            if let Some(broken) = labels.get(&banner.banner, banner.display) {
                heatmaps.push((banner.heatmap, usize::from(broken)));
            }
        }
        let classes = ["good", "broken"].map(str::to_owned).to_vec();
        Self::of_heatmaps(name, classes, heatmaps, seed)
    }

    /// Creates a data set for counting and locating from the banners of a click log whose clusters
    /// are known; the others are left out. Centres become those in the bins of the log.
    ///
    /// # Errors
    /// Returns an error when the log cannot be read again, when its banners have several sizes and
    /// no common one (see [`ClickLogConfig::common_size`](heatmap_core::table::ClickLogConfig)),
    /// when a centre lies outside of its banner, or when one of the numbers of clusters from the
    /// smallest to the largest has fewer than eight banners.
    pub fn of_clusters(
        name: &str,
        log: &ClickLog,
        clusters: &ClusterTable,
        seed: u64,
    ) -> Result<Self> {
        let mut counted = Vec::new();
        for banner in log.banners() {
            let banner = banner?;
            if let Some(clusters) = clusters.get(&banner.banner, banner.display) {
                let centres = centres_in_bins(&banner, clusters)?;
                counted.push((banner.heatmap, clusters.count, centres));
            }
        }
        let counts = counted.iter().map(|(_, count, _)| *count);
        let Some((fewest, most)) = counts.clone().min().zip(counts.max()) else {
            return Err(Error::data(format!("`{name}` has no banner whose clusters are known")));
        };
        if most - fewest > MAX_COUNTS {
            let reason = format!("banners with {fewest} and with {most} clusters, too far apart");
            return Err(Error::data(format!("`{name}` has {reason}")));
        }
        let names = (fewest..=most).map(|count| format!("{count} clusters")).collect();
        let sample = |(heatmap, count, centres)| Sample {
            heatmap,
            class: count - fewest,
            centres,
            broken: false,
            lost_clicks: 0,
        };
        let samples = counted.into_iter().map(sample).collect();
        Ok(Self::new(name, names, samples, seed)?.with_cluster_counts_from(fewest))
    }

    /// Says what a user should know of the files of the data set; see [`ClassSource::notes`].
    pub(super) fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// Declares that class `i` holds the heatmaps with `first + i` clusters, as counting and
    /// locating require.
    pub fn with_cluster_counts_from(self, first: usize) -> Self {
        let last = first + self.class_names.len() - 1;
        Self { cluster_counts: Some(first..=last), ..self }
    }

    /// The split that has this seed.
    ///
    /// # Panics
    /// When no split has it: the data set was made for runs with another seed, and a split that is
    /// guessed could show training what evaluation is measured on.
    fn split(&self, seed: u64) -> &OwnSplit {
        let found = self.splits.iter().find(|split| split.seed == seed);
        found.unwrap_or_else(|| panic!("`{}` was made for runs with another seed", self.name))
    }

    fn of_class(&self, seed: u64, class: usize, index: u64) -> &Sample {
        let of_class = &self.split(seed).classes[class];
        &self.samples[of_class[(index % of_class.len() as u64) as usize]]
    }
}

/// Returns the centres of the clusters of a banner in the bins of its heatmap.
fn centres_in_bins(banner: &BannerHeatmap, clusters: &Clusters) -> Result<Vec<Point>> {
    let BannerSize { width_px, height_px } = banner.display;
    let (width, height) = (f64::from(width_px), f64::from(height_px));
    let grid = banner.heatmap.grid();
    let in_bins = |&Point { x, y }: &Point| {
        if x > width || y > height {
            let BannerKey { domain, grid_id } = &banner.banner;
            return Err(Error::data(format!(
                "the centre ({x}, {y}) of ({domain}, {grid_id}) is outside of its {width_px} x \
                 {height_px} px"
            )));
        }
        Ok(Point { x: x / width * grid.columns as f64, y: y / height * grid.rows as f64 })
    };
    clusters.centres.iter().flatten().map(in_bins).collect()
}

impl ClassSource for OwnSamples {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn class_names(&self) -> Vec<String> {
        self.class_names.clone()
    }

    fn heatmap(&self, seed: u64, class: usize, index: u64) -> Heatmap {
        self.of_class(seed, class, index).heatmap.clone()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

impl SampleSource for OwnSamples {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn grid(&self) -> Grid {
        self.samples[0].heatmap.grid()
    }

    fn cluster_counts(&self) -> Option<RangeInclusive<usize>> {
        self.cluster_counts.clone()
    }

    fn num_classes(&self) -> usize {
        self.class_names.len()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn num_samples(&self, seed: u64) -> Option<usize> {
        Some(self.split(seed).order.len())
    }

    /// Training sees the samples of all classes in turn, so that rare classes count as much as
    /// frequent ones; the other splits have every sample once before they repeat.
    fn sample(&self, seed: u64, index: u64) -> Sample {
        let split = self.split(seed);
        if split.is_balanced {
            let classes = self.class_names.len() as u64;
            return self.of_class(seed, (index % classes) as usize, index / classes).clone();
        }
        self.samples[split.order[(index % split.order.len() as u64) as usize]].clone()
    }
}

#[cfg(test)]
mod tests;
