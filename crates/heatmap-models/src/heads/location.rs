//! [`LocationHead`]: predicts cluster centres from feature maps, each with the logit that it
//! exists.
//!
//! The report regresses its six centres from the mean features. Each output then has to learn by
//! itself where in the image to look, and which of two clusters counts as "the third" jumps as they
//! move. Here each cell of a fine map, which [`FeaturePyramid`] makes from the maps of all
//! resolutions, proposes one centre inside itself or nearby, as in one-stage detectors (Redmon et
//! al. 2016), and training assigns one candidate to each object (Sun et al. 2021, OneNet). The K
//! most probable candidates are the output: a set of K centres in [0, 1]^2.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use super::{FeaturePyramid, FeaturePyramidConfig};
use crate::ops::linear;

/// The probability that a candidate exists before training (Lin et al. 2017, "Focal loss", section
/// 3.3). Few candidates exist, and without this prior the many that do not would dominate the first
/// gradients.
const PRIOR: f32 = 0.01;

/// Configures a [`LocationHead`].
#[derive(Config, Debug)]
pub struct LocationHeadConfig {
    /// The pyramid that merges the encoder's maps into the one whose cells propose centres.
    pub pyramid: FeaturePyramidConfig,
    /// The number of centres in the output.
    #[config(default = 6)]
    pub num_centres: usize,
    /// How far outside its cell a candidate may lie, in cells.
    #[config(default = 0.5)]
    pub reach_cells: f64,
}

/// A feature pyramid, then one linear layer that is applied to every cell; see the module
/// documentation.
#[derive(Module, Debug)]
pub struct LocationHead {
    pyramid: FeaturePyramid,
    linear: Linear,
    #[module(skip)]
    num_centres: usize,
    #[module(skip)]
    reach_cells: f64,
}

/// Predicted centres, each with the logit that it exists.
#[derive(Debug, Clone)]
pub struct CentrePredictions {
    /// The positions of the centres, `[batch, centres, 2]`: x to the right in widths of the image,
    /// then y down in heights of the image.
    pub places: Tensor<3>,
    /// The logit that each centre exists, `[batch, centres]`.
    pub existence: Tensor<2>,
}

impl LocationHeadConfig {
    /// Makes a head with fresh parameters.
    ///
    /// # Panics
    /// When `num_centres` is 0, `reach_cells` is negative, or the pyramid's configuration is
    /// invalid.
    pub fn init(&self, device: &Device) -> LocationHead {
        assert!(self.num_centres > 0, "a location head needs centres");
        assert!(
            self.reach_cells >= 0.0,
            "candidates cannot lie {} cells outside their cell",
            self.reach_cells
        );
        let mut linear = LinearConfig::new(self.pyramid.width, 3).init(device);
        linear.bias = linear.bias.map(|bias| {
            bias.map(|bias| {
                let prior =
                    Tensor::from_floats([0.0, 0.0, (PRIOR / (1.0 - PRIOR)).ln()], &bias.device());
                prior.set_require_grad(bias.is_require_grad())
            })
        });
        LocationHead {
            pyramid: self.pyramid.init(device),
            linear,
            num_centres: self.num_centres,
            reach_cells: self.reach_cells,
        }
    }
}

impl LocationHead {
    /// Computes all candidates from feature maps, one for each cell, row by row. A candidate in a
    /// cell at the border may lie outside the image by up to `reach_cells`, so that training can
    /// still pull it inside.
    ///
    /// # Shapes
    /// - `maps`, from fine to coarse: as for [`FeaturePyramid::forward`]
    /// - output: as many centres as the pyramid's map has cells
    pub fn candidates(&self, maps: Vec<Tensor<4>>) -> CentrePredictions {
        let map = self.pyramid.forward(maps);
        let [batch, channels, rows, columns] = map.dims();
        let device = map.device();
        let raw = linear(
            &self.linear,
            map.permute([0, 2, 3, 1]).reshape([batch, rows * columns, channels]),
        );
        // The offset from the middle of the cell, in cells.
        let shift = (sigmoid(raw.clone().narrow(2, 0, 2)) - 0.5) * (1.0 + 2.0 * self.reach_cells);
        let middles = (0..rows * columns)
            .flat_map(|at| [(at % columns) as f32 + 0.5, (at / columns) as f32 + 0.5]);
        let middles = TensorData::new(middles.collect::<Vec<f32>>(), [1, rows * columns, 2]);
        let size = Tensor::<3>::from_floats([[[columns as f32, rows as f32]]], &device);
        CentrePredictions {
            places: (shift + Tensor::from_data(middles, &device)) / size,
            existence: raw.narrow(2, 2, 1).reshape([batch, rows * columns]),
        }
    }

    /// Computes the most probable centres from feature maps, the most probable one first. If the
    /// map has fewer cells than `num_centres`, all candidates are returned.
    ///
    /// # Shapes
    /// - `maps`, from fine to coarse: as for [`FeaturePyramid::forward`]
    /// - output: `num_centres` centres
    pub fn forward(&self, maps: Vec<Tensor<4>>) -> CentrePredictions {
        self.most_probable(self.candidates(maps))
    }

    /// Selects the most probable candidates, in the order of [`LocationHead::forward`], and clamps
    /// them to the image.
    pub fn most_probable(&self, candidates: CentrePredictions) -> CentrePredictions {
        let CentrePredictions { places, existence } = candidates;
        let count = self.num_centres.min(existence.dims()[1]);
        let (existence, best) = existence.topk_with_indices(count, 1);
        let places = places.gather(1, best.unsqueeze_dim::<3>(2).repeat_dim(2, 2)).clamp(0.0, 1.0);
        CentrePredictions { places, existence }
    }

    /// Returns the number of centres in the output.
    pub fn num_centres(&self) -> usize {
        self.num_centres
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    fn head(reach: f64) -> (LocationHead, Device) {
        let device = Device::flex();
        let pyramid = FeaturePyramidConfig::new(vec![5, 7]).with_width(16);
        let config = LocationHeadConfig::new(pyramid).with_num_centres(4).with_reach_cells(reach);
        (config.init(&device), device)
    }

    fn maps(
        batch: usize,
        [rows, columns]: [usize; 2],
        scale: f64,
        device: &Device,
    ) -> Vec<Tensor<4>> {
        let map = |shape| Tensor::random(shape, Distribution::Normal(0.0, scale), device);
        vec![map([batch, 5, rows, columns]), map([batch, 7, rows.div_ceil(2), columns.div_ceil(2)])]
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().expect("f32")
    }

    #[test]
    fn candidates_stay_near_their_cell() {
        let (head, device) = head(0.5);
        let candidates = head.candidates(maps(2, [3, 6], 30.0, &device));
        assert_eq!((candidates.places.dims(), candidates.existence.dims()), ([2, 18, 2], [2, 18]));
        for (at, place) in values(candidates.places).chunks(2).enumerate() {
            let cell = at % 18;
            let (x, y) = (place[0] * 6.0, place[1] * 3.0);
            let (column, row) = ((cell % 6) as f32, (cell / 6) as f32);
            assert!(
                (column - 0.5..=column + 1.5).contains(&x) && (row - 0.5..=row + 1.5).contains(&y),
                "{at}: {x} {y}"
            );
        }
    }

    #[test]
    fn the_most_probable_candidates_are_chosen_with_their_places() {
        let (head, device) = head(0.0);
        let maps = maps(3, [4, 4], 1.0, &device);
        let all = head.candidates(maps.clone());
        let best = head.forward(maps);
        assert_eq!((best.places.dims(), best.existence.dims()), ([3, 4, 2], [3, 4]));
        let (places, existence) = (values(all.places), values(all.existence));
        let (best_places, best_existence) = (values(best.places), values(best.existence));
        for image in 0..3 {
            let mut order: Vec<usize> = (0..16).collect();
            order.sort_by(|&a, &b| existence[image * 16 + b].total_cmp(&existence[image * 16 + a]));
            for (rank, &candidate) in order[..4].iter().enumerate() {
                assert_eq!(best_existence[image * 4 + rank], existence[image * 16 + candidate]);
                let at = 2 * (image * 4 + rank);
                let expected =
                    [0, 1].map(|axis| places[2 * (image * 16 + candidate) + axis].clamp(0.0, 1.0));
                assert_eq!(best_places[at..at + 2], expected);
            }
        }
    }

    #[test]
    fn a_fresh_head_expects_few_clusters() {
        let (head, device) = head(0.5);
        let silent = head.candidates(vec![
            Tensor::zeros([1, 5, 2, 2], &device),
            Tensor::zeros([1, 7, 1, 1], &device),
        ]);
        for logit in values(silent.existence) {
            assert!((1.0 / (1.0 + (-logit).exp()) - PRIOR).abs() < 1e-6, "{logit}");
        }
    }

    #[test]
    fn a_small_map_gives_what_it_has() {
        let (head, device) = head(0.5);
        assert_eq!(head.forward(maps(1, [1, 2], 1.0, &device)).places.dims(), [1, 2, 2]);
    }

    #[test]
    #[should_panic(expected = "needs centres")]
    fn a_head_without_centres_is_refused() {
        LocationHeadConfig::new(FeaturePyramidConfig::new(vec![4]))
            .with_num_centres(0)
            .init(&Device::flex());
    }
}
