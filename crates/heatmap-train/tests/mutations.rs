//! Configurations and manifests that were changed at random: read, or refused with a reason, and
//! never a panic.

use std::path::Path;

use heatmap_core::sample_rng;
use heatmap_train::run::{
    Checkpoints, CountConfig, LocationConfig, SetDetectorConfig, Settings, SimClrConfig,
};
use rand::{Rng, RngExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Pieces that mean something in JSON, or too much.
const PIECES: [&str; 16] = [
    "null",
    "true",
    "-1",
    "0",
    "1e308",
    "1e-308",
    "18446744073709551615",
    "-9223372036854775808",
    "\"",
    "{}",
    "[]",
    ",",
    ":",
    "NaN",
    "\\ud800",
    "\"nope\"",
];

/// A few changes: numbers and words that become others, spans that are cut or doubled, pieces of
/// JSON.
fn mutated(text: &str, rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..=bytes.len());
        let end = (at + rng.random_range(0..30)).min(bytes.len());
        let piece = PIECES[rng.random_range(0..PIECES.len())].as_bytes();
        match rng.random_range(0..5) {
            // In place of a value, which leaves most of it JSON.
            0 | 1 => {
                let colons: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b':').collect();
                let Some(&colon) = colons.get(rng.random_range(0..colons.len().max(1))) else {
                    continue;
                };
                let end = bytes[colon..]
                    .iter()
                    .position(|byte| b",}\n".contains(byte))
                    .map_or(bytes.len(), |at| colon + at);
                bytes.splice(colon + 1..end, piece.iter().copied());
            }
            2 => drop(bytes.drain(at..end)),
            3 => {
                let span = bytes[at..end].to_vec();
                bytes.splice(at..at, span);
            }
            _ => drop(bytes.splice(at..at, piece.iter().copied())),
        }
    }
    bytes
}

/// Reads mutations of a configuration as `--config` does; how many were taken.
fn read_mutations<C: Serialize + DeserializeOwned>(good: &C, check: impl Fn(&C)) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    let text = serde_json::to_string_pretty(good).expect("JSON");
    let known = Settings::of(good).expect("settings");
    let mut taken = 0;
    for index in 0..1_500 {
        std::fs::write(&path, mutated(&text, &mut sample_rng(2_029, index))).expect("written");
        let read = Settings::read(&path, &known).and_then(|settings| settings.into_config(good));
        if let Ok(config) = read {
            check(&config);
            taken += 1;
        }
    }
    taken
}

#[test]
fn mutated_configurations_are_read_or_refused() {
    let layouts = SimClrConfig::layouts();
    let taken = [
        read_mutations(&layouts, |config| drop(config.check())),
        read_mutations(&CountConfig::report(), |config| drop(config.check())),
        read_mutations(&LocationConfig::report(), |config| drop(config.check())),
        read_mutations(&SetDetectorConfig::default(), |config| drop(config.check())),
    ];
    assert!(taken.iter().all(|taken| (50..1_500).contains(taken)), "{taken:?}");
}

/// A checkpoint that is complete, of three parts that nobody has to understand.
fn write_checkpoint(folder: &Path) -> String {
    std::fs::create_dir_all(folder).expect("a folder");
    let part = |name: &str| {
        std::fs::write(folder.join(format!("{name}.bpk")), name).expect("written");
        (
            name.to_owned(),
            serde_json::json!({"bytes": name.len(), "crc32": crc32fast::hash(name.as_bytes())}),
        )
    };
    let parts: serde_json::Map<String, serde_json::Value> =
        ["model", "optimizer", "scheduler"].map(part).into_iter().collect();
    serde_json::to_string_pretty(&serde_json::json!({"step": 2, "parts": parts, "score": 0.5}))
        .expect("JSON")
}

#[test]
fn mutated_manifests_are_read_or_refused() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("step-000002");
    let manifest = write_checkpoint(&folder);
    let checkpoints = Checkpoints::new(root.path().to_owned());
    let mut complete = 0;
    for index in 0..2_000 {
        std::fs::write(
            folder.join("manifest.json"),
            mutated(&manifest, &mut sample_rng(2_030, index)),
        )
        .expect("written");
        match checkpoints.newest_complete() {
            Ok((checkpoint, _)) => {
                assert_eq!(checkpoint.step, 2);
                complete += 1;
            }
            Err(error) => assert!(error.to_string().contains("step-000002"), "{error}"),
        }
        drop(checkpoints.at_step(2));
    }
    assert!((20..1_900).contains(&complete), "{complete}");
}
