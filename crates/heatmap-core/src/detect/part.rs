//! [`Part`]: a part of the score of a banner, with its name, what it needs, and how it is fitted.

use std::cell::OnceCell;

use faer::Mat;

use super::{Anchor, DetectorConfig, KnownDefects, LikelihoodRatio, PooledShares, Score};
use crate::{Grid, Heatmap, Result};

/// What a part must have seen before it can score a banner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Needs {
    /// Nothing: the part is zero-shot.
    Nothing,
    /// The anchor of the grid: the part is one-shot.
    Anchor,
    /// The banners of the grid, without labels.
    Population,
    /// The [`Reference`](super::Reference): banners of the grid that are taken for good.
    Reference,
    /// Banners of the grid that are known to be broken.
    Labels,
}

/// How long a part takes for one banner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cost {
    /// Little enough for millions of banners.
    Low,
    /// Too much for them: [`PartSet::Fast`](super::PartSet::Fast) leaves the part out.
    High,
}

/// A part of the score: its name, its description, what it must have seen, and how it is fitted to
/// a grid.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its name, as in the header of `scores.csv`.
    pub name: &'static str,
    /// Its column heading in the report.
    pub title: &'static str,
    /// One or two sentences on what it measures.
    pub help: &'static str,
    /// What it must have seen.
    pub needs: Needs,
    /// How long it takes.
    pub cost: Cost,
    pub(super) fit: Fit,
}

/// How a part is fitted to a grid.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fit {
    /// With the other scores of fit, by [`GridFit`](super::GridFit).
    Together,
    /// By this function; it gives `None` where there is too little to fit.
    Alone(fn(&PartInputs<'_>) -> Result<FittedPart>),
}

/// The score of a part, if it could be fitted.
pub(super) type FittedPart = Option<Box<dyn Score<Heatmap>>>;

/// What parts are fitted to, and what several of them have in common.
pub(super) struct PartInputs<'a> {
    pub(super) config: &'a DetectorConfig,
    pub(super) anchor: &'a Anchor,
    /// The banners of the grid without labels.
    pub(super) population: &'a [&'a Heatmap],
    /// What the anchor looks like with the clicks that the settings of the clustering are made for.
    pub(super) good: Heatmap,
    pub(super) features: PooledShares,
    pub(super) ratio: LikelihoodRatio,
    pub(super) known: KnownDefects,
    table: OnceCell<Mat<f64>>,
}

impl<'a> PartInputs<'a> {
    /// Prepares what is common.
    ///
    /// # Errors
    /// When the anchor cannot be used.
    pub(super) fn new(
        config: &'a DetectorConfig,
        anchor: &'a Anchor,
        population: &'a [&'a Heatmap],
    ) -> Result<Self> {
        Ok(Self {
            config,
            anchor,
            population,
            good: anchor.map.heatmap(5_000.0),
            features: PooledShares::new(anchor.map.grid(), config.cell_bins),
            ratio: LikelihoodRatio::one_shot(anchor.map.clone())?,
            known: KnownDefects::new("known_defects", &anchor.map),
            table: OnceCell::new(),
        })
    }

    /// Returns the grid of bins.
    pub(super) fn grid(&self) -> Grid {
        self.anchor.map.grid()
    }

    /// Returns the feature vectors of the population, one a row; they are computed once.
    ///
    /// # Errors
    /// When a heatmap has other rows or columns of bins than the anchor.
    pub(super) fn table(&self) -> Result<&Mat<f64>> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let table = self.features.table(self.population)?;
        Ok(self.table.get_or_init(|| table))
    }
}
