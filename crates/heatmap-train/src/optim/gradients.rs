//! The gradient of all parameters together: its global norm, scaling, and clipping (Pascanu et al.
//! 2013).

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Returns the global L2 norm of the gradients of all parameters of `module`. It waits for the
/// device once.
pub fn global_norm<M: Module>(module: &M, gradients: &GradientsParams) -> f64 {
    let mut squares = Squares { gradients, sums: Vec::new() };
    module.visit(&mut squares);
    if squares.sums.is_empty() {
        return 0.0;
    }
    let sums = Tensor::cat(squares.sums, 0).into_data().convert::<f64>();
    sums.iter::<f64>().sum::<f64>().sqrt()
}

/// Clips the gradients, whose global norm is `norm`, to the norm `most`, like PyTorch's
/// `clip_grad_norm_`.
pub fn clip_to_norm<M: Module>(
    module: &M,
    gradients: GradientsParams,
    norm: f64,
    most: f64,
) -> GradientsParams {
    if norm <= most { gradients } else { scale_gradients(module, gradients, most / (norm + 1e-6)) }
}

/// Multiplies all gradients by a factor.
pub fn scale_gradients<M: Module>(
    module: &M,
    gradients: GradientsParams,
    factor: f64,
) -> GradientsParams {
    let mut scaled = Scaled { gradients, factor };
    module.visit(&mut scaled);
    scaled.gradients
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sums.push(gradient.square().sum());
        }
    }
}

struct Scaled {
    gradients: GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scaled {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * self.factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    #[test]
    fn the_length_is_over_all_parameters_and_clipping_keeps_the_direction() {
        let device = Device::flex().autodiff();
        let network: Linear = LinearConfig::new(2, 1).init(&device);
        // d/dw of sum(w x + b) is x = (3, 4) and 12 for the bias: length 13.
        let loss = network.forward(Tensor::<2>::from_floats([[3.0, 4.0]], &device)).sum()
            + network.bias.as_ref().unwrap().val().sum() * 11.0;
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        assert!((global_norm(&network, &gradients) - 13.0).abs() < 1e-5);
        let clipped = clip_to_norm(&network, gradients, 13.0, 6.5);
        assert!((global_norm(&network, &clipped) - 6.5).abs() < 1e-5);
        let weight: Vec<f32> =
            clipped.get::<2>(network.weight.id).unwrap().into_data().try_to_vec().unwrap();
        assert!((weight[0] - 1.5).abs() < 1e-5 && (weight[1] - 2.0).abs() < 1e-5, "{weight:?}");
        let same = clip_to_norm(&network, clipped, 6.5, 100.0);
        assert!((global_norm(&network, &same) - 6.5).abs() < 1e-5);
    }
}
