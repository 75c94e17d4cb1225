//! [`ProjectionHead`]: SimCLR's projection head, which maps features into the space where the
//! contrastive loss compares them.
//!
//! Chen et al. 2020 (SimCLR, section 4.2) use two layers, SimCLR v2 uses three. A hidden layer is a
//! linear layer without bias, batch normalisation and ReLU; the last layer is a linear layer with
//! bias and without normalisation, as in lightly's head with two layers. With no layers the loss
//! compares the features themselves: if their cosine similarity is what is used after training,
//! that is also what should be trained.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation::relu};

use crate::ops::{batch_norm, linear};

/// Configures a [`ProjectionHead`].
#[derive(Config, Debug)]
pub struct ProjectionHeadConfig {
    /// The length of a feature vector, which is also the width of the hidden layers.
    pub feature_dim: usize,
    /// The length of a projection. With no layers it is ignored, and a projection is as long as a
    /// feature vector.
    #[config(default = 128)]
    pub out_dim: usize,
    /// The total number of layers: 2 as in SimCLR, 3 as in SimCLR v2, or 0 to compare the features
    /// as they are.
    #[config(default = 2)]
    pub num_layers: usize,
}

/// SimCLR's projection head: hidden layers and a last linear layer; see the module documentation.
#[derive(Module, Debug)]
pub struct ProjectionHead {
    hidden: Vec<HiddenLayer>,
    last: Option<Linear>,
}

#[derive(Module, Debug)]
struct HiddenLayer {
    linear: Linear,
    norm: BatchNorm,
}

impl ProjectionHeadConfig {
    /// Makes a head with fresh parameters.
    pub fn init(&self, device: &Device) -> ProjectionHead {
        let hidden = |_| HiddenLayer {
            linear: LinearConfig::new(self.feature_dim, self.feature_dim)
                .with_bias(false)
                .init(device),
            norm: BatchNormConfig::new(self.feature_dim).init(device),
        };
        ProjectionHead {
            hidden: (1..self.num_layers).map(hidden).collect(),
            last: (self.num_layers > 0)
                .then(|| LinearConfig::new(self.feature_dim, self.out_dim).init(device)),
        }
    }
}

impl ProjectionHead {
    /// Computes projections from features. Their lengths are not normalised.
    ///
    /// # Shapes
    /// - `features`: `[batch, feature_dim]`
    /// - output: `[batch, out_dim]`, or `features` unchanged with no layers
    pub fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        let layer =
            |x, layer: &HiddenLayer| relu(batch_norm(&layer.norm, linear(&layer.linear, x)));
        let features = self.hidden.iter().fold(features, layer);
        match &self.last {
            Some(last) => linear(last, features),
            None => features,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_parameters_are_those_of_the_paper() {
        let device = Device::flex();
        for (layers, parameters) in [
            (2, 2048 * 2048 + 4 * 2048 + 2049 * 128),
            (3, 2 * (2048 * 2048 + 4 * 2048) + 2049 * 128),
        ] {
            let head = ProjectionHeadConfig::new(2048).with_num_layers(layers).init(&device);
            assert_eq!(head.forward(Tensor::zeros([3, 2048], &device)).dims(), [3, 128]);
            // Batch normalisation counts its two running statistics.
            assert_eq!(head.num_params(), parameters);
        }
    }

    #[test]
    fn without_a_layer_features_are_what_is_compared() {
        let device = Device::flex();
        let head = ProjectionHeadConfig::new(4).with_num_layers(0).init(&device);
        let features = Tensor::<2>::from_floats([[1.0, -2.0, 3.0, 0.0]], &device);
        assert_eq!(head.forward(features.clone()).into_data(), features.into_data());
        assert_eq!(head.num_params(), 0);
    }
}
