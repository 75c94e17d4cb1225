//! Small count and location runs from beginning to end: that they repeat, resume, start from
//! weights and freeze.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, CountEncoding, Encoder, ModelName, StemKind, WeightLayout};
use heatmap_train::data::{ImageConfig, Split};
use heatmap_train::evaluation::{CountReport, HeldOut, predict_counts, propose_centres};
use heatmap_train::optim::{OptimizerConfig, Warmup};
use heatmap_train::run::{
    Checkpoint, Checkpoints, CountConfig, FineTuneConfig, FineTuneStart, HeldOutConfig,
    LocationConfig, LocationLossName, MetricsLog, RunConfig, RunFolder, Selection, TrainingConfig,
    TrainingOptions, train_count, train_location,
};

/// Parameters are drawn from one stream of random numbers for the whole process: runs that are
/// compared take turns.
static STREAM: Mutex<()> = Mutex::new(());

fn small(config: FineTuneConfig) -> FineTuneConfig {
    FineTuneConfig {
        training: TrainingConfig { batches: 6, ..config.training },
        architecture: ModelName::RESNET_18,
        batch_size: 4,
        evaluation: HeldOutConfig { samples: 8, ..config.evaluation },
        ..config
    }
}

fn count(loss: CountEncoding) -> CountConfig {
    CountConfig {
        fine_tune: small(CountConfig::published_recipe().fine_tune),
        loss,
        ..CountConfig::published_recipe()
    }
}

fn resolved(config: &impl RunConfig<Resolved = FineTuneStart>) -> FineTuneStart {
    config.resolve().expect("settings that can be used")
}

fn options(steps: usize, resume: Option<Checkpoint>) -> TrainingOptions {
    TrainingOptions {
        steps,
        checkpoint_every: 2,
        images_per_step: 4,
        resume,
        selection: Selection::Best { patience: None },
        interrupter: Default::default(),
        shows_progress: false,
    }
}

/// Every line of the log but for its time.
fn log(folder: &RunFolder) -> Vec<(String, usize, String)> {
    let lines = MetricsLog::read(&folder.file("metrics.jsonl")).expect("a log");
    lines.into_iter().map(|line| (line.split, line.step, format!("{:?}", line.values))).collect()
}

fn in_folder(root: &Path, name: &str) -> RunFolder {
    RunFolder::create(&root.join(name), &1).expect("a folder").0
}

/// Forty steps on clusters that keep their distance, which are soon learned from.
fn short(preset: &str) -> FineTuneConfig {
    let mut config = small(FineTuneConfig::published_recipe(preset));
    config.training.batches = 40;
    config.batch_size = 8;
    config
}

fn short_options() -> TrainingOptions {
    TrainingOptions { checkpoint_every: 20, ..options(40, None) }
}

/// Asserts that the mean of the last five losses is less than 0.9 of that of the first five.
fn assert_falls(folder: &RunFolder) {
    let lines = MetricsLog::read(&folder.file("metrics.jsonl")).expect("a log");
    let losses: Vec<f64> =
        lines.iter().filter(|line| line.split == "train").map(|line| line.values["loss"]).collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[losses.len() - 5..]));
    assert!(last < 0.9 * first, "{first} to {last} in {}", folder.path().display());
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_a_resumed_run_too() {
    let _turn = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
    let (root, device) = (tempfile::tempdir().expect("a folder"), Device::flex());
    let config = count(CountEncoding::Softmax);
    let run = |name: &str, steps: usize, resume: Option<Checkpoint>| {
        let folder = match resume {
            Some(_) => RunFolder::open(&root.path().join(name)).expect("a run"),
            None => in_folder(root.path(), name),
        };
        train_count(&config, &resolved(&config), &folder, &device, &options(steps, resume))
            .expect("a run");
        folder
    };
    let whole = log(&run("one", 6, None));
    assert_eq!(whole.len(), 6 + 3, "six batches and three looks at held-out samples");
    assert_eq!(whole, log(&run("two", 6, None)));

    let broken = run("three", 4, None);
    let (checkpoint, _) = Checkpoints::of(&broken).newest_complete().expect("a checkpoint");
    assert_eq!(whole, log(&run("three", 6, Some(checkpoint))));
}

#[test]
fn every_count_loss_trains_and_gives_probabilities() {
    let _turn = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
    let (root, device) = (tempfile::tempdir().expect("a folder"), Device::flex());
    let preset = Preset::named("count-separable").expect("a preset");
    for &loss in CountEncoding::ALL {
        // The density would bring the loss down by itself.
        let config =
            CountConfig { fine_tune: short("count-separable"), density_weight: 0.0, ..count(loss) };
        let folder = in_folder(root.path(), loss.name());
        let outcome = train_count(&config, &resolved(&config), &folder, &device, &short_options())
            .expect("a run");
        assert_eq!(
            (outcome.stats.steps, outcome.stats.images, outcome.interrupted),
            (40, 320, false)
        );
        assert_falls(&folder);
        let seed = Split::Test.seed(0);
        let held_out = HeldOut::new(&preset, seed, 10, config.fine_tune.image);
        for flips in [false, true] {
            let predictions = predict_counts(&outcome.model, &device, &held_out, flips, |_| ())
                .expect("predictions");
            let report = CountReport::new(&predictions);
            assert_eq!((report.samples, predictions.counts()), (10, 0..=20), "{loss}");
        }
    }
}

#[test]
fn every_location_loss_trains_and_proposes_centres() {
    let _turn = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
    let (root, device) = (tempfile::tempdir().expect("a folder"), Device::flex());
    let preset = Preset::named("location-separable").expect("a preset");
    for &loss in LocationLossName::ALL {
        let config = LocationConfig {
            fine_tune: short("location-separable"),
            loss,
            ..LocationConfig::published_recipe()
        };
        let folder = in_folder(root.path(), loss.name());
        let outcome =
            train_location(&config, &resolved(&config), &folder, &device, &short_options())
                .expect("a run");
        assert_falls(&folder);
        let seed = Split::Test.seed(0);
        let held_out = HeldOut::new(&preset, seed, 5, config.fine_tune.image);
        let maps = propose_centres(&outcome.model, &device, &held_out, |_| ()).expect("centres");
        assert_eq!(maps.len(), 5);
        for (map, index) in maps.iter().zip(0..) {
            assert_eq!(map.truth, held_out.sample(index).centres, "{loss}");
            assert_eq!(map.proposed.len(), 6);
            assert!(map.proposed.windows(2).all(|pair| pair[0].probability >= pair[1].probability));
        }
    }
}

/// Any encoder will do: a vision transformer has one map of large cells and features of its own.
#[test]
fn a_vision_transformer_counts_and_locates() {
    let _turn = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
    let (root, device) = (tempfile::tempdir().expect("a folder"), Device::flex());
    let architecture = ModelName::VIT_TI16;
    let vit = |config: FineTuneConfig| FineTuneConfig { architecture, ..small(config) };
    let config = CountConfig {
        fine_tune: vit(CountConfig::published_recipe().fine_tune),
        ..CountConfig::published_recipe()
    };
    let images = Tensor::ones([1, 1, 64, 64], &device);
    let before = resolved(&config)
        .encoder(&device)
        .expect("an encoder")
        .forward_features(images.clone())
        .into_data();
    let outcome = train_count(
        &config,
        &resolved(&config),
        &in_folder(root.path(), "count"),
        &device,
        &options(6, None),
    )
    .expect("a run");
    let after = outcome.model.encoder().valid().forward_features(images).into_data();
    assert_ne!(before, after, "the features that are kept have learned");
    let config = LocationConfig {
        fine_tune: vit(LocationConfig::published_recipe().fine_tune),
        ..LocationConfig::published_recipe()
    };
    let folder = in_folder(root.path(), "location");
    let outcome = train_location(&config, &resolved(&config), &folder, &device, &options(6, None))
        .expect("a run");
    assert_eq!(outcome.stats.steps, 6);
}

#[test]
fn a_run_starts_from_weights_and_frozen_parts_stay() {
    let _turn = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
    let (root, device) = (tempfile::tempdir().expect("a folder"), Device::flex());
    let config = count(CountEncoding::Softmax);
    let weights = root.path().join("encoder.safetensors");
    let encoder = resolved(&config).encoder(&device).expect("an encoder");
    encoder.save_weights(&weights, WeightLayout::Torchvision).expect("a file");

    let images = Tensor::ones([1, 1, 64, 64], &device);
    let last = |encoder: &Backbone| encoder.forward_maps(images.clone()).remove(3).into_data();
    let before = last(&encoder);
    let trained = |freeze: usize| {
        let mut config = config.clone();
        config.fine_tune.weights = Some(weights.clone());
        config.fine_tune.freeze = freeze;
        config.fine_tune.training.seed = 9;
        let folder = in_folder(root.path(), &freeze.to_string());
        let outcome = train_count(&config, &resolved(&config), &folder, &device, &options(6, None))
            .expect("a run");
        last(&outcome.model.encoder().valid())
    };
    assert_eq!(before, trained(5), "a frozen encoder gives what it gave");
    assert_ne!(before, trained(4), "the last stage has learned");
}

#[test]
fn wrong_settings_are_named() {
    let right = CountConfig::published_recipe();
    right.resolve().expect("the report's settings can be used");
    let image = ImageConfig { height: 40, ..right.fine_tune.image };
    let weights =
        |path: &str| FineTuneConfig { weights: Some(path.into()), ..right.fine_tune.clone() };
    let usual = &right.fine_tune.training;
    let adamw = usual.optimizer;
    let training = |training| FineTuneConfig { training, ..right.fine_tune.clone() };
    let optimizer = |optimizer| training(TrainingConfig { optimizer, ..usual.clone() });
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../heatmap-models/tests/fixtures/resnet-bottleneck-training.pth"
    );
    for (named, fine_tune) in [
        ("`batches` = 0", training(TrainingConfig { batches: 0, ..usual.clone() })),
        ("`batch_size` = 1", FineTuneConfig { batch_size: 1, ..right.fine_tune.clone() }),
        ("`learning_rate` = 0", optimizer(OptimizerConfig { learning_rate: 0.0, ..adamw })),
        (
            "`checkpoint_every` = 0",
            training(TrainingConfig { checkpoint_every: Some(0), ..usual.clone() }),
        ),
        (
            "`stem` = half-image: a file of weights",
            FineTuneConfig { stem: StemKind::HalfImage, ..weights(fixture) },
        ),
        (
            "`stem` = half-image: a vit-ti8 has none",
            FineTuneConfig {
                architecture: ModelName::VIT_TI8,
                stem: StemKind::HalfImage,
                ..right.fine_tune.clone()
            },
        ),
        (
            "`image_size` = 54 x 64: cells of 4 px",
            FineTuneConfig {
                image: ImageConfig { height: 54, ..right.fine_tune.image },
                ..right.fine_tune.clone()
            },
        ),
        (
            "`ignore_weights` = fc.: names in weights",
            FineTuneConfig { ignore_weights: vec!["fc.".to_owned()], ..right.fine_tune.clone() },
        ),
        ("`patience` = 0", FineTuneConfig { patience: Some(0), ..right.fine_tune.clone() }),
        (
            "`warmup_batches` = 1",
            optimizer(OptimizerConfig { warmup_batches: Warmup::Share(1.0), ..adamw }),
        ),
        ("`weight_decay` = -1", optimizer(OptimizerConfig { weight_decay: -1.0, ..adamw })),
        ("`image_size` = 40 x 64", FineTuneConfig { image, ..right.fine_tune.clone() }),
        (
            "`freeze` = 2: parts that were never trained",
            FineTuneConfig { freeze: 2, ..right.fine_tune.clone() },
        ),
        ("5 parts to freeze", FineTuneConfig { freeze: 6, ..weights(fixture) }),
        ("missing.safetensors: ", weights("missing.safetensors")),
        ("which is not resnet50", weights(fixture)),
        ("no preset `nope`", FineTuneConfig { preset: "nope".into(), ..right.fine_tune.clone() }),
    ] {
        let error =
            CountConfig { fine_tune, ..right.clone() }.resolve().expect_err("an error").to_string();
        assert!(error.contains(named), "{error}");
    }
    for preset in ["banners", "simclr-wide"] {
        let fine_tune = FineTuneConfig::published_recipe(preset);
        let error =
            CountConfig { fine_tune, ..right.clone() }.resolve().expect_err("an error").to_string();
        assert_eq!(
            error,
            format!(
                "`preset` = {preset}: its classes are not numbers of clusters, each one more than \
                 the one before"
            )
        );
    }
    let location = LocationConfig::published_recipe();
    for (cell_px, named) in [
        (0, "`cell_px` = 0: must be positive"),
        (32, "`cell_px` = 32: gives 4 candidates"),
        (5, "`cell_px` = 5: resnet50 has cells of [1, 2, 4, 8, 16, 32] px"),
    ] {
        let error = LocationConfig { cell_px, ..location.clone() }.resolve().expect_err("an error");
        assert!(error.to_string().contains(named), "{error}");
    }
    for density_weight in [-1.0, f64::NAN] {
        let error = CountConfig { density_weight, ..right.clone() }
            .resolve()
            .expect_err("an error")
            .to_string();
        assert!(error.contains("`density_weight` = "), "{error}");
    }
    let fine_tune = FineTuneConfig::published_recipe("count-report");
    let error =
        LocationConfig { fine_tune, ..location }.resolve().expect_err("an error").to_string();
    assert!(error.contains("`num_centres` = 6: count-report has up to 20 clusters"), "{error}");
    let other = CountConfig { loss: CountEncoding::Corn, ..right.clone() };
    let error = other.check_resumes(&right).expect_err("an error").to_string();
    assert_eq!(error, "`loss` = corn: the run to resume has softmax");
}
