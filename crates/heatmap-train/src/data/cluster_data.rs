//! [`ClusterData`]: what a network that counts or locates clusters knows of its data set.

use std::ops::RangeInclusive;

use heatmap_core::Grid;
use serde::{Deserialize, Serialize};

use super::SampleSource;
use crate::{Error, Result};

/// The grid of the heatmaps of a data set, and the numbers of clusters that they may have. A run
/// stores it as `data.json`, so that its network can be used where the data set is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterData {
    /// Name of the data set.
    pub name: String,
    /// Grid of every heatmap.
    pub grid: Grid,
    /// Smallest number of clusters, that of class 0.
    pub fewest: usize,
    /// Largest number of clusters, that of the last class.
    pub most: usize,
}

impl ClusterData {
    /// Describes a data set.
    ///
    /// # Errors
    /// Returns an error when its classes do not stand for numbers of clusters, each one more than
    /// the one before.
    pub fn of(source: &dyn SampleSource) -> Result<Self> {
        let counts = source.cluster_counts().ok_or_else(|| {
            let reason =
                "its classes are not numbers of clusters, each one more than the one before";
            Error::config("preset", source.name(), reason)
        })?;
        let (fewest, most) = counts.into_inner();
        Ok(Self { name: source.name().to_owned(), grid: source.grid(), fewest, most })
    }

    /// Returns the numbers of clusters of the classes, in their order.
    pub fn counts(&self) -> RangeInclusive<usize> {
        self.fewest..=self.most
    }

    /// Returns the number of classes.
    pub fn num_classes(&self) -> usize {
        self.counts().count()
    }
}
