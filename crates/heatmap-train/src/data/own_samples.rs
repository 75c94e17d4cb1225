//! [`OwnSamples`]: the caller's own labelled heatmaps as a data set.

use std::ops::RangeInclusive;

use heatmap_core::synth::Sample;
use heatmap_core::table::{ClickLog, LabelTable};
use heatmap_core::{Grid, Heatmap, sample_rng};
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
    /// The seed of each split and, for each class, the indices of its samples in that split.
    splits: Vec<(u64, Vec<Vec<usize>>)>,
}

/// Smallest number of heatmaps per class: two in each of four splits.
const MIN_PER_CLASS: usize = 8;

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
        let mut parts: Vec<(u64, Vec<Vec<usize>>)> =
            splits.map(|split| (split.seed(seed), Vec::new())).to_vec();
        for (class, mut of_class) in by_class.into_iter().enumerate() {
            of_class.shuffle(&mut sample_rng(seed, class as u64));
            let share = |percent: usize| (of_class.len() * percent / 100).max(2);
            let (valid, fit, test) = (share(10), share(15), share(15));
            let train = of_class.len() - valid - fit - test;
            let mut rest = &of_class[..];
            for ((_, classes), count) in parts.iter_mut().zip([train, valid, fit, test]) {
                let (these, others) = rest.split_at(count);
                classes.push(these.to_vec());
                rest = others;
            }
        }
        let name = name.to_owned();
        Ok(Self { name, class_names, samples, cluster_counts: None, splits: parts })
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

    /// Declares that class `i` holds the heatmaps with `first + i` clusters, as counting and
    /// locating require.
    pub fn with_cluster_counts_from(self, first: usize) -> Self {
        let last = first + self.class_names.len() - 1;
        Self { cluster_counts: Some(first..=last), ..self }
    }

    /// The samples of each class in the split that has this seed.
    ///
    /// # Panics
    /// When no split has it: the data set was made for runs with another seed, and a split that is
    /// guessed could show training what evaluation is measured on.
    fn split(&self, seed: u64) -> &[Vec<usize>] {
        let found = self.splits.iter().find(|(known, _)| *known == seed);
        &found.unwrap_or_else(|| panic!("`{}` was made for runs with another seed", self.name)).1
    }

    fn of_class(&self, seed: u64, class: usize, index: u64) -> &Sample {
        let of_class = &self.split(seed)[class];
        &self.samples[of_class[(index % of_class.len() as u64) as usize]]
    }
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

    /// Returns the samples of all classes in turn.
    fn sample(&self, seed: u64, index: u64) -> Sample {
        let classes = self.class_names.len() as u64;
        self.of_class(seed, (index % classes) as usize, index / classes).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const GRID: Grid = Grid { rows: 4, columns: 5, bin_size_px: 5.0 };

    fn numbered(count: usize, classes: usize) -> Vec<(Heatmap, usize)> {
        let heatmap = |at: usize| Heatmap::from_values(GRID, vec![at as f32 + 1.0; 20]).unwrap();
        (0..count).map(|at| (heatmap(at), at % classes)).collect()
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn splits_share_no_heatmap_and_have_all_of_them() {
        let source = OwnSamples::of_heatmaps("own", names(2), numbered(60, 2), 7).unwrap();
        let mut seen = BTreeSet::new();
        for (split, of_class) in
            [(Split::Train, 19), (Split::Valid, 3), (Split::Fit, 4), (Split::Test, 4)]
        {
            for class in 0..2 {
                let heatmaps: BTreeSet<u32> = (0..100)
                    .map(|at| source.heatmap(split.seed(7), class, at).values()[0] as u32)
                    .collect();
                assert_eq!(heatmaps.len(), of_class);
                assert!(heatmaps.iter().all(|value| (value - 1) % 2 == class as u32));
                assert!(heatmaps.iter().all(|value| seen.insert(*value)), "{split:?}");
            }
        }
        assert_eq!(seen.len(), 60);
    }

    #[test]
    #[should_panic(expected = "`own` was made for runs with another seed")]
    fn a_split_is_never_guessed() {
        let source = OwnSamples::of_heatmaps("own", names(2), numbered(60, 2), 7).unwrap();
        let _ = source.heatmap(Split::Test.seed(8), 0, 0);
    }

    #[test]
    fn what_cannot_be_learned_from_is_refused() {
        let refused = |classes: usize, heatmaps: Vec<(Heatmap, usize)>| {
            OwnSamples::of_heatmaps("own", names(classes), heatmaps, 1).unwrap_err().to_string()
        };
        assert!(refused(1, numbered(20, 1)).contains("has 1 classes"));
        assert!(refused(2, numbered(30, 3)).contains("has the class 2"));
        assert!(refused(2, numbered(15, 2)).contains("fewer than 8"));
        let mut mixed = numbered(40, 2);
        let other = Grid { rows: 5, columns: 4, ..GRID };
        mixed[9].0 = Heatmap::from_values(other, vec![1.0; 20]).unwrap();
        assert!(refused(2, mixed).contains("sample 9 of `own` lies on another grid"));
    }
}
