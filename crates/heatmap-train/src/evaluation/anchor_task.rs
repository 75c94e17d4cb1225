//! [`AnchorTask`]: measures how well the cosine similarity of features to those of one good banner
//! (the anchor) detects broken banners.
//!
//! This is the comparison of the report: one banner of a layout is known to work, and another
//! banner is the more suspicious the lower the cosine similarity of its features to those of that
//! anchor. The layouts are held out, so the features come from an encoder that was trained on other
//! layouts.

use burn::tensor::Device;
use heatmap_core::Heatmap;
use heatmap_core::analysis::faer::Mat;
use heatmap_core::detect::evaluation::auroc;
use heatmap_core::detect::{CosineAnchor, Score};
use heatmap_core::synth::{LayoutBanners, Span};
use heatmap_models::Encoder;

use crate::Result;
use crate::data::ImageConfig;

/// The banners that are ranked, and those that they are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct AnchorTask {
    /// Seed of the banners; the layouts are the same for all seeds.
    pub seed: u64,
    /// Number of held-out layouts.
    pub layouts: u64,
    /// Good banners per layout that serve as the anchor, one at a time.
    pub anchors: usize,
    /// Good banners per layout that are ranked, together with as many broken ones.
    pub ranked: usize,
    /// Number of clicks on every banner.
    pub clicks: u32,
}

impl AnchorTask {
    /// Number of the first layout; the layouts before it are the classes of other evaluations.
    const FIRST: u64 = 256;

    /// The usual task: 100 layouts, with 200 clicks on every banner.
    pub fn new(seed: u64) -> Self {
        Self { seed, layouts: 100, anchors: 4, ranked: 20, clicks: 200 }
    }

    /// Returns the total number of heatmaps that are embedded.
    pub fn heatmaps(&self) -> usize {
        self.layouts as usize * (self.anchors + 2 * self.ranked)
    }

    /// Returns the AUROC (area under the receiver operating characteristic) for the features of an
    /// encoder. It is computed for each layout and each anchor, then averaged. `each_batch` is
    /// called after every batch with the number of its images.
    ///
    /// # Errors
    /// Returns an error when a heatmap is larger than the image, or when features are not finite.
    pub fn auroc(
        &self,
        encoder: &impl Encoder,
        device: &Device,
        image: &ImageConfig,
        mut each_batch: impl FnMut(usize),
    ) -> Result<f64> {
        let dim = encoder.feature_dim();
        self.auroc_of(|heatmaps| {
            let features = encoder.forward_features(image.batch(heatmaps, device)?);
            let values = features
                .into_data()
                .convert::<f32>()
                .try_to_vec::<f32>()
                .expect("converted to f32");
            each_batch(heatmaps.len());
            Ok(Mat::from_fn(heatmaps.len(), dim, |row, column| {
                f64::from(values[row * dim + column])
            }))
        })
    }

    /// Returns the AUROC for any kind of features; `features` maps heatmaps to a matrix with one
    /// row per heatmap.
    ///
    /// # Errors
    /// Returns an error when `features` does, or when its output is not finite.
    pub fn auroc_of(
        &self,
        mut features: impl FnMut(&[Heatmap]) -> Result<Mat<f64>>,
    ) -> Result<f64> {
        let banners = LayoutBanners {
            clicks: Span::only(f64::from(self.clicks)),
            ..LayoutBanners::default()
        };
        let mut sum = 0.0;
        for number in Self::FIRST..Self::FIRST + self.layouts {
            let layout = banners.layout(self.seed, number);
            let good = (0..(self.anchors + self.ranked) as u64).map(|index| layout.good(index));
            let broken =
                layout.broken(0..self.ranked as u64).into_iter().map(|banner| banner.heatmap);
            let features = features(&good.chain(broken).collect::<Vec<_>>())?;
            let row = |at: usize| features.row(at).iter().copied().collect::<Vec<f64>>();
            let truth: Vec<bool> = (0..2 * self.ranked).map(|at| at >= self.ranked).collect();
            for anchor in 0..self.anchors {
                let cosine = CosineAnchor::new(&row(anchor))?;
                let scores = (self.anchors..features.nrows()).map(|at| cosine.score(&row(at)));
                sum += auroc(&scores.collect::<heatmap_core::Result<Vec<_>>>()?, &truth)?;
            }
        }
        Ok(sum / (self.layouts as usize * self.anchors) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares in cells of 5 x 5 bins: what the report's cosine sees without a network.
    fn shares(heatmaps: &[Heatmap]) -> Mat<f64> {
        Mat::from_fn(heatmaps.len(), 120, |row, cell| {
            let (top, left) = (cell / 12 * 5, cell % 12 * 5);
            let bins = (0..25).map(|at| f64::from(heatmaps[row].get(top + at / 5, left + at % 5)));
            bins.sum::<f64>().sqrt()
        })
    }

    #[test]
    fn features_that_know_nothing_rank_by_chance_and_shares_do_not() {
        let task = AnchorTask { layouts: 12, anchors: 2, ranked: 12, ..AnchorTask::new(1) };
        assert_eq!(task.heatmaps(), 12 * 26);
        let cells = task.auroc_of(|heatmaps| Ok(shares(heatmaps))).unwrap();
        let same =
            task.auroc_of(|heatmaps| Ok(Mat::from_fn(heatmaps.len(), 2, |_, _| 1.0))).unwrap();
        assert_eq!(same, 0.5);
        assert!((0.75..0.98).contains(&cells), "{cells}");
        // More clicks tell more.
        let many =
            AnchorTask { clicks: 3_000, ..task }.auroc_of(|heatmaps| Ok(shares(heatmaps))).unwrap();
        assert!(many > cells, "{many} and {cells}");
    }
}
