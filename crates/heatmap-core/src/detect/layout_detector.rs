//! [`LayoutDetector`]: every score of a heatmap, fitted to one grid in one size.

use serde::{Deserialize, Serialize};

use super::part::PARTS;
use super::{
    Anchor, ClickMap, CosineAnchor, DirichletMultinomial, EarthMoverConfig, FIT_PARTS, GridFit,
    IsolationForestConfig, KnnDistanceConfig, KnownDefects, LayoutDistance, LikelihoodRatio,
    MahalanobisConfig, NoiseShare, OnFeatures, PcaReconstructionConfig, PooledShares, Reference,
    Score,
};
use crate::{Heatmap, Result};

/// Which parts a detector computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartSet {
    /// All parts.
    #[default]
    All,
    /// Only parts that are fast enough for millions of banners: those that are sums over the bins,
    /// and the scores of fit but for the network, relative to a smaller reference. All others are
    /// missing.
    Fast,
}

/// Settings of [`LayoutDetector`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectorConfig {
    /// Which parts are computed.
    pub parts: PartSet,
    /// Side of a cell in bins, for the feature vectors.
    pub cell_bins: usize,
    /// Number of principal components that `pca_reconstruction` removes.
    pub components: usize,
    /// Number of nearest neighbours that `knn_distance` averages over.
    pub neighbors: usize,
    /// Seed of the isolation forest.
    pub seed: u64,
}

impl Default for DetectorConfig {
    fn default() -> Self {
        Self { parts: PartSet::All, cell_bins: 5, components: 8, neighbors: 10, seed: 0 }
    }
}

/// Computes all parts of a banner; it is fitted to one grid in one size.
pub struct LayoutDetector {
    /// The scores of fit, which come first in [`PARTS`]; `None` without a reference.
    fit: Option<GridFit>,
    ratio: LikelihoodRatio,
    known: KnownDefects,
    /// The scores of the other [`PARTS`], in order; `None` where there was too little to fit.
    scores: Vec<Option<Box<dyn Score<Heatmap>>>>,
}

impl LayoutDetector {
    /// Smallest population that `pca_reconstruction`, `mahalanobis`, `knn_distance` and
    /// `isolation_forest` are fitted to.
    pub const MIN_POPULATION: usize = 20;

    /// Fits all scores to the anchor of a grid, to a `population` of its heatmaps without labels
    /// (which may be those that are scored later), and to the reference of the grid.
    ///
    /// # Errors
    /// When a heatmap has other rows or columns of bins than the anchor.
    pub fn fit(
        config: &DetectorConfig,
        anchor: &Anchor,
        population: &[&Heatmap],
        reference: Option<&Reference>,
    ) -> Result<Self> {
        let grid = anchor.map.grid();
        let ratio = LikelihoodRatio::one_shot(anchor.map.clone())?;
        let known = KnownDefects::new("known_defects", &anchor.map);
        let features = PooledShares::new(grid, config.cell_bins);
        // The number of clicks that the settings of the clustering are made for.
        let good = anchor.map.heatmap(5_000.0);
        let cosine = CosineAnchor::new(&features.of(&good)?)?;
        let fast = config.parts == PartSet::Fast;
        let [clumps, earth] =
            if fast { [None, None] } else { against_reference(anchor, population) };
        let mut scores: Vec<Option<Box<dyn Score<Heatmap>>>> = vec![
            clumps,
            earth,
            Some(Box::new(ratio.clone())),
            Some(Box::new(known.clone())),
            // A map without clusters has no layout to measure a distance from.
            LayoutDistance::fit(&good).ok().map(|score| Box::new(score) as _),
            Some(Box::new(OnFeatures::new(features, cosine))),
            Some(Box::new(LikelihoodRatio::zero_shot(grid))),
            Some(Box::new(KnownDefects::new("zero_shot_defects", &ClickMap::steps(grid)))),
            Some(Box::new(NoiseShare)),
        ];
        if fast {
            for (score, part) in scores.iter_mut().zip(&PARTS[FIT_PARTS.len()..]) {
                score.take_if(|_| matches!(part.name, "layout_distance" | "noise_share"));
            }
        }
        if !fast && population.len() >= Self::MIN_POPULATION {
            let table = features.table(population)?;
            let rows = table.as_ref();
            let knn = KnnDistanceConfig { neighbors: config.neighbors, ..Default::default() };
            let forest = IsolationForestConfig { seed: config.seed, ..Default::default() };
            let pca = PcaReconstructionConfig { components: config.components };
            // PCA fails on banners that are all alike, because they span too few directions.
            scores.push(
                pca.fit(rows).ok().map(|score| Box::new(OnFeatures::new(features, score)) as _),
            );
            scores.push(Some(Box::new(OnFeatures::new(
                features,
                MahalanobisConfig::default().fit(rows)?,
            ))));
            scores.push(Some(Box::new(OnFeatures::new(features, knn.fit(rows)?))));
            scores.push(Some(Box::new(OnFeatures::new(features, forest.fit(rows)?))));
        }
        scores.resize_with(PARTS.len() - FIT_PARTS.len(), || None);
        Ok(Self { fit: reference.map(|reference| reference.fit.clone()), ratio, known, scores })
    }

    /// Returns the parts of one banner in the order of [`PARTS`]; `None` where one is missing.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins than the anchor.
    pub fn parts(&self, heatmap: &Heatmap) -> Result<Vec<Option<f64>>> {
        let fit =
            self.fit.as_ref().map_or(Ok([None; FIT_PARTS.len()]), |fit| fit.parts(heatmap))?;
        let others = self
            .scores
            .iter()
            .map(|score| score.as_ref().map(|score| score.score(heatmap)).transpose());
        fit.into_iter().map(Ok).chain(others).collect()
    }

    /// Returns the likelihood ratio, whose contributions show which bins drive a score.
    pub fn likelihood_ratio(&self) -> &LikelihoodRatio {
        &self.ratio
    }

    /// Returns the known defects, whose guess says in words what is wrong.
    pub fn known_defects(&self) -> &KnownDefects {
        &self.known
    }
}

/// The scores `dirichlet_multinomial` and `earth_mover`, which compare with the mean map of good
/// banners; `None` where one cannot be fitted.
fn against_reference(
    anchor: &Anchor,
    population: &[&Heatmap],
) -> [Option<Box<dyn Score<Heatmap>>>; 2] {
    let clumps =
        DirichletMultinomial::fit(&anchor.map, population, DirichletMultinomial::CELL_BINS);
    let earth = EarthMoverConfig::default().fit(&anchor.map);
    [clumps.ok().map(|score| Box::new(score) as _), earth.ok().map(|score| Box::new(score) as _)]
}

impl std::fmt::Debug for LayoutDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<&str> = self.scores.iter().flatten().map(|score| score.name()).collect();
        f.debug_struct("LayoutDetector").field("parts", &parts).finish_non_exhaustive()
    }
}
