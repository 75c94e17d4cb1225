//! Runs of a network with one weight, whose value after every step is known.

#![allow(unreachable_pub, reason = "the macro of metrics makes types for everyone")]

use super::*;
use crate::metric::{ScalarMetric, scalar_metrics};
use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress as LoaderProgress};
use burn::data::dataset::DatasetError;
use burn::module::{Module, Param};
use burn::optim::SgdConfig;
use burn::optim::lr_scheduler::constant::ConstantLr;
use burn::tensor::{ExecutionError, Tensor, TensorData};
use burn::train::TrainOutput;
use burn::train::metric::ItemLazy;

/// A network with one weight. Its loss is the square of the weight times the batch, a number.
#[derive(Module, Debug)]
struct Toy {
    weight: Param<Tensor<1>>,
}

#[derive(Debug, Clone, Copy)]
struct ToyOutput {
    loss: f64,
    images: usize,
}

scalar_metrics!(ToyOutput {
    /// The loss as a metric.
    ToyLoss = "loss", higher_is_better: false, loss;
});

impl ItemLazy for ToyOutput {
    fn sync(self) -> std::result::Result<Self, ExecutionError> {
        Ok(self)
    }
}

impl StepOutput for ToyOutput {
    fn loss(&self) -> f64 {
        self.loss
    }

    fn images(&self) -> usize {
        self.images
    }
}

impl TrainStep for Toy {
    type Input = f32;
    type Output = ToyOutput;

    fn step(&self, batch: f32) -> TrainOutput<ToyOutput> {
        let loss = self.weight.val().powi_scalar(2).sum() * batch;
        TrainOutput::new(self, loss.backward(), ToyOutput { loss: loss.into_scalar(), images: 1 })
    }
}

impl InferenceStep for Toy {
    type Input = f32;
    type Output = ToyOutput;

    fn step(&self, batch: f32) -> ToyOutput {
        ToyOutput {
            loss: (self.weight.val().powi_scalar(2).sum() * batch).into_scalar(),
            images: 1,
        }
    }
}

/// A loader whose batches are the numbers of a list.
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
    let plan = Plan::new(&device, Arc::new(List(batches.to_vec())), Arc::new(List(vec![1.0])));
    train_planned(folder, plan, options)
}

fn train_planned(
    folder: &RunFolder,
    plan: Plan<Toy>,
    options: &TrainingOptions,
) -> Result<Outcome<Toy>> {
    let device = plan.devices[0].clone().autodiff();
    let toy = Toy { weight: Param::from_tensor(Tensor::ones([1], &device)) };
    let learner = Learner::new(toy, SgdConfig::new().init(), ConstantLr::from(0.25));
    launch(folder, plan, options, learner, |training| {
        training.metrics((ScalarMetric::<ToyLoss>::new(),))
    })
}

fn options(steps: usize) -> TrainingOptions {
    TrainingOptions {
        steps,
        checkpoint_every: 2,
        images_per_step: 1,
        resume: None,
        selection: Selection::Last,
        interrupter: Interrupter::new(),
        shows_progress: false,
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
    // Each of the three steps gives w - 0.25 * 2 w = w / 2.
    assert_eq!(outcome.model.weight.val().into_scalar::<f32>(), 0.125);
    assert_eq!((outcome.stats.steps, outcome.interrupted), (3, false));
    assert_eq!(Checkpoints::of(&folder).newest_complete().expect("a checkpoint").0.step, 3);
}

#[test]
fn the_best_checkpoint_is_kept_and_chosen_and_patience_ends_the_run() {
    let (_root, folder) = in_folder();
    // The loss on held-out samples falls while the batches are positive and rises while they are
    // negative, so the best step is step 4.
    let batches = [1.0, 1.0, 1.0, 1.0, -4.0, -4.0, -4.0, -4.0, -4.0, -4.0, -4.0, -4.0];
    let patient = TrainingOptions { selection: Selection::Best { patience: None }, ..options(12) };
    let outcome = train(&folder, &batches, &patient).expect("a run");
    assert_eq!((outcome.stats.steps, outcome.chosen_step, outcome.stopped_early), (12, 4, false));
    assert_eq!(outcome.model.weight.val().into_scalar::<f32>(), 0.0625);

    let (_root, folder) = in_folder();
    let impatient =
        TrainingOptions { selection: Selection::Best { patience: Some(2) }, ..options(12) };
    let outcome = train(&folder, &batches, &impatient).expect("a run");
    assert_eq!((outcome.stats.steps, outcome.chosen_step, outcome.stopped_early), (8, 4, true));
    assert!(!outcome.interrupted);
    // A run that is resumed from the last checkpoint still knows its best step, and that it has
    // ended.
    let (resume, _) = Checkpoints::of(&folder).newest_complete().expect("a checkpoint");
    assert_eq!(resume.step, 8);
    let resumed = TrainingOptions { resume: Some(resume.clone()), ..impatient };
    let outcome = train(&folder, &batches, &resumed).expect("a run");
    assert_eq!((outcome.stats.steps, outcome.chosen_step, outcome.stopped_early), (8, 4, true));
    // With more patience the run continues.
    let patient = TrainingOptions { selection: Selection::Best { patience: Some(3) }, ..resumed };
    let outcome = train(&folder, &batches, &patient).expect("a run");
    assert_eq!((outcome.stats.steps, outcome.chosen_step, outcome.stopped_early), (10, 4, true));

    // A damaged best checkpoint is reported before any step is taken.
    std::fs::write(folder.file("checkpoints/step-000004/model.bpk"), "not a model")
        .expect("a file");
    let error = train(&folder, &batches, &patient).err().expect("an error").to_string();
    assert!(error.contains("step-000004") && error.contains("remove this folder"), "{error}");
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_with_its_step_and_poisons_no_checkpoint() {
    let (_root, folder) = in_folder();
    let error = train(&folder, &[1.0, 1.0, f32::NAN, 1.0], &options(4))
        .err()
        .expect("an error")
        .to_string();
    assert!(error.starts_with("step 3: the loss is NaN"), "{error}");
    let (checkpoint, _) = Checkpoints::of(&folder).newest_complete().expect("a checkpoint");
    assert_eq!(checkpoint.step, 2);
    let resumed = TrainingOptions { resume: Some(checkpoint), ..options(4) };
    let outcome = train(&folder, &[1.0; 4], &resumed).expect("a run");
    assert_eq!(outcome.model.weight.val().into_scalar::<f32>(), 0.0625);
}

#[test]
fn whoever_stops_a_run_during_an_evaluation_loses_no_step() {
    let (_root, folder) = in_folder();
    let options = TrainingOptions { checkpoint_every: 10, ..options(10) };
    let interrupter = options.interrupter.clone();
    let plan = Plan {
        watch: Some(PeriodicEvaluation::new(3, move |_: &Toy| {
            interrupter.stop(None);
            Ok(Default::default())
        })),
        ..Plan::new(&Device::flex(), Arc::new(List(vec![1.0; 10])), Arc::new(List(vec![1.0])))
    };
    let outcome = train_planned(&folder, plan, &options).expect("a run");
    assert!(outcome.interrupted);
    // Its checkpoint was not due, and the request came after the step.
    assert_eq!(outcome.stats.steps, 4);
    assert_eq!(Checkpoints::of(&folder).newest_complete().expect("a checkpoint").0.step, 4);
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_an_error() {
    let (_root, folder) = in_folder();
    std::fs::write(folder.file("checkpoints"), "a file in the way").expect("a file");
    let error = train(&folder, &[1.0], &options(1)).err().expect("an error").to_string();
    assert!(error.contains("checkpoints: "), "{error}");
}

/// Environment variable with the folder of the run that a child process of this test starts or
/// resumes.
const VICTIM: &str = "HEATMAP_TEST_VICTIM";

/// Starts a run in `path`, or resumes it from its newest checkpoint, as the programs do.
fn run_or_go_on(path: &std::path::Path) {
    let batches = [1.0, 1.0, 1.0, 1.0, -4.0, -4.0];
    let best = TrainingOptions { selection: Selection::Best { patience: None }, ..options(6) };
    let folder = match RunFolder::open_to_write(path) {
        Ok(folder) => folder,
        Err(_) => RunFolder::create(path, &1).expect("a folder").0,
    };
    let checkpoints = Checkpoints::of(&folder);
    let resume = match checkpoints.is_empty().expect("a folder that can be read") {
        true => None,
        false => Some(checkpoints.newest_complete().expect("a checkpoint").0),
    };
    train(&folder, &batches, &TrainingOptions { resume, ..best }).expect("a run");
}

/// Returns the metrics that a run has logged, without times, with its best step and its last
/// weight.
fn result_of(path: &std::path::Path) -> (Vec<String>, Option<usize>, TensorData) {
    let folder = RunFolder::open(path).expect("a run");
    let lines = MetricsLog::read(&folder.file(METRICS)).expect("a log");
    let lines = lines
        .into_iter()
        .map(|line| format!("{} {} {:?}", line.split, line.step, line.values))
        .collect();
    let checkpoints = Checkpoints::of(&folder);
    let toy = Toy { weight: Param::from_tensor(Tensor::zeros([1], &Device::flex())) };
    let toy = toy.load_record(checkpoints.model_record(6).expect("the last checkpoint"));
    (lines, checkpoints.best().expect("scores").step(), toy.weight.val().into_data())
}

#[test]
fn a_kill_between_any_two_file_operations_loses_nothing() {
    if let Some(path) = std::env::var_os(VICTIM) {
        return run_or_go_on(path.as_ref());
    }
    let process = |path: &std::path::Path, crash_at: Option<u32>| {
        let this = std::env::current_exe().expect("this program");
        let mut command = std::process::Command::new(this);
        let name = "run::training::tests::a_kill_between_any_two_file_operations_loses_nothing";
        command.args(["--exact", name]).env(VICTIM, path).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        match crash_at {
            Some(at) => command.env("HEATMAP_CRASH_AT", at.to_string()),
            None => command.env_remove("HEATMAP_CRASH_AT"),
        };
        command.status().expect("a process").success()
    };
    let root = tempfile::tempdir().expect("a folder");
    let alone = root.path().join("alone");
    assert!(process(&alone, None));
    let expected = result_of(&alone);
    assert_eq!((expected.0.len(), expected.1), (9, Some(4)));
    for crash_at in 1.. {
        let path = root.path().join(format!("killed-{crash_at}"));
        if process(&path, Some(crash_at)) {
            // There is no further crash point: the run has finished.
            assert!(crash_at > 40, "{crash_at}");
            break;
        }
        // The resumed run is killed too, at a crash point that varies, and then left alone.
        process(&path, Some(crash_at % 7 + 1));
        assert!(process(&path, None), "killed at {crash_at}: it does not go on");
        assert_eq!(result_of(&path), expected, "killed at {crash_at}");
        let left = std::fs::read_dir(path.join("checkpoints"))
            .expect("a folder")
            .chain(std::fs::read_dir(&path).expect("a folder"));
        let names =
            left.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        assert_eq!(
            names.filter(|name| name.starts_with(".unfinished-")).count(),
            0,
            "killed at {crash_at}"
        );
    }
}
