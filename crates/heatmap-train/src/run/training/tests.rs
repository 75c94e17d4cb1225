//! Runs of a network with one weight, whose every step is known.

use super::*;
use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress as LoaderProgress};
use burn::data::dataset::DatasetError;
use burn::module::{Module, Param};
use burn::optim::SgdConfig;
use burn::optim::lr_scheduler::constant::ConstantLr;
use burn::tensor::{ExecutionError, Tensor};
use burn::train::TrainOutput;
use burn::train::metric::ItemLazy;

/// One weight, whose loss is its square times the batch.
#[derive(Module, Debug)]
struct Toy {
    weight: Param<Tensor<1>>,
}

struct ToyOutput(f64);

impl ItemLazy for ToyOutput {
    fn sync(self) -> std::result::Result<Self, ExecutionError> {
        Ok(self)
    }
}

impl StepOutput for ToyOutput {
    fn loss(&self) -> f64 {
        self.0
    }

    fn images(&self) -> usize {
        1
    }
}

impl TrainStep for Toy {
    type Input = f32;
    type Output = ToyOutput;

    fn step(&self, batch: f32) -> TrainOutput<ToyOutput> {
        let loss = self.weight.val().powi_scalar(2).sum() * batch;
        TrainOutput::new(self, loss.backward(), ToyOutput(loss.into_scalar()))
    }
}

impl InferenceStep for Toy {
    type Input = f32;
    type Output = ToyOutput;

    fn step(&self, batch: f32) -> ToyOutput {
        ToyOutput((self.weight.val().powi_scalar(2).sum() * batch).into_scalar())
    }
}

/// The numbers of a list as batches.
#[derive(Clone)]
struct List(Vec<f32>);

struct ListIterator(std::vec::IntoIter<f32>);

impl Iterator for ListIterator {
    type Item = std::result::Result<f32, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Ok)
    }
}

impl DataLoaderIterator<f32> for ListIterator {
    fn progress(&self) -> LoaderProgress {
        LoaderProgress::new(0, self.0.len(), None)
    }
}

impl DataLoader<f32> for List {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<f32> + 'a> {
        Box::new(ListIterator(self.0.clone().into_iter()))
    }

    fn num_items(&self) -> usize {
        self.0.len()
    }

    fn to_device(&self, _device: &Device) -> Arc<dyn DataLoader<f32>> {
        Arc::new(self.clone())
    }

    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<f32>> {
        Arc::new(List(self.0[start..end].to_vec()))
    }
}

fn train(folder: &RunFolder, batches: &[f32], options: &TrainingOptions) -> Result<Outcome<Toy>> {
    let device = Device::flex();
    let toy = Toy { weight: Param::from_tensor(Tensor::ones([1], &device.clone().autodiff())) };
    let plan = Plan::new(&device, Arc::new(List(batches.to_vec())), Arc::new(List(vec![1.0])));
    let learner = Learner::new(toy, SgdConfig::new().init(), ConstantLr::from(0.25));
    launch(folder, plan, options, learner, |training| training)
}

fn options(steps: usize) -> TrainingOptions {
    TrainingOptions {
        steps,
        checkpoint_every: 2,
        images_per_step: 1,
        resume: None,
        selection: Selection::Last,
        interrupter: Interrupter::new(),
    }
}

fn in_folder() -> (tempfile::TempDir, RunFolder) {
    let root = tempfile::tempdir().expect("a folder");
    let folder = RunFolder::create(&root.path().join("run"), &1).expect("a folder").0;
    (root, folder)
}

#[test]
fn every_step_is_taken_and_the_last_is_saved() {
    let (_root, folder) = in_folder();
    let outcome = train(&folder, &[1.0, 1.0, 1.0], &options(3)).expect("a run");
    // w - 0.25 * 2 w = w / 2, three times.
    assert_eq!(outcome.model.weight.val().into_scalar::<f32>(), 0.125);
    assert_eq!((outcome.stats.steps, outcome.interrupted), (3, false));
    assert_eq!(folder.checkpoints().newest_complete().expect("a checkpoint").0.step, 3);
}

#[test]
fn the_best_checkpoint_is_kept_and_chosen_and_patience_ends_the_run() {
    let (_root, folder) = in_folder();
    // The loss on held-out samples falls while steps are positive and rises when they turn round: best after step 4.
    let batches = [1.0, 1.0, 1.0, 1.0, -4.0, -4.0, -4.0, -4.0, -4.0, -4.0, -4.0, -4.0];
    let patient = TrainingOptions { selection: Selection::Best { patience: None }, ..options(12) };
    let outcome = train(&folder, &batches, &patient).expect("a run");
    assert_eq!((outcome.stats.steps, outcome.chosen_step, outcome.stopped_early), (12, 4, false));
    assert_eq!(outcome.model.weight.val().into_scalar::<f32>(), 0.0625);

    let (_root, folder) = in_folder();
    let impatient = TrainingOptions { selection: Selection::Best { patience: Some(2) }, ..options(12) };
    let outcome = train(&folder, &batches, &impatient).expect("a run");
    assert_eq!((outcome.stats.steps, outcome.chosen_step, outcome.stopped_early), (8, 4, true));
    assert!(!outcome.interrupted);
    // Going on from the last checkpoint, the run still knows its best, and that it has ended.
    let (resume, _) = folder.checkpoints().newest_complete().expect("a checkpoint");
    assert_eq!(resume.step, 8);
    let resumed = TrainingOptions { resume: Some(resume.clone()), ..impatient };
    let outcome = train(&folder, &batches, &resumed).expect("a run");
    assert_eq!((outcome.stats.steps, outcome.chosen_step, outcome.stopped_early), (8, 4, true));
    // With more patience it goes on.
    let patient = TrainingOptions { selection: Selection::Best { patience: Some(3) }, ..resumed };
    let outcome = train(&folder, &batches, &patient).expect("a run");
    assert_eq!((outcome.stats.steps, outcome.chosen_step, outcome.stopped_early), (10, 4, true));

    // A best checkpoint that was damaged is named before any step is taken.
    std::fs::write(folder.file("checkpoints/step-000004/model.bpk"), "not a model").expect("a file");
    let error = train(&folder, &batches, &patient).err().expect("an error").to_string();
    assert!(error.contains("step-000004") && error.contains("remove this folder"), "{error}");
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_with_its_step_and_poisons_no_checkpoint() {
    let (_root, folder) = in_folder();
    let error = train(&folder, &[1.0, 1.0, f32::NAN, 1.0], &options(4)).err().expect("an error").to_string();
    assert!(error.starts_with("step 3: the loss is NaN"), "{error}");
    let (checkpoint, _) = folder.checkpoints().newest_complete().expect("a checkpoint");
    assert_eq!(checkpoint.step, 2);
    let resumed = TrainingOptions { resume: Some(checkpoint), ..options(4) };
    let outcome = train(&folder, &[1.0; 4], &resumed).expect("a run");
    assert_eq!(outcome.model.weight.val().into_scalar::<f32>(), 0.0625);
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_an_error() {
    let (_root, folder) = in_folder();
    std::fs::write(folder.file("checkpoints"), "a file in the way").expect("a file");
    let error = train(&folder, &[1.0], &options(1)).err().expect("an error").to_string();
    assert!(error.contains("checkpoints: "), "{error}");
}
