//! [`CountHead`]: predicts a number of clusters from features, as logits over counts.
//!
//! The softmax encoding has one logit for each count, as in the report; its labels are either a
//! single count or a distribution around it (SORD). The two ordinal encodings have one logit for
//! each threshold k, "more than k clusters". CORAL (Cao, Mirjalili and Raschka 2020, section 3)
//! shares one weight vector among the thresholds and gives each a bias of its own, so that their
//! probabilities stay in order. CORN (Shi, Cao and Raschka 2021) has one weight vector for each
//! threshold, and each logit is conditional on the threshold before it. The losses for these
//! encodings are in `heatmap-train`.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ops::linear;

/// Defines what the logits of a [`CountHead`] mean.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = Error, parse_err_fn = unknown)]
pub enum CountEncoding {
    /// One logit for each count, trained with the true count as the label.
    Softmax,
    /// One logit for each count, trained with soft labels around the true count.
    Sord,
    /// One logit for each threshold, all from one shared weight vector.
    Coral,
    /// One logit for each threshold, conditional on the threshold before it.
    Corn,
}

/// Configures a [`CountHead`].
#[derive(Config, Debug)]
pub struct CountHeadConfig {
    /// The length of a feature vector.
    pub feature_dim: usize,
    /// The number of counts that the head distinguishes: 0 to `num_classes - 1`.
    pub num_classes: usize,
    /// The meaning of the logits.
    #[config(default = "CountEncoding::Softmax")]
    pub encoding: CountEncoding,
}

/// A linear layer from features to the logits of a [`CountEncoding`]; see the module documentation.
#[derive(Module, Debug)]
pub struct CountHead {
    linear: Linear,
    /// CORAL's bias for each threshold. The linear layer then has one output and no bias of its
    /// own.
    thresholds: Option<Param<Tensor<1>>>,
}

impl CountEncoding {
    /// All encodings.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the name in lower case, as it is written in configuration files.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the number of logits for `num_classes` counts.
    pub fn num_logits(self, num_classes: usize) -> usize {
        match self {
            Self::Softmax | Self::Sord => num_classes,
            Self::Coral | Self::Corn => num_classes - 1,
        }
    }
}

fn unknown(name: &str) -> Error {
    Error::unknown::<CountEncoding>("count head", name)
}

impl CountHeadConfig {
    /// Makes a head with fresh parameters.
    ///
    /// # Panics
    /// When there are fewer than two counts.
    pub fn init(&self, device: &Device) -> CountHead {
        assert!(
            self.num_classes > 1,
            "a count head needs two counts to tell apart, got {}",
            self.num_classes
        );
        let logits = self.encoding.num_logits(self.num_classes);
        if self.encoding != CountEncoding::Coral {
            return CountHead {
                linear: LinearConfig::new(self.feature_dim, logits).init(device),
                thresholds: None,
            };
        }
        // Each bias starts at the logit of "more than k" when all counts are equally likely. The
        // biases are then in order, as with `preinit_bias` of coral-pytorch, and already as far
        // apart as they need to be: starting from 20 thresholds between 0 and 1, Adam takes
        // thousands of steps to spread them.
        let biases: Vec<f32> =
            (0..logits).map(|at| ((logits - at) as f32 / (at + 1) as f32).ln()).collect();
        CountHead {
            linear: LinearConfig::new(self.feature_dim, 1).with_bias(false).init(device),
            thresholds: Some(Param::from_tensor(Tensor::from_floats(biases.as_slice(), device))),
        }
    }
}

impl CountHead {
    /// Computes logits from features.
    ///
    /// # Shapes
    /// - `features`: `[batch, feature_dim]`
    /// - output: `[batch, num_classes]` for softmax, `[batch, num_classes - 1]` for CORAL and CORN
    pub fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        let logits = linear(&self.linear, features);
        match &self.thresholds {
            Some(thresholds) => logits + thresholds.val().unsqueeze::<2>(),
            None => logits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_parameters_are_those_of_the_encodings() {
        let device = Device::flex();
        for (encoding, logits, parameters) in [
            (CountEncoding::Softmax, 21, 21 * 8 + 21),
            (CountEncoding::Sord, 21, 21 * 8 + 21),
            (CountEncoding::Coral, 20, 8 + 20),
            (CountEncoding::Corn, 20, 20 * 8 + 20),
        ] {
            let head = CountHeadConfig::new(8, 21).with_encoding(encoding).init(&device);
            assert_eq!(head.forward(Tensor::zeros([3, 8], &device)).dims(), [3, logits]);
            assert_eq!(head.num_params(), parameters, "{encoding}");
        }
    }

    #[test]
    fn the_thresholds_of_coral_are_in_order_whatever_the_features() {
        let device = Device::flex();
        let head = CountHeadConfig::new(8, 6).with_encoding(CountEncoding::Coral).init(&device);
        // Of features that say nothing come alike counts: P(more than k) = (5 - k) / 6.
        let silent = head
            .forward(Tensor::zeros([1, 8], &device))
            .into_data()
            .try_to_vec::<f32>()
            .expect("f32");
        for (k, logit) in silent.iter().enumerate() {
            assert!(
                (1.0 / (1.0 + (-logit).exp()) - (5 - k) as f32 / 6.0).abs() < 1e-6,
                "{silent:?}"
            );
        }
        let logits = head.forward(Tensor::ones([1, 8], &device) * -3.0);
        let logits = logits.into_data().try_to_vec::<f32>().expect("f32");
        assert!(logits.windows(2).all(|pair| pair[0] > pair[1]), "{logits:?}");
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for &encoding in CountEncoding::ALL {
            assert_eq!(encoding.to_string().parse::<CountEncoding>().expect("a name"), encoding);
        }
        let error = "ordinal".parse::<CountEncoding>().expect_err("no such head").to_string();
        assert_eq!(error, "count head `ordinal`: not one of softmax, sord, coral, corn");
    }

    #[test]
    #[should_panic(expected = "two counts to tell apart")]
    fn a_single_count_is_refused() {
        CountHeadConfig::new(4, 1).init(&Device::flex());
    }
}
