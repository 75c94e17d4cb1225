//! [`LocationBaseline`]: methods without a network that a localisation network has to beat. Their
//! settings are fitted on samples that are not used for scoring.

use heatmap_core::analysis::{DensityClusteringConfig, PeaksConfig};
use heatmap_core::synth::Sample;
use heatmap_core::{Grid, Heatmap, Point};
use serde::Serialize;

use crate::Result;
use crate::metric::{LocatedMap, LocationReport};

/// A method that locates clusters without a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum LocationBaseline {
    /// Always predicts the mean of the true centres, repeated as often as the median number of
    /// centres per map: what can be achieved without looking at the heatmap.
    MeanCentre {
        /// The mean of all true centres in bins.
        centre: Point,
        /// How many times it is predicted.
        count: usize,
    },
    /// Finds the peaks of the smoothed heatmap.
    Peaks(PeaksConfig),
    /// Clusters the clicks by their density.
    DensityClustering(DensityClusteringConfig),
}

impl LocationBaseline {
    /// Fits all three baselines. The first takes its values from the samples; the settings of the
    /// other two are chosen by a grid search for the best F1 on the samples. None predicts more
    /// than `most` centres.
    ///
    /// # Errors
    /// Returns an error when there are no samples.
    pub fn fit_all(samples: &[Sample], grid: Grid, most: usize) -> Result<Vec<Self>> {
        let best = |candidates: Vec<Self>| -> Result<Option<Self>> {
            let mut best = None;
            for candidate in candidates {
                let f1 = LocationReport::new(&candidate.locate_all(samples, most)?, grid)?.f1_2bins;
                if best.is_none_or(|(least, _)| f1 > least) {
                    best = Some((f1, candidate));
                }
            }
            Ok(best.map(|(_, candidate)| candidate))
        };
        let mut all = vec![Self::mean_centre(samples)];
        all.extend(best(Self::peaks(most))?);
        all.extend(best(Self::density_clusterings())?);
        Ok(all)
    }

    fn mean_centre(samples: &[Sample]) -> Self {
        let centres: Vec<&Point> = samples.iter().flat_map(|sample| &sample.centres).collect();
        let mean = |axis: fn(&Point) -> f64| {
            centres.iter().map(|centre| axis(centre)).sum::<f64>() / centres.len().max(1) as f64
        };
        let mut counts: Vec<usize> = samples.iter().map(|sample| sample.centres.len()).collect();
        counts.sort_unstable();
        let count = counts.get(counts.len() / 2).copied().unwrap_or(0);
        Self::MeanCentre { centre: Point { x: mean(|p| p.x), y: mean(|p| p.y) }, count }
    }

    fn peaks(most: usize) -> Vec<Self> {
        let mut all = Vec::new();
        for sigma_bins in [1.0, 1.5, 2.0, 2.5] {
            for min_distance_bins in [2.0, 4.0, 6.0] {
                for min_significance in [3.5, 4.5, 6.0, 8.0, 12.0, 20.0] {
                    all.push(Self::Peaks(PeaksConfig {
                        sigma_bins,
                        min_distance_bins,
                        min_significance,
                        max_peaks: most,
                    }));
                }
            }
        }
        all
    }

    fn density_clusterings() -> Vec<Self> {
        let mut all = Vec::new();
        for radius_bins in [1.0, 1.5, 2.0, 3.0] {
            for min_clicks in [20.0, 50.0] {
                for relative_to_uniform in [1.5, 2.0, 3.0, 5.0] {
                    all.push(Self::DensityClustering(DensityClusteringConfig {
                        radius_bins,
                        min_clicks,
                        relative_to_uniform,
                    }));
                }
            }
        }
        all
    }

    /// Returns the name that is used in tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MeanCentre { .. } => "mean_centre",
            Self::Peaks(_) => "peaks",
            Self::DensityClustering(_) => "density_clustering",
        }
    }

    /// Locates the clusters of a heatmap: at most `most` centres, in bins.
    ///
    /// # Errors
    /// Returns an error when a setting cannot be used.
    pub fn locate(&self, heatmap: &Heatmap, most: usize) -> Result<Vec<Point>> {
        Ok(match self {
            Self::MeanCentre { centre, count } => vec![*centre; most.min(*count)],
            Self::Peaks(config) => {
                config.find(heatmap)?.iter().take(most).map(|peak| peak.centre).collect()
            }
            Self::DensityClustering(config) => config
                .fit(heatmap)?
                .clusters()
                .iter()
                .take(most)
                .map(|cluster| cluster.centre)
                .collect(),
        })
    }

    /// Locates the clusters of many samples, and pairs the results with the true centres.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`LocationBaseline::locate`].
    pub fn locate_all(&self, samples: &[Sample], most: usize) -> Result<Vec<LocatedMap>> {
        let located = |sample: &Sample| {
            let predicted = self.locate(&sample.heatmap, most)?;
            Ok(LocatedMap { predicted, truth: sample.centres.clone() })
        };
        samples.iter().map(located).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_core::synth::Preset;

    #[test]
    fn on_separable_clusters_peaks_and_density_find_nearly_all_and_the_mean_nothing() {
        let preset = Preset::named("location-separable").expect("a preset");
        let samples = |seed| (0..60).map(|index| preset.sample(seed, index)).collect::<Vec<_>>();
        let (fit, test) = (samples(1), samples(2));
        let baselines = LocationBaseline::fit_all(&fit, preset.grid, 6).expect("fitted");
        let f1 = |baseline: &LocationBaseline| {
            LocationReport::new(&baseline.locate_all(&test, 6).expect("located"), preset.grid)
                .expect("scored")
                .f1_2bins
        };
        let scores: Vec<(&str, f64)> =
            baselines.iter().map(|baseline| (baseline.name(), f1(baseline))).collect();
        assert_eq!(
            scores.iter().map(|score| score.0).collect::<Vec<_>>(),
            ["mean_centre", "peaks", "density_clustering"]
        );
        assert!(scores[0].1 < 0.1 && scores[1].1 > 0.95 && scores[2].1 > 0.9, "{scores:?}");
    }
}
