//! A fused Adam optimiser that updates each parameter in a single pass.
//!
//! Kingma and Ba 2015; with weight decay it is AdamW (Loshchilov and Hutter 2019).
//!
//! Burn's Adam is a chain of a dozen tensor operations; over the 25 million parameters of a
//! ResNet-50 they take a tenth of a training step on a CPU. This one gives the same numbers up to
//! rounding and stores the same state, so either can load the other's checkpoints.

use burn::config::Config;
use burn::optim::{AdamState, AdaptiveMomentumState, LearningRate, ModuleOptimizer, Optimizer};
use burn::tensor::{Device, Tensor};
use heatmap_models::ops::{AdamFactors, AdamMoments, adam_step};

/// Configuration of [`Adam`].
#[derive(Config, Debug)]
pub struct AdamConfig {
    /// Decay rate of the running mean of the gradient (first moment).
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// Decay rate of the running mean of the squared gradient (second moment).
    #[config(default = 0.999)]
    pub beta_2: f64,
    /// Added to the root of the second moment to avoid division by zero; the default is that of the
    /// paper and of PyTorch.
    #[config(default = 1e-8)]
    pub epsilon: f64,
    /// Decoupled weight decay, multiplied by the learning rate. It is not applied to vectors, that
    /// is, to biases and to the scales and shifts of normalisation layers; PyTorch's AdamW decays
    /// them too by default.
    #[config(default = 0.0)]
    pub weight_decay: f64,
}

/// The Adam optimiser, made by [`AdamConfig::init`] for a whole module, or by [`AdamConfig::build`]
/// for a group of parameters.
#[derive(Debug, Clone)]
pub struct Adam {
    config: AdamConfig,
}

impl AdamConfig {
    /// Creates the optimiser for one group of parameters.
    pub fn build(&self) -> Adam {
        Adam { config: self.clone() }
    }

    /// Creates the optimiser for a module.
    pub fn init(&self) -> ModuleOptimizer {
        ModuleOptimizer::from(self.build())
    }
}

impl Optimizer for Adam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamState<D>>,
    ) -> (Tensor<D>, Option<AdamState<D>>) {
        let (time, moments) = match state {
            Some(AdamState { momentum }) => (
                momentum.time + 1,
                AdamMoments { mean: momentum.moment_1, square: momentum.moment_2 },
            ),
            None => (1, AdamMoments { mean: gradient.zeros_like(), square: gradient.zeros_like() }),
        };
        let AdamConfig { beta_1, beta_2, epsilon, weight_decay } = self.config;
        let correction = |beta: f64| 1.0 - beta.powi(i32::try_from(time).unwrap_or(i32::MAX));
        let root = correction(beta_2).sqrt();
        let factors = AdamFactors {
            beta_1,
            beta_2,
            rate: learning_rate * root / correction(beta_1),
            epsilon: epsilon * root,
            keep: if D > 1 { 1.0 - learning_rate * weight_decay } else { 1.0 },
        };
        let (parameter, moments) = adam_step(parameter, gradient, moments, factors);
        let momentum = AdaptiveMomentumState::new(time, moments.mean, moments.square);
        (parameter, Some(AdamState::new(momentum)))
    }

    fn to_device<const D: usize>(mut state: AdamState<D>, device: &Device) -> AdamState<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::nn::{Linear, LinearConfig};
    use burn::optim::{GradientsParams, ModuleOptimizer};
    use burn::tensor::{Device, Distribution, Tensor, TensorData, Tolerance};

    use super::*;

    fn trained(mut optimizer: ModuleOptimizer, start: &Linear, batches: &[Tensor<2>]) -> Linear {
        let mut network = start.clone();
        for (at, batch) in batches.iter().enumerate() {
            let loss = (network.forward(batch.clone()) - 1.0).square().mean();
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(0.05 / (at + 1) as f64, network, gradients);
        }
        network
    }

    #[test]
    fn steps_are_those_of_burns_adam_and_the_start_is_left_alone() {
        let device = Device::flex().autodiff();
        let start = LinearConfig::new(200, 170).init(&device).materialize();
        let before = start.weight.val().into_data();
        let batches: Vec<_> = (0..7)
            .map(|_| Tensor::random([9, 200], Distribution::Normal(0.2, 1.0), &device))
            .collect();
        let ours = trained(AdamConfig::new().with_beta_2(0.99).init(), &start, &batches);
        let theirs = burn::optim::AdamConfig::new().with_beta_2(0.99).with_epsilon(1e-8).init();
        let theirs = trained(theirs, &start, &batches);
        let same = |ours: TensorData, theirs: TensorData| {
            ours.assert_approx_eq::<f32>(&theirs, Tolerance::absolute(2e-6));
        };
        same(ours.weight.val().into_data(), theirs.weight.val().into_data());
        let bias = |network: &Linear| network.bias.as_ref().expect("a bias").val().into_data();
        same(bias(&ours), bias(&theirs));
        assert_ne!(before, ours.weight.val().into_data());
        assert_eq!(before, start.weight.val().into_data());
    }

    #[test]
    fn weight_decay_is_that_of_burns_adamw_and_spares_vectors() {
        let device = Device::flex().autodiff();
        let batches: Vec<_> = (0..5)
            .map(|_| Tensor::random([9, 20], Distribution::Normal(0.2, 1.0), &device))
            .collect();
        let ours = |decay| AdamConfig::new().with_weight_decay(decay).init();
        let theirs =
            || burn::optim::AdamWConfig::new().with_weight_decay(0.3).with_epsilon(1e-8).init();
        let weight = |network: Linear| network.weight.val().into_data();
        // Without a bias, which Burn's decays.
        let start = LinearConfig::new(20, 30).with_bias(false).init(&device).materialize();
        let decayed = weight(trained(ours(0.3), &start, &batches));
        let expected = weight(trained(theirs(), &start, &batches));
        decayed.assert_approx_eq::<f32>(&expected, Tolerance::absolute(2e-6));
        assert_ne!(decayed, weight(trained(ours(0.0), &start, &batches)));
        // In one step no decayed weight has had an effect on the bias yet: it moves as without
        // decay.
        let start = LinearConfig::new(20, 30).init(&device).materialize();
        let bias = |decay| {
            trained(ours(decay), &start, &batches[..1]).bias.expect("a bias").val().into_data()
        };
        assert_eq!(bias(0.3), bias(0.0));
    }

    #[test]
    fn the_first_step_is_the_learning_rate_against_the_sign_of_the_gradient() {
        // Of the paper, section 2.1: with no history, mean / root of the mean square is the sign.
        let device = Device::flex();
        let parameter = Tensor::<1>::from_floats([1.0, -2.0, 3.0], &device);
        let gradient = Tensor::<1>::from_floats([0.5, -20.0, 1e-3], &device);
        let (moved, state) = AdamConfig::new().build().step(0.1, parameter, gradient, None);
        moved.into_data().assert_approx_eq::<f32>(
            &TensorData::from([0.9, -1.9, 2.9]),
            Tolerance::absolute(1e-5),
        );
        assert_eq!(state.expect("a state").momentum.time, 1);
    }
}
