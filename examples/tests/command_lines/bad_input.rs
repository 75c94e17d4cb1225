//! Bad arguments, folders and files: exit code 2, one line that names what is wrong, nothing left.

use std::fs;

use crate::program::{example, fails_with, words};

/// The columns that a click table needs.
pub(crate) const HEADER: &str =
    "domain,grid_id,click_x,click_y,display_height,display_width,clicks\n";

/// Runs `name` with every line of arguments; `{}` is a folder with the tables below, and `{out}` a
/// folder that must not be there afterwards.
fn refused(name: &str, cases: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write("clicks.csv", &format!("{HEADER}a.com,g,1,2,250,300,1\na.com,g,x,2,250,300,1\n"));
    write("no-clicks.csv", &format!("{HEADER}a.com,g,x,2,250,300,1\n"));
    write("empty.csv", "");
    write("typo.json", "{\"optimizer\": {\"learnin_rate\": 1}}");
    let out = folder.path().join("none");
    for (line, named) in cases {
        let line = line
            .replace("{out}", &out.to_string_lossy())
            .replace("{}", &folder.path().to_string_lossy());
        fails_with(named, &mut example(name, words(&line)));
        assert!(!out.exists(), "{name} {line} has left {}", out.display());
    }
}

const FIXTURES: &str = "crates/heatmap-models/tests/fixtures";

#[test]
fn simclr_refuses() {
    refused(
        "simclr",
        &[
            ("--architecture resnet51", "invalid value 'resnet51'"),
            ("--preset nope --out {out}", "no preset `nope`; there are: simclr-report"),
            ("--classes-per-batch 9 --out {out}", "classes_per_batch` = 9"),
            ("--smoke --out /proc/nowhere", "/proc/nowhere: "),
            ("--resume --out {out}", "no run in this folder"),
            ("--device wgpu --out {out}", "--features wgpu"),
            (
                "--smoke --config {}/typo.json --out {out}",
                "did you mean `optimizer.learning_rate`?",
            ),
            ("--smoke --set loss.name=barlow --out {out}", "`loss.name` = \"barlow\""),
            ("--smoke --set accumulation=2 --out {out}", "do not add up to that of the batch"),
            ("--smoke --sweep nope=1,2 --out {out}", "unknown key `nope`"),
        ],
    );
}

#[test]
fn count_location_and_detector_refuse() {
    refused(
        "count",
        &[
            ("--batches 0 --out {out}", "`batches` = 0: must be positive"),
            ("--loss ordinal --out {out}", "invalid value 'ordinal'"),
            ("--freeze 2 --out {out}", "`freeze` = 2: parts that were never trained"),
        ],
    );
    refused(
        "location",
        &[
            (
                "--image-size 40 --out {out}",
                "`image_size` = 40 x 40: smaller than a heatmap of 50 x 60 bins",
            ),
            ("--smoke --weights nowhere.pth --out {out}", "nowhere.pth: No such file"),
        ],
    );
    refused("detector", &[("--set sets.querys=2 --out {out}", "did you mean `sets.queries`?")]);
}

#[test]
fn features_gallery_and_comparisons_refuse() {
    let other_network = format!(
        "--preset banners --model resnet50 --weights \
         {FIXTURES}/resnet-bottleneck-torchvision.safetensors --out {{out}}"
    );
    let hostile =
        format!("--preset banners --model resnet50 --weights {FIXTURES}/hostile.pth --out {{out}}");
    refused(
        "features",
        &[
            ("--preset banners --out {out}", "no network: give --model"),
            ("--preset banners --model vit-b15 --weights x --out {out}", "invalid value 'vit-b15'"),
            ("--preset banners --model vit-b16 --weights x.pth --out {out}", "x.pth: No such file"),
            (&other_network, "holds a ResNet of Bottleneck blocks with [1, 2, 1, 1] of them"),
            (&hostile, "holds `posix.system`"),
            ("--smoke --outputs tokens --out {out}", "a resnet18 has no tokens"),
            ("--smoke --clicks {}/no-clicks.csv --out {out}", "no-clicks.csv"),
        ],
    );
    #[cfg(not(feature = "hub"))]
    refused(
        "features",
        &[(
            "--preset banners --model vit-b16 --weights hf:owner/vit --out {out}",
            "--features hub",
        )],
    );
    refused("gallery", &[("--clicks {}/no-clicks.csv --out {out}", "no-clicks.csv")]);
    refused("facets", &[("--run a={} --out {out}", "no run in this folder: no config.json here")]);
    refused("benchmark", &[("--banners 20 --out {out}", "`banners` = 20")]);
    refused("embed", &[("--table a=nowhere.npy --out {out}", "nowhere.npy: No such file")]);
}

#[test]
fn detect_refuses() {
    refused(
        "detect",
        &[
            ("--clicks nowhere.csv --out {out}", "nowhere.csv: No such file"),
            ("--clicks {}/empty.csv --out {out}", "empty.csv"),
            ("--clicks README.md --out {out}", "no column `domain`"),
            ("--clicks {}/clicks.csv --false-alarms 0.9 --out {out}", "false alarm rate` = 0.9"),
            ("--clicks {}/clicks.csv --anchor best --out {out}", "invalid value 'best'"),
            ("--clicks {}/clicks.csv --shard 4/3 --parts-out {out}", "is no shard such as 1/3"),
            ("--clicks {}/clicks.csv --shard 1/3", "--parts-out <DIR>"),
            ("--clicks {}/clicks.csv --merge {} --out {out}", "cannot be used with"),
            ("--merge {} --out {out}", "no shard in this folder"),
        ],
    );
    #[cfg(not(feature = "parquet"))]
    refused(
        "detect",
        &[(
            "--clicks crates/heatmap-core/tests/fixtures/tables/clicks_snappy.parquet --out {out}",
            "--features parquet",
        )],
    );
}
