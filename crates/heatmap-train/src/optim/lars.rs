//! LARS: layer-wise adaptive rate scaling (You et al. 2017, algorithm 1), as in the SimCLR recipe.
//!
//! ```text
//! g <- g + decay w                              rank 2 and more
//! ratio = trust ||w|| / ||g||                   rank 2 and more; 1 where either is 0
//! v <- momentum v + rate ratio g
//! w <- w - v
//! ```
//!
//! Biases and the scales and shifts of normalisation layers (rank 1) are exempt from weight decay
//! and from the trust ratio, as in google-research/simclr. As there, the learning rate is part of
//! the velocity.

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

/// The LARS optimiser for a group of parameters.
#[derive(Debug, Clone)]
pub struct Lars {
    /// Trust coefficient: factor of the ratio of the parameter norm to the gradient norm; 0.001 in
    /// the paper.
    pub trust_coefficient: f64,
    /// Momentum of the velocity.
    pub momentum: f64,
    /// Weight decay, added to the gradient as a multiple of the parameter.
    pub weight_decay: f64,
}

/// The optimiser state of one parameter: its velocity (momentum buffer).
#[derive(Debug, Clone)]
pub struct Velocity<const D: usize> {
    pub(super) velocity: Tensor<D>,
}

/// Written by hand, since Burn's derive macro works only inside Burn.
impl<const D: usize> RecordState for Velocity<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, "velocity", self.velocity.to_data());
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let velocity = Tensor::from_data(src.take_tensor(prefix, "velocity")?, device);
        Some(Self { velocity })
    }
}

impl Optimizer for Lars {
    type State<const D: usize> = Velocity<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Velocity<D>>,
    ) -> (Tensor<D>, Option<Velocity<D>>) {
        let update = if D > 1 {
            let gradient = gradient + parameter.clone() * self.weight_decay;
            let length = |tensor: Tensor<D>| tensor.square().sum().sqrt();
            let (of_parameter, of_gradient) = (length(parameter.clone()), length(gradient.clone()));
            // Computed on the device, so that the host need not wait for two norms per parameter.
            let none = (of_parameter.clone() * of_gradient.clone()).equal_elem(0.0);
            let ratio = (of_parameter * self.trust_coefficient / of_gradient).mask_fill(none, 1.0);
            gradient * ratio.reshape([1; D])
        } else {
            gradient
        };
        let update = update * rate;
        let velocity = match state {
            Some(Velocity { velocity }) => velocity * self.momentum + update,
            None => update,
        };
        (parameter - velocity.clone(), Some(Velocity { velocity }))
    }

    fn to_device<const D: usize>(state: Velocity<D>, device: &Device) -> Velocity<D> {
        Velocity { velocity: state.velocity.to_device(device) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{TensorData, Tolerance};

    /// Three steps in plain f64.
    fn reference(mut w: Vec<f64>, gradients: &[Vec<f64>], rate: f64, is_vector: bool) -> Vec<f64> {
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut velocity = vec![0.0; w.len()];
        for g in gradients {
            let decay = if is_vector { 0.0 } else { 0.1 };
            let g: Vec<f64> = g.iter().zip(&w).map(|(g, w)| g + decay * w).collect();
            let ratio = if is_vector || norm(&w) * norm(&g) == 0.0 {
                1.0
            } else {
                0.001 * norm(&w) / norm(&g)
            };
            for at in 0..w.len() {
                velocity[at] = 0.9 * velocity[at] + rate * ratio * g[at];
                w[at] -= velocity[at];
            }
        }
        w
    }

    #[test]
    fn steps_are_those_of_the_algorithm_and_vectors_are_spared() {
        let device = Device::flex();
        let lars = Lars { trust_coefficient: 0.001, momentum: 0.9, weight_decay: 0.1 };
        let start = vec![1.0, -2.0, 0.5, 3.0, 0.25, -1.5];
        let gradients: Vec<Vec<f64>> = (0..3)
            .map(|step| (0..6).map(|at| ((7 * step + 3 * at) as f64).sin()).collect())
            .collect();
        let data = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
        fn run<const D: usize>(
            lars: &Lars,
            start: Tensor<D>,
            gradients: Vec<Tensor<D>>,
        ) -> TensorData {
            let step = |(w, state), gradient| lars.step(4.8, w, gradient, state);
            gradients.into_iter().fold((start, None), step).0.into_data()
        }
        let matrix =
            |values: &[f64]| Tensor::<2>::from_data(TensorData::new(data(values), [2, 3]), &device);
        let vector =
            |values: &[f64]| Tensor::<1>::from_data(TensorData::new(data(values), [6]), &device);
        let got = run(&lars, matrix(&start), gradients.iter().map(|g| matrix(g)).collect());
        let expected =
            TensorData::new(data(&reference(start.clone(), &gradients, 4.8, false)), [2, 3]);
        got.assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-6));
        let got = run(&lars, vector(&start), gradients.iter().map(|g| vector(g)).collect());
        let expected = TensorData::new(data(&reference(start.clone(), &gradients, 4.8, true)), [6]);
        got.assert_approx_eq::<f32>(&expected, Tolerance::absolute(2e-5));
        // Zero weights and a zero gradient: the plain step, and no NaN.
        let zero = vec![0.0; 6];
        let got = run(&lars, matrix(&zero), vec![matrix(&gradients[0]), matrix(&zero)]);
        let expected = reference(zero.clone(), &[gradients[0].clone(), zero], 4.8, false);
        got.assert_approx_eq::<f32>(
            &TensorData::new(data(&expected), [2, 3]),
            Tolerance::absolute(1e-4),
        );
    }
}
