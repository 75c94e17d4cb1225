//! [`SampleSource`]: the labelled heatmaps for counting and locating clusters.

use std::fmt;
use std::ops::RangeInclusive;

use heatmap_core::Grid;
use heatmap_core::synth::{Preset, Sample};

use crate::Result;

/// A data set of heatmaps with their classes and cluster centres. The same seed and index give the
/// same sample, on every machine and in every order of calls.
pub trait SampleSource: fmt::Debug + Send + Sync {
    /// Checks that the settings of the data set allow samples to be drawn.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    fn check(&self) -> Result<()>;

    /// Returns the name of the data set.
    fn name(&self) -> &str;

    /// Returns the grid of every heatmap.
    fn grid(&self) -> Grid;

    /// Returns the numbers of clusters that the classes stand for, in the order of the classes, or
    /// `None` if the classes stand for something else.
    fn cluster_counts(&self) -> Option<RangeInclusive<usize>>;

    /// Returns the number of classes.
    fn num_classes(&self) -> usize;

    /// Returns what a user should know of the files that the data set was read from, a sentence
    /// each: what was assumed of them, and what is doubtful.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the number of different samples of the data set with this seed, after which they
    /// repeat; `None` if no sample comes twice.
    fn num_samples(&self, _seed: u64) -> Option<usize> {
        None
    }

    /// Returns sample `index` of the data set with this seed.
    fn sample(&self, seed: u64, index: u64) -> Sample;
}

impl SampleSource for Preset {
    fn check(&self) -> Result<()> {
        Ok(Self::check(self)?)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn grid(&self) -> Grid {
        self.grid
    }

    fn cluster_counts(&self) -> Option<RangeInclusive<usize>> {
        Self::cluster_counts(self)
    }

    fn num_classes(&self) -> usize {
        Self::num_classes(self)
    }

    fn sample(&self, seed: u64, index: u64) -> Sample {
        Self::sample(self, seed, index)
    }
}
