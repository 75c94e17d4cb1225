//! The fuzz targets' demands on the seeds, on the Parquet fixtures and on mutations of all of them,
//! with a fixed seed.

#[path = "../fuzz/entry.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are crates of their own")]
mod entry;

use std::path::Path;

use heatmap_core::sample_rng;
use rand::{Rng, RngExt};

fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = ["fuzz/seeds", "tests/fixtures/tables"]
        .into_iter()
        .flat_map(|folder| {
            std::fs::read_dir(root.join(folder)).expect("a folder of the repository")
        })
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 7, "{paths:?}");
    paths.iter().map(|path| std::fs::read(path).expect("a file of the repository")).collect()
}

/// A few changes: bytes, spans that are cut, doubled or moved, and pieces that mean something in a
/// table.
fn mutated(mut bytes: Vec<u8>, rng: &mut impl Rng) -> Vec<u8> {
    const PIECES: [&[u8]; 16] = [
        b"\"",
        b"\"\"",
        b",",
        b"\n",
        b"\r",
        b"\r\n",
        b"\xff",
        b"\xef\xbb\xbf",
        b"NaN",
        b"-",
        b"1e308",
        b"0.5",
        b"inf",
        b"\0",
        b"18446744073709551616",
        b"9007199254740993",
    ];
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..=bytes.len());
        let end = (at + rng.random_range(0..40)).min(bytes.len());
        match rng.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] = rng.random(),
            1 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let span = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, span);
            }
            4 if rng.random_range(0..10) == 0 => bytes.truncate(at),
            _ => drop(
                bytes.splice(at..at, PIECES[rng.random_range(0..PIECES.len())].iter().copied()),
            ),
        }
    }
    bytes
}

#[test]
fn the_seeds_pass() {
    for seed in seeds() {
        entry::click_log(&seed);
        entry::metrics_table(&seed);
    }
}

#[test]
fn mutated_click_logs_pass() {
    let seeds = seeds();
    for index in 0..2_000 {
        let mut rng = sample_rng(2026, index);
        entry::click_log(&mutated(seeds[index as usize % seeds.len()].clone(), &mut rng));
    }
}

#[test]
fn mutated_metrics_tables_pass() {
    let seeds = seeds();
    for index in 0..2_000 {
        let mut rng = sample_rng(2027, index);
        entry::metrics_table(&mutated(seeds[index as usize % seeds.len()].clone(), &mut rng));
    }
}
