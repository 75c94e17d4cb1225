//! Files of shards that somebody has changed: an error or a merge, but never a panic.
#![cfg(feature = "analysis")]

#[path = "../fuzz/mutate.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are crates of their own")]
mod mutate;

use std::io::{Read, Write};
use std::ops::ControlFlow;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use heatmap_core::detect::{LogDetectionConfig, LogFiles, LogInputs, PartSet, ShardSet};
use heatmap_core::sample_rng;
use heatmap_core::synth::{DemoLog, DemoSize};
use heatmap_core::table::{ClickLogConfig, Shard};
use mutate::mutated;

/// Pieces that mean something in JSON.
const PIECES: [&[u8]; 12] = [
    b"null",
    b"-1",
    b"0",
    b"1e308",
    b"18446744073709551615",
    b"4294967295",
    b"[]",
    b"{}",
    b"\"\"",
    b",",
    b"\n",
    b"NaN",
];

#[test]
fn a_changed_shard_is_refused_or_merged() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = DemoLog::within(&folder.path().join("log"));
    log.write(DemoSize { grids: 2, banners: 12 }, 1).expect("a log");
    let go_on = &mut |_| ControlFlow::Continue(());
    let files = LogFiles { clicks: &[log.clicks], metrics: &[log.metrics], labels: &[log.labels] };
    let shard = Shard::new(1, 1).expect("a shard");
    let config = ClickLogConfig::default();
    let inputs = LogInputs::read_shard(&config, files, shard, go_on).expect("a log");
    let mut detection = LogDetectionConfig::default();
    detection.detector.parts = PartSet::Fast;
    let shards = folder.path().join("shards");
    let going = &mut |_| ControlFlow::Continue(());
    let written = detection.run_shard(&inputs, &shards, &(), going).expect("a shard");
    let mut text = Vec::new();
    let packed = std::fs::File::open(&written.path).expect("a file");
    GzDecoder::new(packed).read_to_end(&mut text).expect("a file that is whole");
    let merge =
        || ShardSet::open(&shards).and_then(|set| set.merge(&mut |_| ControlFlow::Continue(())));
    let (merged, _) = merge().expect("nothing was changed");
    let (mut merges, mut errors) = (0, 0);
    for index in 0..400 {
        // Half of the changes are made in what the file says of itself and of the log.
        let changed = mutated(text.clone(), &PIECES, 4_000, &mut sample_rng(31, index));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&changed).expect("in memory");
        std::fs::write(&written.path, encoder.finish().expect("in memory")).expect("written");
        match merge() {
            Ok((inputs, _)) => {
                assert_eq!(inputs.log.len(), merged.log.len(), "{index}");
                merges += 1;
            }
            Err(error) => {
                let error = error.to_string();
                // The file, or the setting that it has.
                let names = error.contains("shard") || error.contains("configuration");
                assert!(names, "{index}: {error}");
                errors += 1;
            }
        }
    }
    assert!(merges > 0 && errors > merges, "{merges} {errors}");
}
