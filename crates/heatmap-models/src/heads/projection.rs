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
    /// The length of a feature vector.
    pub feature_dim: usize,
    /// The width of the hidden layers; `None` for the length of a feature vector, as in SimCLR.
    /// With fewer than two layers there is no hidden layer, and it is ignored.
    pub hidden_dim: Option<usize>,
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
        let width = self.hidden_dim.unwrap_or(self.feature_dim);
        // The length of what comes into a layer, counted from 1.
        let input = |layer| if layer == 1 { self.feature_dim } else { width };
        let hidden = |layer| HiddenLayer {
            linear: LinearConfig::new(input(layer), width).with_bias(false).init(device),
            norm: BatchNormConfig::new(width).init(device),
        };
        ProjectionHead {
            hidden: (1..self.num_layers).map(hidden).collect(),
            last: (self.num_layers > 0)
                .then(|| LinearConfig::new(input(self.num_layers), self.out_dim).init(device)),
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
    use burn::module::{ModuleVisitor, Param};

    use super::*;

    /// The way to a tensor, and the paths of all tensors so far.
    struct Names(Vec<String>, Vec<String>);

    impl ModuleVisitor for Names {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
            self.1.push(self.0.join("."));
        }
    }

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
    fn hidden_layers_have_a_width_of_their_own() {
        let device = Device::flex();
        let config = ProjectionHeadConfig::new(8).with_out_dim(3);
        let parameters = |layers: usize, hidden: Option<usize>| {
            let head = config.clone().with_num_layers(layers).with_hidden_dim(hidden).init(&device);
            assert_eq!(head.forward(Tensor::ones([2, 8], &device)).dims(), [2, 3]);
            head.num_params()
        };
        let norm = 4 * 5;
        assert_eq!(parameters(1, Some(5)), 9 * 3);
        assert_eq!(parameters(2, Some(5)), 8 * 5 + norm + 6 * 3);
        assert_eq!(parameters(3, Some(5)), 8 * 5 + norm + 5 * 5 + norm + 6 * 3);
        assert_eq!(parameters(3, Some(8)), parameters(3, None));
    }

    #[test]
    fn parameters_have_the_names_that_checkpoints_have() {
        let device = Device::flex();
        let names = |layers: usize, hidden: Option<usize>| {
            let head = ProjectionHeadConfig::new(4)
                .with_num_layers(layers)
                .with_hidden_dim(hidden)
                .init(&device);
            let mut names = Names(Vec::new(), Vec::new());
            head.visit(&mut names);
            names.1.sort();
            names.1
        };
        let of_hidden = |at: usize| {
            let parts = [
                "linear.weight",
                "norm.beta",
                "norm.gamma",
                "norm.running_mean",
                "norm.running_var",
            ];
            parts.map(|part| format!("hidden.{at}.{part}"))
        };
        let last = ["last.bias", "last.weight"].map(str::to_owned);
        assert_eq!(names(2, None), [&of_hidden(0)[..], &last].concat());
        assert_eq!(names(2, Some(7)), names(2, None));
        assert_eq!(names(3, Some(7)), [&of_hidden(0)[..], &of_hidden(1), &last].concat());
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
