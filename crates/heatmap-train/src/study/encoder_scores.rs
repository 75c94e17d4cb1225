//! [`EncoderScores`]: scores from learned features, which are one minus the cosine similarity to
//! the anchor of the grid, as in the report.

use burn::tensor::Device;
use heatmap_core::analysis::faer::Mat;
use heatmap_core::benchmark::{BenchmarkGrid, LearnedScores};
use heatmap_core::detect::{CosineAnchor, Score};
use heatmap_core::{Heatmap, Result, Upsampling, sample_rng};

use crate::run::NamedEncoder;

/// Scores banners by the features of encoders: one minus the cosine similarity to the anchor of the
/// grid. Each encoder gives one score per banner.
pub struct EncoderScores<'a> {
    /// The encoders.
    pub encoders: &'a [NamedEncoder],
    /// The device that the encoders run on.
    pub device: &'a Device,
    /// Called after every batch with the number of its images.
    pub each_batch: &'a dyn Fn(usize),
}

impl EncoderScores<'_> {
    /// Number of random draws from the good banner whose mean feature vector is the anchor: images
    /// of a grid beside those of its banners.
    pub const DRAWS: u64 = 8;
}

impl LearnedScores for EncoderScores<'_> {
    fn names(&self) -> Vec<String> {
        self.encoders.iter().map(|encoder| encoder.name().to_owned()).collect()
    }

    fn scores(&mut self, grid: &BenchmarkGrid) -> Result<Vec<Vec<f64>>> {
        let bad = |error: crate::Error| heatmap_core::Error::Data(error.to_string());
        // Features depend on the number of clicks. So clicks are drawn from the good banner, as
        // many as the banner with the most clicks has. The anchor is the mean of the features of
        // several such draws.
        let clicks = grid.heatmaps.iter().map(Heatmap::total).fold(0.0, f64::max) as u32;
        let resampling = Upsampling { clicks, sigma_bins: 0.0 };
        let draws = (0..Self::DRAWS)
            .map(|draw| resampling.apply(&grid.good, &mut sample_rng(grid.group as u64, draw)));
        let draws: Vec<Heatmap> = draws.collect::<Result<_>>()?;
        let heatmaps: Vec<&Heatmap> = draws.iter().chain(&grid.heatmaps).collect();
        let mut all = Vec::new();
        for encoder in self.encoders {
            let features: Mat<f64> =
                encoder.features(&heatmaps, self.device, self.each_batch).map_err(bad)?;
            let row = |at: usize| -> Vec<f64> { features.row(at).iter().copied().collect() };
            let mean =
                |column: usize| (0..draws.len()).map(|draw| features[(draw, column)]).sum::<f64>();
            let cosine = CosineAnchor::new(&(0..features.ncols()).map(mean).collect::<Vec<_>>())?;
            all.push(
                (draws.len()..heatmaps.len())
                    .map(|at| cosine.score(&row(at)))
                    .collect::<Result<_>>()?,
            );
        }
        Ok(all)
    }
}
