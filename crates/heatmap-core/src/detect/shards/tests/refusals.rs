//! Files that do not belong together, or are no whole shards.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::*;

/// The error of opening and merging the shards in a folder.
fn refusal(folder: &Path) -> String {
    let merged = ShardSet::open(folder).and_then(|set| set.merge(&mut go_on));
    merged.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn shards_that_do_not_belong_together_are_refused() {
    let world = [grid(3, SIZE, 30), grid(2, SIZE, 30)].concat();
    let banners = heatmaps(&world);
    let other_than = |config: &LogDetectionConfig,
                      reading: &ClickLogConfig,
                      banners: &[Banner],
                      known: BannerFacts,
                      shard: [u32; 2]| {
        let folder = tempfile::tempdir().unwrap();
        write(&fast(), &super::reading(), &heatmaps(&world), nothing(), [1, 2], folder.path());
        write(config, reading, banners, known, shard, folder.path());
        refusal(folder.path())
    };
    let (usual, usual_reading) = (fast(), reading());
    let one = other_than(&usual, &usual_reading, &banners, nothing(), [1, 2]);
    assert!(one.ends_with("shard 2/2 is missing"), "{one}");
    let three = other_than(&usual, &usual_reading, &banners, nothing(), [2, 3]);
    assert!(three.contains("is of another number of shards than"), "{three}");
    let mut budget = fast();
    budget.decision.budget = Some(4);
    let settings = other_than(&budget, &usual_reading, &banners, nothing(), [2, 2]);
    assert!(settings.contains("shard-2-of-2.jsonl.gz is of other settings than"), "{settings}");
    let least = ClickLogConfig { min_clicks: 5, ..reading() };
    let settings = other_than(&usual, &least, &banners, nothing(), [2, 2]);
    assert!(settings.contains("is of other settings than"), "{settings}");
    // One click in another bin, on a banner of either shard.
    for at in [0, 35] {
        let mut moved = banners.clone();
        let mut values = moved[at].2.values().to_vec();
        let from = values.iter().position(|clicks| *clicks > 0.0).unwrap();
        values[from] -= 1.0;
        values[from + 1] += 1.0;
        moved[at].2 = Heatmap::from_values(moved[at].2.grid(), values).unwrap();
        let log = other_than(&usual, &usual_reading, &moved, nothing(), [2, 2]);
        assert!(log.contains("is of another log than"), "{log}");
    }
    let known = other_than(&usual, &usual_reading, &banners, facts(&world), [2, 2]);
    assert!(known.contains("is of other metrics, labels or examples than"), "{known}");
    // Rows that are kept in memory change nothing.
    let memory = ClickLogConfig { memory_rows: 100, ..reading() };
    let folder = tempfile::tempdir().unwrap();
    write(&usual, &usual_reading, &banners, nothing(), [1, 2], folder.path());
    write(&usual, &memory, &banners, nothing(), [2, 2], folder.path());
    assert!(ShardSet::open(folder.path()).is_ok());
}

#[test]
fn files_that_are_no_whole_shards_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shard-1-of-1.jsonl.gz");
    assert!(refusal(folder.path()).ends_with("no shard in this folder"));
    let nowhere = folder.path().join("nowhere");
    assert!(ShardSet::open(&nowhere).unwrap_err().to_string().contains("nowhere: "));
    std::fs::write(&file, "domain,grid_id\n").unwrap();
    assert!(refusal(folder.path()).contains("shard-1-of-1.jsonl.gz: no shard that was written by"));

    let banners = heatmaps(&grid(3, SIZE, 30));
    write(&fast(), &reading(), &banners, nothing(), [1, 1], folder.path());
    let whole = std::fs::read(&file).unwrap();
    std::fs::copy(&file, folder.path().join("shard-1-of-1-copy.jsonl.gz")).unwrap();
    let twice = refusal(folder.path());
    assert!(twice.contains("shard 1/1 is there twice, as "), "{twice}");
    std::fs::remove_file(folder.path().join("shard-1-of-1-copy.jsonl.gz")).unwrap();

    let mut text = String::new();
    GzDecoder::new(&whole[..]).read_to_string(&mut text).unwrap();
    let put = |text: &str| {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        std::fs::write(&file, out.finish().unwrap()).unwrap();
    };
    put(&text.replacen("\"version\":1", "\"version\":2", 1));
    let version = refusal(folder.path());
    assert!(version.contains("a shard of version 2 of heatmap 0.1.0; this program"), "{version}");
    let lines: Vec<&str> = text.lines().collect();
    let banner = lines.len() - 1;
    for (cut, what) in [(1, "it ends early"), (2, "grid 0 of 1 is in no shard"), (banner, "early")]
    {
        put(&lines[..cut].join("\n"));
        let short = refusal(folder.path());
        assert!(short.contains("a broken shard: ") && short.contains(what), "{short}");
    }
    put(&format!("{text}{}", lines[2]));
    assert!(refusal(folder.path()).contains("its grids are not those of the log"));
    for (is, becomes, what) in [
        ("\"bins\":[", "\"bins\":[999999,1,", "has bins that its heatmap has not"),
        ("\"bins\":[", "\"bins\":[1,", "has a bin without clicks"),
        ("\"parts\":[", "\"parts\":[1,", "has other parts"),
        ("\"map\":[", "\"map\":[0.1,", "whose bins have no probabilities"),
        ("\"first\":0", "\"first\":1", "grid layout-3 does not belong there"),
        ("site000.example", "site999.example", "does not stand in its order"),
        ("\"rows\":", "\"rows\":-", "a broken shard: "),
    ] {
        put(&text.replacen(is, becomes, 1));
        let wrong = refusal(folder.path());
        assert!(wrong.contains("shard-1-of-1.jsonl.gz: ") && wrong.contains(what), "{wrong}");
    }
    // Cut short, and one bit changed: the check sum tells.
    std::fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    assert!(refusal(folder.path()).contains("a broken shard: "));
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&file, &changed).unwrap();
    assert!(refusal(folder.path()).contains("a broken shard: "));
    std::fs::write(&file, &whole).unwrap();
    assert!(ShardSet::open(folder.path()).unwrap().merge(&mut go_on).is_ok());
}
