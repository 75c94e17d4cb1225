//! An exponential moving average (EMA) of the weights of a network (averaging: Polyak and Juditsky
//! 1992; exponential: Tarvainen and Valpola 2017).

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

/// Copies `module` as the initial value of the average. The copied parameters have their own
/// identities and no gradient, so no optimiser updates them; stored in a field of a module, the
/// average is part of that module's record.
pub fn ema_copy<M: Module>(module: &M) -> M {
    // A clone would share its running statistics with the network; the conversion to evaluation
    // mode and back makes copies.
    module.valid().train().map(&mut Own).no_grad()
}

/// Updates the average after an optimiser step: decay x average + (1 - decay) x `module`, for every
/// parameter and running statistic.
pub fn ema_update<M: Module>(average: M, module: &M, decay: f64) -> M {
    let mut values = Values(Vec::new());
    module.visit(&mut values);
    values.0.reverse();
    average.map(&mut Follow { values: values.0, decay })
}

/// Gives every parameter a new identity.
struct Own;

impl ModuleMapper for Own {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::initialized(ParamId::new(), param.val().detach())
    }
}

/// Flattened parameters in the order in which they are visited.
struct Values(Vec<Tensor<1>>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().detach().flatten(0, D - 1));
    }
}

struct Follow {
    /// Flattened parameters of the network in reverse order, so that `pop` yields the next.
    values: Vec<Tensor<1>>,
    decay: f64,
}

impl ModuleMapper for Follow {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = self.values.pop().expect("average and network have the same parameters");
        let old = param.val().detach();
        let new = old.clone() * self.decay + value.reshape(old.dims()) * (1.0 - self.decay);
        Param::initialized(param.id, new.detach())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{BatchNorm, BatchNormConfig};
    use burn::tensor::Device;

    #[test]
    fn an_average_follows_weights_and_running_statistics_and_leaves_the_network_alone() {
        let device = Device::flex().autodiff();
        let mut network: BatchNorm = BatchNormConfig::new(2).init(&device);
        let mut average = ema_copy(&network);
        assert!(!average.gamma.is_require_grad() && average.gamma.id != network.gamma.id);
        let number = |tensor: Tensor<1>| tensor.into_data().try_to_vec::<f32>().unwrap()[0];
        for value in [3.0, 5.0] {
            network.gamma =
                network.gamma.map(|gamma| gamma.full_like(value).detach().require_grad());
            network.running_mean.update(Tensor::full([2], value, &device));
            let _ = network.running_mean.value_sync();
            average = ema_update(average, &network, 0.75);
        }
        // Gamma begins at 1, the running mean at 0.
        let gamma = 0.75 * (0.75 + 0.25 * 3.0) + 0.25 * 5.0;
        let mean = 0.75 * (0.25 * 3.0) + 0.25 * 5.0;
        assert_eq!(number(average.gamma.val()), gamma);
        assert_eq!(number(average.running_mean.value_sync()), mean);
        assert_eq!(
            (number(network.gamma.val()), number(network.running_mean.value_sync())),
            (5.0, 5.0)
        );
        assert!(network.gamma.is_require_grad() && !average.gamma.is_require_grad());
    }
}
