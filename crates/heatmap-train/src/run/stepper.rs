//! [`Stepper`]: where the gradients of a step come from, one device or several.
//!
//! Several are burn-train's workers: a thread for each device, with a copy of the model and its own
//! part of each batch. Their gradients are summed on the first device, where the optimiser runs.

use burn::data::dataloader::DataLoaderIterator;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;
use burn::train::train::{MultiDeviceStepError, MultiDevicesTrainStep};
use burn::train::{Learner, LearnerModel, TrainLoader, TrainOutput, TrainStep, TrainingError};

use crate::task::StepOutput;

type Batches<'a, M> = Box<dyn DataLoaderIterator<<M as TrainStep>::Input> + 'a>;
type Output<M> = TrainOutput<<M as TrainStep>::Output>;

/// See the module's head.
pub(super) enum Stepper<'a, M: LearnerModel> {
    One(Batches<'a, M>),
    Several { batches: Vec<Batches<'a, M>>, workers: MultiDevicesTrainStep<M>, main: Device },
}

impl<'a, M> Stepper<'a, M>
where
    M: LearnerModel,
    <M as TrainStep>::Output: StepOutput,
{
    /// Steps over the batches of these loaders, one a device.
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

    /// Loss and gradients of the next batch; none behind the last.
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
                // They come as they are ready; sums of more than two depend on the order.
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
