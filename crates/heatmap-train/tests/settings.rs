//! Every setting by its name: what `--set` says is what `config.json` has, what `--config` reads
//! back, and what a run goes on under.

use std::fmt::Debug;

use heatmap_train::run::{
    CountConfig, LocationConfig, RunConfig, RunRequest, SetDetectorConfig, Settings, SimClrConfig,
};
use serde_json::Value;

/// Values that some setting or other takes; more than one, so that one of them is new.
const CANDIDATES: [&str; 34] = [
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "8",
    "12",
    "16",
    "32",
    "64",
    "0.01",
    "0.2",
    "0.25",
    "0.5",
    "0.9",
    "1.5",
    "2.0",
    "true",
    "false",
    "null",
    "resnet34",
    "vit-ti16",
    "half-image",
    "adamw",
    "dcl",
    "sord",
    "chamfer",
    "both",
    "sqrt",
    "bf16",
    "[3, 4]",
    "simclr-wide",
    "count-separable",
];

/// Settings that say less by themselves: what else must be said with them.
fn beside(key: &str) -> &'static [(&'static str, &'static str)] {
    match key {
        // These are made for a preset, an encoder or images of their own.
        "training.freeze" | "freeze" => &[],
        "image.height" => &[("image.width", "64")],
        _ => &[],
    }
}

/// `recipe` with one setting changed, if it takes this value and is another configuration then.
fn changed<C: RunConfig + PartialEq>(
    recipe: &C,
    key: &str,
    value: &str,
) -> Option<(RunRequest, C)> {
    let mut set: Vec<(String, String)> = vec![(key.to_owned(), value.to_owned())];
    set.extend(beside(key).iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    let request = RunRequest { set, ..RunRequest::default() };
    let config = request.resolve(recipe.clone(), Ok).ok()?;
    (config != *recipe && config.check_settings().is_ok()).then_some((request, config))
}

fn every_key<C: RunConfig + PartialEq + Debug>(recipe: &C, excepted: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    let settings = Settings::of(recipe).expect("settings");
    let keys = settings.keys();
    assert!(keys.len() > 10, "{keys:?}");
    for key in keys {
        if excepted.contains(&key.as_str()) {
            continue;
        }
        let found = CANDIDATES.iter().find_map(|value| changed(recipe, &key, value));
        let (_, config) = found.unwrap_or_else(|| panic!("no value that `{key}` takes"));
        let text = serde_json::to_string_pretty(&config).expect("JSON");
        let written: Value = serde_json::from_str(&text).expect("JSON");
        let named = key.split('.').try_fold(&written, |value, part| value.get(part));
        assert!(named.is_some_and(|value| Some(value) != settings.get(&key)), "{key}: {text}");
        std::fs::write(&path, &text).expect("written");
        let again = RunRequest { config: Some(path.clone()), ..RunRequest::default() };
        let again =
            again.resolve(recipe.clone(), Ok).unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(again, config, "{key}");
        again.check_going_on(&config).unwrap_or_else(|error| panic!("{key}: {error}"));
    }
}

#[test]
fn every_setting_of_simclr_is_written_read_and_resumed() {
    // Classes of a batch and evaluated samples depend on the preset; one has nothing but 1.
    every_key(&SimClrConfig::published_recipe(), &["accumulation", "negatives_per_pair"]);
    every_key(&SimClrConfig::layouts(), &["accumulation", "preset", "augment"]);
}

#[test]
fn every_setting_of_count_and_location_is_written_read_and_resumed() {
    // Weights are files, and parts are frozen only with them.
    every_key(&CountConfig::published_recipe(), &["training.weights", "training.freeze"]);
    every_key(&LocationConfig::published_recipe(), &["training.weights", "training.freeze"]);
}

#[test]
fn every_setting_of_the_detector_is_written_read_and_resumed() {
    every_key(&SetDetectorConfig::default(), &[]);
}
