//! [`DropPath`]: stochastic depth.

use burn::module::{Flag, Module, Param};
use burn::tensor::{Distribution, Tensor};

/// Drops a residual branch for some images of a batch, in training (Huang et al. 2016, section 3).
/// For the other images the branch is scaled up so that its expectation stays the same.
#[derive(Module, Debug)]
pub(super) struct DropPath {
    #[module(skip)]
    probability: f64,
    /// Cleared when the module is frozen, as in Burn's dropout.
    training: Param<Flag>,
}

impl DropPath {
    pub(super) fn init(probability: f64) -> Self {
        Self { probability, training: Param::from_bool(true) }
    }

    /// Drops the branch for a random choice of images.
    ///
    /// # Shapes
    /// - `branch` and output: `[batch, tokens, embed_dim]`
    pub(super) fn forward(&self, branch: Tensor<3>) -> Tensor<3> {
        let device = branch.device();
        if self.probability == 0.0 || !device.is_autodiff() || !self.training.is_enabled() {
            return branch;
        }
        let kept = 1.0 - self.probability;
        let [batch, ..] = branch.dims();
        let mask =
            Tensor::<3>::random([batch, 1, 1], Distribution::Bernoulli(kept), &device.inner());
        branch * Tensor::from_inner(mask / kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn images_are_left_out_whole_and_the_mean_stays() {
        let device = Device::flex().autodiff();
        device.seed(3);
        let branch = Tensor::<3>::ones([4000, 2, 3], &device);
        let dropped =
            DropPath::init(0.25).forward(branch.clone()).into_data().try_to_vec::<f32>().unwrap();
        for image in dropped.chunks(6) {
            assert!(
                image.iter().all(|value| *value == image[0])
                    && (image[0] == 0.0 || (image[0] - 4.0 / 3.0).abs() < 1e-6)
            );
        }
        let mean = dropped.iter().sum::<f32>() / dropped.len() as f32;
        // Standard error 0.0091.
        assert!((mean - 1.0).abs() < 0.04, "{mean}");

        let frozen = DropPath::init(0.25).freeze();
        let whole = |layer: &DropPath, branch| {
            layer.forward(branch).into_data().try_to_vec::<f32>().unwrap()
        };
        assert!(whole(&frozen, branch.clone()).iter().all(|value| *value == 1.0));
        assert!(whole(&DropPath::init(0.25), branch.inner()).iter().all(|value| *value == 1.0));
    }
}
