//! [`SetNetwork`]: a stem convolution, residual blocks, global average pooling and a linear head
//! with one logit.

use super::convolution::Activations;
use super::{BannerMaps, CHANNELS, Convolution};
use crate::{Error, Result};

/// A residual block: two convolutions and a shortcut past them (He et al. 2015, figure 2).
#[derive(Debug, Clone, PartialEq)]
pub struct ResidualBlock {
    /// The two convolutions of the residual branch, with batch normalisation folded into their
    /// weights.
    pub branch: [Convolution; 2],
    /// A 1x1 convolution where stride or channels change; `None` adds the block's input unchanged.
    pub shortcut: Option<Convolution>,
}

/// A trained network: it takes the planes of [`super::network_input`] and gives the log odds of a
/// banner being broken.
#[derive(Debug, Clone, PartialEq)]
pub struct SetNetwork {
    pub(super) stem: Convolution,
    pub(super) blocks: Vec<ResidualBlock>,
    /// Weight of each channel of the last block in the logit.
    pub(super) head: Vec<f32>,
    pub(super) bias: f32,
}

impl SetNetwork {
    /// Makes a network from its layers in order; `head` has one weight for each channel of the last
    /// block.
    ///
    /// # Errors
    /// When the channels of a layer are not those that the next one takes, or a number is not
    /// finite.
    pub fn new(
        stem: Convolution,
        blocks: Vec<ResidualBlock>,
        head: Vec<f32>,
        bias: f32,
    ) -> Result<Self> {
        let wrong = |reason: &str| Err(Error::Data(format!("not a set network: {reason}")));
        let mut channels = stem.shape()[0];
        if stem.shape()[1] != CHANNELS {
            return wrong(&format!("the stem takes {} channels, not {CHANNELS}", stem.shape()[1]));
        }
        for ResidualBlock { branch: [first, second], shortcut } in &blocks {
            let [inner, from, _] = first.shape();
            let [to, middle, _] = second.shape();
            let past = shortcut.as_ref().map_or([channels, channels, 1], Convolution::shape);
            let steps = (
                first.stride() * second.stride(),
                shortcut.as_ref().map_or(1, Convolution::stride),
            );
            if from != channels || middle != inner || past != [to, from, 1] || steps.0 != steps.1 {
                return wrong("a block does not fit what comes before it");
            }
            channels = to;
        }
        if head.len() != channels || !head.iter().chain([&bias]).all(|value| value.is_finite()) {
            return wrong("the head does not fit the last block");
        }
        Ok(Self { stem, blocks, head, bias })
    }

    /// Returns the number of parameters.
    pub fn num_parameters(&self) -> usize {
        let of = |layer: &Convolution| {
            layer.shape()[0] * (layer.shape()[1] * layer.shape()[2].pow(2) + 1)
        };
        let of_block = |block: &ResidualBlock| {
            block.branch.iter().chain(&block.shortcut).map(of).sum::<usize>()
        };
        of(&self.stem) + self.blocks.iter().map(of_block).sum::<usize>() + self.head.len() + 1
    }

    /// Returns the log odds of being broken, at a prior of as many broken as good banners.
    ///
    /// # Panics
    /// When `planes` do not have the length of those of [`super::network_input`].
    pub fn logit(&self, planes: &[f32]) -> f64 {
        assert_eq!(planes.len(), CHANNELS * BannerMaps::POINTS, "the planes of one banner");
        let mut values = vec![0.0; planes.len()];
        for (channel, plane) in planes.chunks_exact(BannerMaps::POINTS).enumerate() {
            values[channel..]
                .iter_mut()
                .step_by(CHANNELS)
                .zip(plane)
                .for_each(|(value, of_plane)| *value = *of_plane);
        }
        let x = Activations {
            rows: BannerMaps::ROWS,
            columns: BannerMaps::COLUMNS,
            channels: CHANNELS,
            values,
        };
        // Dispatched at run time to code compiled for the vector instructions of this processor.
        pulp::Arch::new().dispatch(Forward { network: self, x })
    }
}

struct Forward<'a> {
    network: &'a SetNetwork,
    x: Activations,
}

impl pulp::NullaryFnOnce for Forward<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let Self { network, x } = self;
        let mut x = network.stem.forward(&x, None, true);
        for ResidualBlock { branch: [first, second], shortcut } in &network.blocks {
            let inner = first.forward(&x, None, true);
            let past = match shortcut {
                Some(layer) => layer.forward(&x, None, false),
                None => x,
            };
            x = second.forward(&inner, Some(&past), true);
        }
        let mut sums = vec![0.0_f32; x.channels];
        for values in x.values.chunks_exact(x.channels) {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        let places = (x.rows * x.columns) as f64;
        let of_features = sums
            .iter()
            .zip(&network.head)
            .map(|(sum, weight)| f64::from(*sum) * f64::from(*weight));
        of_features.sum::<f64>() / places + f64::from(network.bias)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::sample_rng;
    use rand::RngExt;

    /// A network with the shapes of a trained one, of random weights.
    pub(in crate::detect::set_network) fn random_network(seed: u64) -> SetNetwork {
        let mut rng = sample_rng(seed, 0);
        let mut layer = |shape: [usize; 3], stride: usize| {
            let fan = (shape[1] * shape[2] * shape[2]) as f32;
            let mut draw = |n: usize| -> Vec<f32> {
                (0..n).map(|_| (rng.random::<f32>() - 0.5) * (12.0 / fan).sqrt()).collect()
            };
            let (weights, bias) = (draw(shape[0] * shape[1] * shape[2] * shape[2]), draw(shape[0]));
            Convolution::new(shape, stride, &weights, &bias).unwrap()
        };
        let stem = layer([8, CHANNELS, 3], 1);
        let plain =
            ResidualBlock { branch: [layer([8, 8, 3], 1), layer([8, 8, 3], 1)], shortcut: None };
        let down = ResidualBlock {
            branch: [layer([16, 8, 3], 2), layer([16, 16, 3], 1)],
            shortcut: Some(layer([16, 8, 1], 2)),
        };
        let head = (0..16).map(|_| rng.random::<f32>() - 0.5).collect();
        SetNetwork::new(stem, vec![plain, down], head, 0.25).unwrap()
    }

    #[test]
    fn layers_must_fit() {
        let SetNetwork { stem, blocks, head, bias } = random_network(1);
        assert!(SetNetwork::new(stem.clone(), blocks.clone(), head[1..].to_vec(), bias).is_err());
        assert!(
            SetNetwork::new(
                stem.clone(),
                vec![blocks[1].clone(), blocks[0].clone()],
                head.clone(),
                bias
            )
            .is_err()
        );
        assert!(SetNetwork::new(blocks[0].branch[0].clone(), blocks, head, bias).is_err());
    }

    #[test]
    fn parameters_are_counted_and_logits_depend_on_every_plane() {
        let network = random_network(2);
        let expected = 8 * (CHANNELS * 9 + 1)
            + 2 * 8 * (8 * 9 + 1)
            + 16 * (8 * 9 + 1)
            + 16 * (16 * 9 + 1)
            + 16 * 9
            + 17;
        assert_eq!(network.num_parameters(), expected);
        let planes = vec![0.5; CHANNELS * BannerMaps::POINTS];
        let logit = network.logit(&planes);
        assert!(logit.is_finite());
        for channel in 0..CHANNELS {
            let mut other = planes.clone();
            other[channel * BannerMaps::POINTS + 300] += 1.0;
            assert_ne!(network.logit(&other), logit, "plane {channel}");
        }
    }
}
