//! [`DensityHead`]: predicts from feature maps how many clusters each cell of the image is expected
//! to contain.
//!
//! The count is the sum of this density over the image (Lempitsky and Zisserman 2010, "Learning to
//! count objects in images"). That gives the network more to learn from than a count alone: each
//! sample says where its clusters are, not only how many there are.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::{FeaturePyramid, FeaturePyramidConfig};
use crate::ops::linear;

/// The expected number of clusters in a cell before training: ten in 16 x 16 cells.
const PRIOR: f64 = 0.04;

/// Configures a [`DensityHead`].
#[derive(Config, Debug)]
pub struct DensityHeadConfig {
    /// The pyramid that merges the encoder's maps into the one whose cells are counted.
    pub pyramid: FeaturePyramidConfig,
}

/// A feature pyramid, then one linear layer that is applied to every cell; see the module
/// documentation.
#[derive(Module, Debug)]
pub struct DensityHead {
    pyramid: FeaturePyramid,
    linear: Linear,
}

/// The output of a [`DensityHead`].
#[derive(Debug, Clone)]
pub struct Density {
    /// The logarithm of the expected number of clusters in each cell, `[batch, rows, columns]`.
    pub log_rates: Tensor<3>,
    /// Features for a count head, `[batch, width + 1]`: the mean of the pyramid's map over the
    /// image, then the sum of the rates divided by ten.
    pub features: Tensor<2>,
}

impl DensityHeadConfig {
    /// Makes a head with fresh parameters.
    ///
    /// # Panics
    /// When the pyramid's configuration is invalid; see [`FeaturePyramidConfig::init`].
    pub fn init(&self, device: &Device) -> DensityHead {
        DensityHead {
            pyramid: self.pyramid.init(device),
            linear: LinearConfig::new(self.pyramid.width, 1).init(device),
        }
    }

    /// Returns the length of a vector in [`Density::features`].
    pub fn feature_dim(&self) -> usize {
        self.pyramid.width + 1
    }
}

impl DensityHead {
    /// Computes the density from feature maps.
    ///
    /// # Shapes
    /// - `maps`, from fine to coarse: as for [`FeaturePyramid::forward`]
    pub fn forward(&self, maps: Vec<Tensor<4>>) -> Density {
        let map = self.pyramid.forward(maps);
        let [batch, channels, rows, columns] = map.dims();
        let cells = map.permute([0, 2, 3, 1]).reshape([batch, rows * columns, channels]);
        let log_rates =
            linear(&self.linear, cells.clone()).reshape([batch, rows * columns]) + PRIOR.ln();
        let sum = log_rates.clone().exp().sum_dim(1) / 10.0;
        let mean = cells.mean_dim(1).reshape([batch, channels]);
        Density {
            features: Tensor::cat(vec![mean, sum], 1),
            log_rates: log_rates.reshape([batch, rows, columns]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Distribution, Tolerance};

    #[test]
    fn the_last_feature_is_the_sum_of_the_rates() {
        let device = Device::flex();
        let config = DensityHeadConfig::new(FeaturePyramidConfig::new(vec![3, 5]).with_width(8));
        let head = config.init(&device);
        let map = |shape| Tensor::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let density = head.forward(vec![map([2, 3, 4, 6]), map([2, 5, 2, 3])]);
        assert_eq!(
            (density.log_rates.dims(), density.features.dims()),
            ([2, 4, 6], [2, config.feature_dim()])
        );
        let sum = density.log_rates.exp().reshape([2, 24]).sum_dim(1) / 10.0;
        density
            .features
            .narrow(1, 8, 1)
            .into_data()
            .assert_approx_eq::<f32>(&sum.into_data(), Tolerance::absolute(1e-5));
    }

    #[test]
    fn a_fresh_head_expects_ten_clusters_of_silence() {
        let device = Device::flex();
        let head =
            DensityHeadConfig::new(FeaturePyramidConfig::new(vec![3]).with_width(4)).init(&device);
        let density = head.forward(vec![Tensor::zeros([1, 3, 16, 16], &device)]);
        let sum = density.log_rates.exp().sum().into_scalar::<f32>();
        assert!((5.0..20.0).contains(&sum), "{sum}");
    }
}
