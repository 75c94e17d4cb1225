//! What one program trains, others go on with.

use crate::program::{example, succeeds, words};

#[test]
fn an_encoder_that_counted_learns_to_locate_is_read_and_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    succeeds(example("count", ["--smoke", "--out"]).arg(at("count")));
    let encoder = at("count").join("encoder.safetensors");
    let mut location = example("location", words("--smoke --freeze 3 --weights"));
    succeeds(location.arg(&encoder).arg("--out").arg(at("frozen")));
    let line = words("--preset banners --samples 4 --model resnet18 --weights");
    succeeds(example("features", line).arg(&encoder).arg("--out").arg(at("features")));
    let mut facets = example("facets", ["--smoke"]);
    for name in ["count", "frozen"] {
        facets.arg("--run").arg(format!("{name}={}", at(name).display()));
    }
    succeeds(facets.arg("--out").arg(at("compared")));
    assert!(at("compared").join("summary.json").is_file());
}
