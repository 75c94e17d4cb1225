//! [`Facets`]: heatmaps in which the number of clusters and their positions vary independently, to
//! measure which of the two a feature encodes.
//!
//! This is the comparison of the report: a feature for counting should be similar for heatmaps with
//! the same count whatever the positions, and a feature for locating the other way round.

use heatmap_core::analysis::faer::MatRef;
use heatmap_core::synth::{CentrePlacement, Cluster, Clusters, Scene, Span, Spread};
use heatmap_core::{Grid, Heatmap, Result, sample_rng};

/// A full factorial design of counts, places and repeated draws. A place is a list of centres; a
/// heatmap with n clusters uses its first n. Every heatmap has the same number of clicks, so that
/// the total reveals nothing about the count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facets {
    /// Largest count; the counts are 1 to this number.
    pub counts: usize,
    /// Number of places, that is, lists of centres.
    pub places: usize,
    /// Number of heatmaps per count and place, which differ only in the random clicks.
    pub draws: usize,
    /// Number of clicks per heatmap.
    pub clicks: u32,
}

/// One heatmap with its count and place.
#[derive(Debug, Clone, PartialEq)]
pub struct FacetSample {
    /// Number of clusters.
    pub count: usize,
    /// Index of the place, counted from 0.
    pub place: usize,
    /// The heatmap, in clicks per bin.
    pub heatmap: Heatmap,
}

impl Default for Facets {
    fn default() -> Self {
        Self { counts: 6, places: 8, draws: 4, clicks: 6_000 }
    }
}

impl Facets {
    /// Generates all heatmaps, ordered by count, then place, then draw.
    ///
    /// # Errors
    /// Returns an error when so many centres do not fit on the grid.
    pub fn samples(&self, seed: u64) -> Result<Vec<FacetSample>> {
        let grid = Grid::MEDIUM_RECTANGLE;
        let layout = Clusters {
            count: Span::only(self.counts as u32),
            centres: CentrePlacement::Uniform { margin_bins: 4.0 },
            spread: Spread::SigmaBins(Span::only(1.5)),
            clicks_per_cluster: Span::only(1_000),
            noise_clicks: Span::only(0),
            min_separation_bins: 10.0,
        };
        layout.check(&grid)?;
        let places: Vec<Vec<Cluster>> = (0..self.places)
            .map(|place| layout.scene(&grid, &mut sample_rng(seed, place as u64)).clusters)
            .collect();
        let mut samples = Vec::with_capacity(self.counts * self.places * self.draws);
        for count in 1..=self.counts {
            for (place, clusters) in places.iter().enumerate() {
                for _ in 0..self.draws {
                    let mut scene =
                        Scene { clusters: clusters[..count].to_vec(), ..Scene::default() };
                    scene.scale_to(self.clicks);
                    let heatmap =
                        scene.render(grid, &mut sample_rng(!seed, samples.len() as u64)).heatmap;
                    samples.push(FacetSample { count, place, heatmap });
                }
            }
        }
        Ok(samples)
    }
}

/// Returns the share of the variance of `features`, with one sample per row, that lies between the
/// groups of `labels`: 1 when all samples of a group are equal, about (groups - 1) / (samples - 1)
/// when the groups are unrelated to the features, and 0 when all samples are equal.
///
/// # Panics
/// Panics when the number of labels differs from the number of rows.
pub fn variance_share(features: MatRef<'_, f64>, labels: &[usize]) -> f64 {
    assert_eq!(features.nrows(), labels.len(), "one label a sample");
    let groups = labels.iter().max().map_or(0, |most| most + 1);
    let (mut within, mut total) = (0.0, 0.0);
    for column in 0..features.ncols() {
        let values = || (0..features.nrows()).map(|row| features[(row, column)]);
        let mean = values().sum::<f64>() / features.nrows() as f64;
        let mut sums = vec![(0.0, 0.0); groups];
        for (value, &label) in values().zip(labels) {
            sums[label] = (sums[label].0 + value, sums[label].1 + 1.0);
        }
        total += values().map(|value| (value - mean).powi(2)).sum::<f64>();
        within += values()
            .zip(labels)
            .map(|(value, &label)| (value - sums[label].0 / sums[label].1).powi(2))
            .sum::<f64>();
    }
    if total > 0.0 { 1.0 - within / total } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_core::analysis::faer::Mat;

    #[test]
    fn heatmaps_differ_in_what_they_should_alone() {
        let facets = Facets { counts: 3, places: 2, draws: 2, clicks: 3_000 };
        let samples = facets.samples(5).expect("they fit");
        let labels: Vec<(usize, usize)> =
            samples.iter().map(|sample| (sample.count, sample.place)).collect();
        assert_eq!(labels[..5], [(1, 0), (1, 0), (1, 1), (1, 1), (2, 0)]);
        assert_eq!(labels.len(), 12);
        assert!(samples.iter().all(|sample| (sample.heatmap.total() - 3_000.0).abs() <= 3.0));
        assert_ne!(samples[0].heatmap, samples[1].heatmap, "draws differ");
        // Where one cluster is, a part of the clicks is with three clusters of the same place too,
        // and hardly any elsewhere.
        let brightest = |sample: &FacetSample| {
            let values = sample.heatmap.values();
            (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).expect("bins")
        };
        let bin = brightest(&samples[0]);
        assert!(samples[8].heatmap.values()[bin] > 20.0 && samples[2].heatmap.values()[bin] < 5.0);
    }

    #[test]
    fn the_share_of_variance_is_that_between_groups() {
        let labels = [0, 0, 1, 1];
        let share = |values: [f64; 4]| {
            variance_share(Mat::from_fn(4, 1, |row, _| values[row]).as_ref(), &labels)
        };
        assert!((share([1.0, 1.0, 3.0, 3.0]) - 1.0).abs() < 1e-12);
        assert!(share([1.0, 3.0, 1.0, 3.0]).abs() < 1e-12);
        // Means 1 and 3 about 2, each value 1 off its mean: half of 8.
        assert!((share([0.0, 2.0, 2.0, 4.0]) - 0.5).abs() < 1e-12);
        assert_eq!(share([2.0; 4]), 0.0);
    }
}
