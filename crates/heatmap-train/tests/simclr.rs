//! A small SimCLR run from beginning to end: what it writes, how it stops, how it goes on.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use burn::data::dataloader::DataLoader;
use burn::module::Module;
use burn::optim::AdamConfig;
use burn::tensor::Device;
use burn::train::TrainStep;
use heatmap_core::synth::Preset;
use heatmap_models::{Encoder, ModelName, ProjectionHeadConfig};
use heatmap_train::data::{ImageConfig, PairLoader, PairSampler, Split};
use heatmap_train::loss::ContrastiveLossConfig;
use heatmap_train::run::{
    Checkpoint, Checkpoints, MetricsLine, MetricsLog, OnlineEvaluationConfig, RunConfig, RunFolder,
    Selection, SimClrConfig, TrainingConfig, TrainingOptions, simclr_task, train_simclr,
};
use heatmap_train::task::SimClr;

/// Parameters are drawn from one stream of random numbers for the whole process: runs that are
/// compared take turns.
static STREAM: Mutex<()> = Mutex::new(());

fn config(batches: usize) -> SimClrConfig {
    let recipe = SimClrConfig::published_recipe();
    SimClrConfig {
        training: TrainingConfig { batches, ..recipe.training },
        architecture: ModelName::RESNET_18,
        classes_per_batch: 3,
        ..recipe
    }
}

fn loss(temperature: f64) -> ContrastiveLossConfig {
    ContrastiveLossConfig { temperature, ..Default::default() }
}

fn options(steps: usize, resume: Option<Checkpoint>) -> TrainingOptions {
    let selection = Selection::Last;
    TrainingOptions {
        steps,
        checkpoint_every: 2,
        images_per_step: 6,
        resume,
        selection,
        interrupter: Default::default(),
        shows_progress: false,
    }
}

fn losses(folder: &RunFolder) -> Vec<(usize, f64)> {
    let lines = MetricsLog::read(&folder.file("metrics.jsonl")).expect("a log");
    let train = lines.iter().filter(|line| line.split == "train");
    train.map(|line: &MetricsLine| (line.step, line.values["loss"])).collect()
}

fn run(path: &Path) -> RunFolder {
    RunFolder::create(path, &config(6)).expect("a folder").0
}

#[test]
fn a_resumed_run_is_the_run_that_was_not_interrupted() {
    let _turn = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
    let root = tempfile::tempdir().expect("a folder");
    let device = Device::flex();

    // A watcher on the log asks a long run to stop: it leaves a checkpoint of whatever step it was
    // in.
    let broken = run(&root.path().join("broken"));
    let stopping = options(60, None);
    let (watched, interrupter) = (broken.file("metrics.jsonl"), stopping.interrupter.clone());
    let watcher = std::thread::spawn(move || {
        while MetricsLog::read(&watched).map_or(0, |lines| lines.len()) < 3 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        interrupter.stop(Some("enough"));
    });
    let outcome = train_simclr(&config(60), &broken, std::slice::from_ref(&device), &stopping)
        .expect("a run");
    watcher.join().expect("the watcher ends");
    assert!(outcome.interrupted, "{:?}", outcome.stats);

    let stopped = outcome.stats.steps;
    let (checkpoint, damaged) = Checkpoints::of(&broken).newest_complete().expect("a checkpoint");
    assert_eq!((checkpoint.step, damaged.len()), (stopped, 0));
    let last = stopped + 2;
    let outcome = train_simclr(
        &config(60),
        &broken,
        std::slice::from_ref(&device),
        &options(last, Some(checkpoint)),
    )
    .expect("a run");
    assert_eq!((outcome.stats.steps, outcome.interrupted), (last, false));

    let whole = run(&root.path().join("whole"));
    let outcome =
        train_simclr(&config(60), &whole, std::slice::from_ref(&device), &options(last, None))
            .expect("a run");
    assert_eq!((outcome.stats.steps, outcome.stats.images), (last, 6 * last));
    let expected = losses(&whole);
    assert_eq!(
        expected.iter().map(|loss| loss.0).collect::<Vec<_>>(),
        (1..=last).collect::<Vec<_>>()
    );

    let got = losses(&broken);
    assert_eq!(got.len(), expected.len());
    for (got, want) in got.into_iter().zip(expected) {
        assert_eq!(got.0, want.0);
        assert!((got.1 - want.1).abs() < 1e-4, "step {}: {} is not {}", got.0, got.1, want.1);
    }
}

#[test]
fn looking_at_the_features_on_the_way_changes_nothing_and_devices_share_a_batch() {
    let _turn = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
    let root = tempfile::tempdir().expect("a folder");
    let train = |name: &str, config: SimClrConfig| {
        let folder = RunFolder::create(&root.path().join(name), &config).expect("a folder").0;
        let devices = vec![Device::flex(); config.devices];
        train_simclr(&config, &folder, &devices, &options(4, None)).expect("a run");
        folder
    };
    let looks = |every| SimClrConfig {
        evaluation: OnlineEvaluationConfig {
            every,
            samples: 16,
            ..SimClrConfig::published_recipe().evaluation
        },
        classes_per_batch: 4,
        ema: Some(0.5),
        ..config(4)
    };
    let (seen, unseen) = (train("seen", looks(Some(1))), train("unseen", looks(None)));
    assert_eq!(losses(&seen), losses(&unseen));
    let ranks = |folder: &RunFolder| {
        let lines = MetricsLog::read(&folder.file("metrics.jsonl")).expect("a log");
        let valid = lines.iter().filter(|line| line.split == "valid");
        valid
            .filter(|line| line.values.contains_key("effective_rank"))
            .map(|line| line.step)
            .collect::<Vec<_>>()
    };
    assert_eq!((ranks(&seen), ranks(&unseen)), (vec![1, 2, 3, 4], vec![]));
    // Batch normalisation sees the same parts in both.
    let chunks = train("chunks", SimClrConfig { chunk: Some(4), ..looks(None) });
    let shared = train("shared", SimClrConfig { devices: 2, ..looks(None) });
    for ((step, one), (_, two)) in losses(&chunks).into_iter().zip(losses(&shared)) {
        assert!((one - two).abs() < 1e-3, "step {step}: {two}, not {one}");
    }
}

#[test]
fn wrong_settings_are_named_before_anything_is_written() {
    let device = Device::flex();
    let root = tempfile::tempdir().expect("a folder");
    let folder = run(&root.path().join("run"));
    for (field, wrong) in [
        ("temperature", SimClrConfig { loss: loss(0.0), ..config(2) }),
        ("temperature", SimClrConfig { loss: loss(f64::NAN), ..config(2) }),
        ("learning_rate", {
            let mut config = config(2);
            config.training.optimizer.learning_rate = 0.0;
            config
        }),
        ("do not add up to that of the batch", SimClrConfig { accumulation: 2, ..config(2) }),
        (
            "`chunk` = 4: must be even and divide the 6 images",
            SimClrConfig { chunk: Some(4), ..config(2) },
        ),
        ("`devices` = 2: 3 pairs", SimClrConfig { devices: 2, ..config(2) }),
        ("`ema` = 1", SimClrConfig { ema: Some(1.0), ..config(2) }),
        ("batches", config(0)),
        ("classes_per_batch", SimClrConfig { classes_per_batch: 99, ..config(2) }),
        ("multiple of 16 px", {
            let image = ImageConfig { height: 60, width: 60, ..config(2).image };
            SimClrConfig { architecture: ModelName::VIT_TI16, image, ..config(2) }
        }),
        ("nope", SimClrConfig { preset: "nope".into(), ..config(2) }),
    ] {
        let error = train_simclr(&wrong, &folder, std::slice::from_ref(&device), &options(2, None))
            .err()
            .expect("an error")
            .to_string();
        assert!(error.contains(field), "{error}");
    }
    assert!(!folder.file("metrics.jsonl").exists());
}

#[test]
fn a_run_goes_on_only_under_its_own_settings() {
    let earlier = config(6);
    // A schedule that is stretched while it is followed would be neither the old one nor the new
    // one.
    for batches in [9, 3] {
        let error = config(batches).check_resumes(&earlier).unwrap_err().to_string();
        assert!(
            error.contains("the run to resume has 6") && error.contains("--new-schedule"),
            "{error}"
        );
    }
    let longer = config(9).with_new_schedule(&earlier);
    assert_eq!(longer.training.schedule_ends(), [6, 9]);
    longer.check_resumes(&earlier).expect("a schedule of its own behind the old one");
    longer.check_resumes(&longer).expect("the same run");
    longer.clone().with_new_schedule(&longer).resolve().expect_err("it would end where it begins");
    let mut often = config(6);
    often.training.checkpoint_every = Some(1);
    often.check_resumes(&earlier).expect("as often as one likes");
    let error = SimClrConfig { loss: loss(0.1), ..config(6) }
        .check_resumes(&earlier)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "`loss.temperature` = 0.1: the run to resume has 0.5");
}

#[test]
fn a_vision_transformer_learns_too() {
    let _turn = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
    let device = Device::flex().autodiff();
    device.seed(8);
    let encoder =
        ModelName::VIT_TI16.config().with_in_channels(1).with_image_size(64).init(&device);
    let projection = ProjectionHeadConfig::new(encoder.feature_dim()).init(&device);
    let mut task = SimClr::new(encoder, projection, ContrastiveLossConfig::default().init());
    let preset = Arc::new(Preset::named("simclr-report").expect("a preset"));
    let sampler = PairSampler::new(preset, 1, 4).expect("four classes");
    let loader = PairLoader::new(sampler, ImageConfig::default(), device.clone(), 0..1);
    let mut optimizer = AdamConfig::new().init();
    // The same batch again and again: random embeddings have ln 7 = 1.946.
    let mut losses = Vec::new();
    for _ in 0..20 {
        let batch = loader.iter().next().expect("a batch").expect("images");
        let output = TrainStep::step(&task, batch);
        losses.push(output.item.loss);
        task = optimizer.step(3e-4, task, output.grads);
    }
    assert!((losses[0] - 7_f64.ln()).abs() < 0.3 && losses[19] < losses[0] - 0.5, "{losses:?}");
}

#[test]
fn a_projection_head_of_three_layers_with_a_width_of_its_own_learns() {
    let _turn = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
    let device = Device::flex().autodiff();
    let head = |layers, hidden| SimClrConfig {
        projection_layers: layers,
        projection_hidden: hidden,
        projection_dim: 16,
        ..config(1)
    };
    let three = head(3, Some(24));
    let source = three.resolve().expect("settings that can be used");
    let error = head(3, Some(0)).resolve().expect_err("no width").to_string();
    assert!(error.contains("`projection_hidden` = 0: must be positive"), "{error}");
    let mut task = simclr_task(&three, &device).expect("a task");
    // Two normalised layers 24 wide, of 512 features, in the place of one 512 wide.
    let wide = simclr_task(&head(2, None), &device).expect("a task").num_params() as i64;
    let [norm, wide_norm] = [4 * 24, 4 * 512];
    let narrow = 512 * 24 + norm + 24 * 24 + norm + 25 * 16;
    assert_eq!(task.num_params() as i64 - wide, narrow - (512 * 512 + wide_norm + 513 * 16));
    let sampler = three.sampler(&source, Split::Train).expect("pairs");
    let loader = PairLoader::new(sampler, ImageConfig::default(), device.clone(), 0..1);
    let mut optimizer = AdamConfig::new().init();
    // The same batch again and again: random embeddings have ln 5 = 1.609.
    let mut losses = Vec::new();
    for _ in 0..10 {
        let batch = loader.iter().next().expect("a batch").expect("images");
        let output = TrainStep::step(&task, batch);
        losses.push(output.item.loss);
        task = optimizer.step(1e-3, task, output.grads);
    }
    assert!(losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
    assert!(losses[9] < losses[0] - 0.2, "{losses:?}");
}
