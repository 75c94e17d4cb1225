//! [`Stepper`]: computes the loss and the gradients of each step, on one device or on several.
//!
//! With several devices it uses burn-train's workers: one thread per device, each with a copy of
//! the model and its own part of every batch. The gradients are summed on the first device, where
//! the optimiser runs.

use burn::data::dataloader::DataLoaderIterator;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;
use burn::train::train::{MultiDeviceStepError, MultiDevicesTrainStep};
use burn::train::{Learner, LearnerModel, TrainLoader, TrainOutput, TrainStep, TrainingError};

use crate::task::StepOutput;

type Batches<'a, M> = Box<dyn DataLoaderIterator<<M as TrainStep>::Input> + 'a>;
type Output<M> = TrainOutput<<M as TrainStep>::Output>;

/// The source of the gradients of each step; see the module documentation.
pub(super) enum Stepper<'a, M: LearnerModel> {
    One(Batches<'a, M>),
    Several { batches: Vec<Batches<'a, M>>, workers: MultiDevicesTrainStep<M>, main: Device },
}

impl<'a, M> Stepper<'a, M>
where
    M: LearnerModel,
    <M as TrainStep>::Output: StepOutput,
{
    /// Creates a stepper over the batches of these loaders, one loader per device.
    pub(super) fn new(loaders: &'a [TrainLoader<M>], devices: &[Device]) -> Self {
        let mut batches: Vec<Batches<'a, M>> = loaders.iter().map(|loader| loader.iter()).collect();
        if batches.len() == 1 {
            return Self::One(batches.remove(0));
        }
        Self::Several {
            batches,
            workers: MultiDevicesTrainStep::new(devices),
            main: devices[0].clone(),
        }
    }

    /// Computes the output and the gradients of the next batch; `None` after the last batch.
    pub(super) fn next(
        &mut self,
        learner: &Learner<M>,
    ) -> Result<Option<Output<M>>, TrainingError> {
        match self {
            Self::One(batches) => {
                Ok(batches.next().transpose()?.map(|batch| learner.train_step(batch)))
            }
            Self::Several { batches, workers, main } => {
                let model = learner.model();
                let (outputs, _) = workers.step(batches, &model).map_err(|error| match error {
                    MultiDeviceStepError::Dataset(error) => TrainingError::Dataset(error),
                    MultiDeviceStepError::Workers(failures) => TrainingError::Workers(failures),
                })?;
                let mut outputs: Vec<Output<M>> =
                    outputs.into_iter().map(|output| output.output).collect();
                // Outputs arrive in any order, and a floating-point sum of more than two depends on
                // the order.
                outputs.sort_by_key(|output| output.item.rank());
                let mut sum = GradientsAccumulator::new();
                let mut items = Vec::new();
                for TrainOutput { grads, item } in outputs {
                    let grads: GradientsParams = grads.to_device(main, &model);
                    sum.accumulate(&model, grads);
                    items.push(item);
                }
                let joined = items.into_iter().reduce(StepOutput::joined);
                Ok(joined.map(|item| TrainOutput { grads: sum.grads(), item }))
            }
        }
    }
}
