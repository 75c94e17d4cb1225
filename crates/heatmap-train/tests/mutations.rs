//! Weights, features, configurations and manifests that were changed at random: read, or refused
//! with a reason, and never a panic. The fuzz targets demand the same.

#[path = "../fuzz/entry.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are crates of their own")]
mod entry;
#[path = "../../heatmap-core/fuzz/mutate.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are crates of their own")]
mod mutate;

use std::path::{Path, PathBuf};

use heatmap_core::sample_rng;
use heatmap_train::run::{CountConfig, LocationConfig, SetDetectorConfig, SimClrConfig};
use mutate::mutated;
use rand::{Rng, RngExt};
use serde::Serialize;

/// Pieces that mean something in JSON, or too much.
const JSON: [&[u8]; 16] = [
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e308",
    b"1e-308",
    b"18446744073709551615",
    b"-9223372036854775808",
    b"\"",
    b"{}",
    b"[]",
    b",",
    b":",
    b"NaN",
    b"\\ud800",
    b"\"nope\"",
];

/// Lengths and numbers of much.
const NUMBERS: [&[u8]; 4] = [&[0xFF; 4], &[0, 0, 0, 0x40], &[0; 8], b"1000000000000"];

/// The files of a folder of seeds.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let entries = std::fs::read_dir(&folder).expect("a folder of the repository");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}", folder.display());
    paths.iter().map(|path| std::fs::read(path).expect("a file of the repository")).collect()
}

/// How many of `count` mutations of the seeds are taken.
fn taken(
    seeds: &[Vec<u8>],
    count: u64,
    mutate: impl Fn(Vec<u8>, &mut heatmap_core::SampleRng) -> Vec<u8>,
    entry: impl Fn(&[u8]) -> bool,
) -> usize {
    let mutation = |index: u64| {
        let bytes = seeds[index as usize % seeds.len()].clone();
        mutate(bytes, &mut sample_rng(2_028, index))
    };
    (0..count).filter(|&index| entry(&mutation(index))).count()
}

#[test]
fn the_seeds_are_what_they_should_be() {
    for (name, entry, good) in [
        ("tensor_file", entry::tensor_file as fn(&[u8]) -> bool, 2),
        ("npy", entry::npy, 2),
        ("configuration", entry::configuration, 4),
        ("manifest", entry::manifest, 1),
    ] {
        let taken = seeds(name).iter().filter(|bytes| entry(bytes)).count();
        assert!(taken >= good, "{taken} of the seeds of {name} are taken");
    }
}

/// The settings in the repository are those of today.
#[test]
fn the_configurations_among_the_seeds_are_the_presets() {
    fn text(config: &impl Serialize) -> Vec<u8> {
        [&serde_json::to_vec_pretty(config).expect("JSON")[..], b"\n"].concat()
    }
    let presets = [
        ("count.json", text(&CountConfig::published_recipe())),
        ("detector.json", text(&SetDetectorConfig::default())),
        ("location.json", text(&LocationConfig::published_recipe())),
        ("simclr.json", text(&SimClrConfig::layouts())),
        ("../manifest/manifest.json", entry::good_manifest()),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/configuration");
    for (name, expected) in presets {
        let path = folder.join(name);
        if std::env::var_os("WRITE_SEEDS").is_some() {
            std::fs::write(&path, &expected).expect("written");
        }
        let found = std::fs::read(&path).expect("a seed");
        assert!(found == expected, "{name} is not the preset; WRITE_SEEDS=1 writes it anew");
    }
}

/// Nearly every change of length breaks a header, so some change nothing but bits of values.
fn mutated_weights(mut bytes: Vec<u8>, rng: &mut impl Rng) -> Vec<u8> {
    if rng.random_bool(0.7) {
        return mutated(bytes, &NUMBERS, 600, rng);
    }
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..bytes.len());
        bytes[at] ^= 1 << rng.random_range(0..8);
    }
    bytes
}

#[test]
fn mutated_weights_are_read_or_refused() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../heatmap-models/tests/fixtures");
    let fixture = |name| std::fs::read(fixtures.join(name)).expect("a file of the repository");
    let large = ["vit-timm.safetensors", "vit-torchvision.pth"].map(fixture);
    let files = [seeds("tensor_file"), large.to_vec()].concat();
    let taken = taken(&files, 3_000, mutated_weights, entry::tensor_file);
    assert!((100..2_900).contains(&taken), "{taken}");
}

#[test]
fn mutated_features_are_read_or_refused() {
    let mutate = |bytes, rng: &mut _| mutated(bytes, &NUMBERS, 128, rng);
    let taken = taken(&seeds("npy"), 3_000, mutate, entry::npy);
    assert!((100..2_900).contains(&taken), "{taken}");
}

/// Values become others, which leaves most of it JSON; or any change.
fn mutated_json(mut bytes: Vec<u8>, rng: &mut impl Rng) -> Vec<u8> {
    if rng.random_bool(0.3) {
        return mutated(bytes, &JSON, usize::MAX, rng);
    }
    for _ in 0..rng.random_range(1..3) {
        let colons: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b':').collect();
        let colon = colons[rng.random_range(0..colons.len())];
        let ends = |byte: &u8| b",}\n".contains(byte);
        let end = bytes[colon..].iter().position(ends).map_or(bytes.len(), |at| colon + at);
        let piece = JSON[rng.random_range(0..JSON.len())];
        bytes.splice(colon + 1..end, piece.iter().copied());
    }
    bytes
}

#[test]
fn mutated_configurations_are_read_or_refused() {
    let taken = taken(&seeds("configuration"), 6_000, mutated_json, entry::configuration);
    assert!((200..5_900).contains(&taken), "{taken}");
}

#[test]
fn mutated_manifests_are_read_or_refused() {
    let taken = taken(&seeds("manifest"), 2_000, mutated_json, entry::manifest);
    assert!((20..1_900).contains(&taken), "{taken}");
}
