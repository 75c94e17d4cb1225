//! The fuzz targets' demands on the seeds, on the Parquet fixtures and on mutations of all of them,
//! with a fixed seed.

#[path = "../fuzz/entry.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are crates of their own")]
mod entry;
#[path = "../fuzz/mutate.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are crates of their own")]
mod mutate;

use std::path::Path;

use heatmap_core::sample_rng;
use mutate::mutated;

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

/// Pieces that mean something in a table.
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

/// The mutation of this number, of one of the seeds.
fn mutation(seeds: &[Vec<u8>], seed: u64, index: u64) -> Vec<u8> {
    let bytes = seeds[index as usize % seeds.len()].clone();
    mutated(bytes, &PIECES, usize::MAX, &mut sample_rng(seed, index))
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
    (0..2_000).for_each(|index| entry::click_log(&mutation(&seeds, 2026, index)));
}

#[test]
fn mutated_metrics_tables_pass() {
    let seeds = seeds();
    (0..2_000).for_each(|index| entry::metrics_table(&mutation(&seeds, 2027, index)));
}
