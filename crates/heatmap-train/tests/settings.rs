//! Every setting by its name: what `--set` says is what `config.json` has, what `--config` reads
//! back, and what a run goes on under.

use std::fmt::Debug;
use std::path::Path;

use heatmap_core::augment::AugmentConfig;
use heatmap_train::data::OwnLog;
use heatmap_train::run::{
    CountConfig, LocationConfig, RunConfig, RunFolder, RunRequest, SetDetectorConfig, Settings,
    SimClrConfig, TrainingFolder,
};
use serde_json::{Value, json};

/// Words and groups of values, each of which some setting takes.
const WORDS: [&str; 16] = [
    "resnet18",
    "resnet34",
    "small-image",
    "adamw",
    "lars",
    "dcl",
    "sord",
    "chamfer",
    "both",
    "log1p",
    "max",
    "bf16",
    "simclr-wide",
    "count-separable",
    "location-separable",
    "2",
];

/// Other values that a setting may take that has this one.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!(2), json!(4), json!(0.5), json!({"crop": 0.5})],
        Value::Bool(on) => vec![json!(!on)],
        Value::Number(number) => match number.as_u64() {
            Some(n) => vec![json!(n + 1), json!(n + 4), json!(2 * n), json!(n / 2)],
            None => {
                let value = number.as_f64().expect("a number");
                vec![json!(0.5 * value), json!(0.9 * value), json!(1.5 * value), json!(0.01)]
            }
        },
        Value::Array(values) if values.is_empty() => vec![json!([3]), json!([1_000])],
        Value::Array(values) => {
            let (last, before) = values.split_last().expect("a value");
            let with_last = |last| Value::Array([before, &[last]].concat());
            others(last).into_iter().map(with_last).collect()
        }
        Value::String(_) => WORDS.map(|word| json!(word)).into(),
        Value::Object(_) => Vec::new(),
    }
}

/// `recipe` with one setting changed, if it takes this value and is another configuration then.
fn changed<C: RunConfig + PartialEq>(recipe: &C, key: &str, value: &Value) -> Option<C> {
    let set = vec![(key.to_owned(), value.to_string())];
    let request = RunRequest { set, ..RunRequest::default() };
    let config = request.configure(recipe.clone(), Ok, &mut |_| ()).ok()?;
    (config != *recipe && config.resolve().is_ok()).then_some(config)
}

fn every_key<C: RunConfig + PartialEq + Debug>(recipe: &C, excepted: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    let settings = Settings::of(recipe).expect("settings");
    let keys = settings.keys();
    assert!(keys.len() > 10, "{keys:?}");
    let mut unchanged = Vec::new();
    for key in keys {
        if excepted.contains(&key.as_str()) {
            continue;
        }
        let values = others(settings.get(&key).expect("a value"));
        let config = values.iter().find_map(|value| changed(recipe, &key, value));
        let Some(config) = config else {
            unchanged.push(format!("{key}: {values:?}"));
            continue;
        };
        let text = serde_json::to_string_pretty(&config).expect("JSON");
        let written: Value = serde_json::from_str(&text).expect("JSON");
        let named = key.split('.').try_fold(&written, |value, part| value.get(part));
        assert!(named.is_some_and(|value| Some(value) != settings.get(&key)), "{key}: {text}");
        std::fs::write(&path, &text).expect("written");
        let again = RunRequest { config: Some(path.clone()), ..RunRequest::default() };
        let again = again
            .configure(recipe.clone(), Ok, &mut |_| ())
            .unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(again, config, "{key}");
        again.check_resumes(&config).unwrap_or_else(|error| panic!("{key}: {error}"));
    }
    assert!(unchanged.is_empty(), "none of these is taken: {unchanged:#?}");
}

#[test]
fn every_setting_of_simclr_is_written_read_and_resumed() {
    // A step of several batches is always refused, and a decay by plain Adam; one preset alone has
    // hard negatives; a click log of one's own is files, which the tests of command lines have.
    let [accumulation, decay] = ["accumulation", "optimizer.weight_decay"];
    let always = [accumulation, decay, "own"];
    let and = |key| [&always[..], &[key]].concat();
    every_key(&SimClrConfig::published_recipe(), &and("negatives_per_pair"));
    every_key(&SimClrConfig::layouts(), &and("preset"));
}

#[test]
fn every_setting_of_count_and_location_is_written_read_and_resumed() {
    // Weights are files, and parts are frozen or left out only with them; a click log is files,
    // too.
    let of_files = ["weights", "ignore_weights", "freeze", "own"];
    every_key(&CountConfig::published_recipe(), &of_files);
    every_key(&LocationConfig::published_recipe(), &of_files);
}

#[test]
fn every_setting_of_the_detector_is_written_read_and_resumed() {
    every_key(&SetDetectorConfig::default(), &[]);
}

/// The recipe of SimCLR with these settings.
fn with(set: &[(&str, &str)]) -> SimClrConfig {
    let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let request = RunRequest { set, ..RunRequest::default() };
    let recipe = SimClrConfig::published_recipe();
    request.configure(recipe, Ok, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_member_of_a_group_that_is_off_is_set_alone() {
    let none = Settings::of(&AugmentConfig::none()).expect("settings");
    let keys = none.keys();
    assert_eq!(keys.len(), 7, "{keys:?}");
    for key in keys {
        let config = with(&[(&format!("augment.{key}"), "0.25")]);
        let augment = Settings::of(&config.augment.expect("augmentations")).expect("settings");
        for other in augment.keys() {
            let expected = if other == key { json!(0.25) } else { Value::Null };
            assert_eq!(augment.get(&other), Some(&expected), "{key}: {other}");
        }
        config.resolve().unwrap_or_else(|error| panic!("{key}: {error}"));
        let config = SimClrConfig { augment: None, ..config };
        assert_eq!(config, SimClrConfig::published_recipe(), "{key} turns on something else");
    }
    let own = with(&[("own.clicks", r#"["a.csv"]"#), ("own.min_clicks", "7")]).own;
    let alone = OwnLog { min_clicks: 7, ..OwnLog::new(vec!["a.csv".into()], Vec::new()) };
    assert_eq!(own, Some(alone));
    let error = with(&[("own.min_clicks", "7")]).resolve().expect_err("no table").to_string();
    assert!(error.contains("`own.clicks` = []: "), "{error}");
}

#[test]
fn settings_of_simclr_from_before_some_were_added_are_those_of_today() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    for recipe in [SimClrConfig::published_recipe(), SimClrConfig::layouts()] {
        let mut values = serde_json::to_value(&recipe).expect("JSON");
        let fields = values.as_object_mut().expect("an object");
        for added in ["projection_hidden", "own", "negatives_per_pair", "precision"] {
            let value = fields.remove(added);
            assert!(value.is_some(), "{added}");
        }
        if recipe.negatives_per_pair > 0 {
            fields.insert("negatives_per_pair".to_owned(), json!(recipe.negatives_per_pair));
        }
        let root = folder.path().join(&recipe.preset);
        let (run, _) = RunFolder::create(&root, &values).expect("a folder");
        assert_eq!(run.read_config(&recipe, &mut |_| ()).expect("settings"), recipe);
        std::fs::write(&path, values.to_string()).expect("written");
        let request = RunRequest { config: Some(path.clone()), ..RunRequest::default() };
        let begun = request.configure(recipe.clone(), Ok, &mut |_| ()).expect("settings");
        assert_eq!(begun, recipe);
        begun.check_resumes(&recipe).expect("the same run");
    }
}

/// Takes the recipe as an earlier version wrote it, and holds it against the recipe of today.
fn earlier<C: RunConfig + PartialEq + Debug>(name: &str, recipe: &C, renamed: &[&str]) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/configuration");
    let path = seeds.join(format!("{name}-earlier.json"));
    let root = tempfile::tempdir().expect("a folder");
    let mut told = Vec::new();
    let tell = &mut |sentence: &str| told.push(sentence.to_owned());
    let request = RunRequest { config: Some(path.clone()), ..RunRequest::default() };
    let mut other = recipe.clone();
    other.training_mut().batches = 7;
    other.training_mut().optimizer.learning_rate = 0.5;
    let begun = request.configure(other.clone(), Ok, tell).expect("settings");
    assert_eq!(begun, *recipe, "{name} as --config");

    let text = std::fs::read_to_string(&path).expect("a seed");
    let (folder, _) = RunFolder::create(&root.path().join("run"), &1).expect("a folder");
    std::fs::write(folder.file(RunFolder::CONFIG), &text).expect("written");
    assert_eq!(folder.read_config(&other, tell).expect("settings"), *recipe, "{name} as --resume");
    assert_eq!(told.len(), 2, "{told:?}");
    for line in told {
        assert!(line.contains("json has settings of an earlier version: "), "{line}");
        renamed.iter().for_each(|renamed| assert!(line.contains(renamed), "{renamed}: {line}"));
    }

    let wrong = text.replacen("weight_decay", "weight_dekay", 1);
    std::fs::write(folder.file(RunFolder::CONFIG), wrong).expect("written");
    let error = folder.read_config(recipe, &mut |_| ()).expect_err("a wrong key").to_string();
    assert!(error.contains("config.json: unknown key `weight_dekay`"), "{error}");
}

#[test]
fn settings_of_an_earlier_version_are_read_and_what_was_renamed_is_told() {
    let optimizer = [
        "`learning_rate` is `optimizer.learning_rate`",
        "`warmup` is `optimizer.warmup_batches`",
        "`weight_decay` is `optimizer.weight_decay`",
    ];
    let training = [
        "`training.KEY` is now `KEY`",
        "`samples` 96000 is `batches` 1500",
        "`valid_samples` is `evaluation.samples`",
    ];
    let all = [&training[..], &optimizer].concat();
    earlier("count", &CountConfig::published_recipe(), &all);
    earlier("location", &LocationConfig::published_recipe(), &all);
    earlier("detector", &SetDetectorConfig::default(), &optimizer);
}
