//! [`AnchorTask`]: are broken banners found by the cosine of their features to one good banner?
//!
//! The comparison of the report: one banner of a layout is known to work, and a banner is the more
//! suspicious the less its features point where those of that one point. The layouts are held out,
//! so features are measured that know other layouts.

use burn::tensor::Device;
use heatmap_core::Heatmap;
use heatmap_core::analysis::faer::Mat;
use heatmap_core::detect::evaluation::auroc;
use heatmap_core::detect::{CosineAnchor, Score};
use heatmap_core::synth::{LayoutBanners, Span};
use heatmap_models::Encoder;

use crate::Result;
use crate::data::ImageConfig;

/// The banners that are ranked.
#[derive(Debug, Clone, PartialEq)]
pub struct AnchorTask {
    /// Seed of the banners; the layouts are the same for all seeds.
    pub seed: u64,
    /// Held-out layouts.
    pub layouts: u64,
    /// Good banners of each, one of which after the other is the one that is known to work.
    pub anchors: usize,
    /// Good banners of each that are ranked, and as many broken ones.
    pub ranked: usize,
    /// Clicks on every banner.
    pub clicks: u32,
}

impl AnchorTask {
    /// Where the layouts begin; those before are the classes of other evaluations.
    const FIRST: u64 = 256;

    /// 200 clicks on the banners of 100 layouts.
    pub fn new(seed: u64) -> Self {
        Self { seed, layouts: 100, anchors: 4, ranked: 20, clicks: 200 }
    }

    /// Heatmaps that are embedded in all.
    pub fn heatmaps(&self) -> usize {
        self.layouts as usize * (self.anchors + 2 * self.ranked)
    }

    /// Area under the receiver operating characteristic within a layout and by one anchor, mean
    /// over anchors and layouts, for the features of an encoder. `each_batch` is told how many
    /// images are done.
    ///
    /// # Errors
    /// When a heatmap is larger than the image or features are not finite.
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

    /// The AUROC of this task for features of any kind, one row a heatmap.
    ///
    /// # Errors
    /// Those of `features`, and when these are not finite.
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
