//! Stochastic gradient descent with momentum, as in PyTorch (Sutskever et al. 2013), with weight
//! decay that exempts vectors.

use burn::optim::{LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};

use super::lars::Velocity;

/// The SGD optimiser for a group of parameters: v <- momentum v + g + decay w, w <- w - rate v.
#[derive(Debug, Clone)]
pub struct Sgd {
    /// Momentum of the velocity.
    pub momentum: f64,
    /// Weight decay, added to the gradient as a multiple of the parameter; biases and the
    /// parameters of normalisation layers (rank 1) are exempt.
    pub weight_decay: f64,
}

impl Optimizer for Sgd {
    type State<const D: usize> = Velocity<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Velocity<D>>,
    ) -> (Tensor<D>, Option<Velocity<D>>) {
        let decays = D > 1 && self.weight_decay > 0.0;
        let gradient =
            if decays { gradient + parameter.clone() * self.weight_decay } else { gradient };
        let velocity = match state {
            Some(Velocity { velocity }) => velocity * self.momentum + gradient,
            None => gradient,
        };
        (parameter - velocity.clone() * rate, Some(Velocity { velocity }))
    }

    fn to_device<const D: usize>(state: Velocity<D>, device: &Device) -> Velocity<D> {
        Velocity { velocity: state.velocity.to_device(device) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_pytorch() {
        // torch.optim.SGD(lr=0.1, momentum=0.9, weight_decay=0.5) on w = 1 with gradients 1, -2:
        // v = 1.5, w = 0.85; v = 1.35 - 2 + 0.425 = -0.225, w = 0.8725.
        let device = Device::flex();
        let sgd = Sgd { momentum: 0.9, weight_decay: 0.5 };
        let of = |value: f32| Tensor::<2>::full([1, 1], value, &device);
        let (w, state) = sgd.step(0.1, of(1.0), of(1.0), None);
        let (w, _) = sgd.step(0.1, w, of(-2.0), state);
        assert!((w.into_scalar::<f32>() - 0.8725).abs() < 1e-6);
        // A vector does not decay: v = 1, w = 0.9.
        let of = |value: f32| Tensor::<1>::full([1], value, &device);
        assert!((sgd.step(0.1, of(1.0), of(1.0), None).0.into_scalar::<f32>() - 0.9).abs() < 1e-6);
    }
}
