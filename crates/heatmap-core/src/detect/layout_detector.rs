//! [`LayoutDetector`]: every score of a heatmap, fitted to one grid in one size.

use super::part::{Cost, Fit, FittedPart, Needs, Part, PartInputs};
use super::part_list::PARTS;
use super::{
    Anchor, DetectorConfig, FIT_PARTS, GridFit, KnownDefects, LikelihoodRatio, PartSet, Reference,
};
use crate::{Heatmap, Result};

/// Computes all parts of a banner; it is fitted to one grid in one size.
pub struct LayoutDetector {
    /// The scores of fit, which come first in [`PARTS`]; `None` without a reference.
    fit: Option<GridFit>,
    ratio: LikelihoodRatio,
    known: KnownDefects,
    /// The scores of the other [`PARTS`], in order; `None` where there was too little to fit.
    scores: Vec<FittedPart>,
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
        let inputs = PartInputs::new(config, anchor, population)?;
        let is_left_out = |part: &Part| {
            (config.parts == PartSet::Fast && part.cost == Cost::High)
                || (part.needs == Needs::Population && population.len() < Self::MIN_POPULATION)
        };
        let fitted = PARTS.iter().filter_map(|part| match part.fit {
            Fit::Together => None,
            Fit::Alone(_) if is_left_out(part) => Some(Ok(None)),
            Fit::Alone(fit) => Some(fit(&inputs)),
        });
        let scores = fitted.collect::<Result<_>>()?;
        let fit = reference.map(|reference| reference.fit.clone());
        Ok(Self { fit, ratio: inputs.ratio, known: inputs.known, scores })
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

impl std::fmt::Debug for LayoutDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<&str> = self.scores.iter().flatten().map(|score| score.name()).collect();
        f.debug_struct("LayoutDetector").field("parts", &parts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{ClickMap, Smoothing};
    use crate::synth::{Layout, Population};

    #[test]
    fn every_part_is_fitted_under_its_name() {
        let (layout, population) = (Layout::draw(1, 0), Population::default());
        let banner = |index| population.banner(&layout, 1, index, 2_000).heatmap;
        let heatmaps: Vec<Heatmap> = (0..30).map(banner).collect();
        let heatmaps: Vec<&Heatmap> = heatmaps.iter().collect();
        let map = ClickMap::of(heatmaps.iter().copied(), &Smoothing::default()).expect("clicks");
        let anchor = Anchor { map, banners: vec![0], clicks: 2_000.0, description: String::new() };
        let detector = LayoutDetector::fit(&DetectorConfig::default(), &anchor, &heatmaps, None);
        let detector = detector.expect("banners of one grid");
        let fitted: Vec<&str> =
            detector.scores.iter().map(|score| score.as_ref().expect("fitted").name()).collect();
        let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        assert_eq!([&FIT_PARTS[..], &fitted].concat(), names);
        assert!(PARTS[..FIT_PARTS.len()].iter().all(|part| matches!(part.fit, Fit::Together)));
    }
}
