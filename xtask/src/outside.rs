//! The crates as others see them: from outside the workspace, whose other members would add
//! features that are missing there.

use std::fs;
use std::process::Command;

use crate::shell::run;
use crate::{Outcome, Place};

/// `heatmap-core` as a dependency, with none and with each of its features.
pub(crate) fn core_alone(place: &Place) -> Outcome {
    let folder = place.work("core-alone");
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "pub use heatmap_core;\n")?;
    fs::copy(place.root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let core = place.root.join("crates/heatmap-core");
    for features in ["", "\"analysis\"", "\"parquet\"", "\"plot\"", "\"report\"", "\"zstd\""] {
        let manifest = format!(
            "[package]\nname = \"core-alone\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies.heatmap-core]\npath = {core:?}\ndefault-features = false\n\
             features = [{features}]\n\n[workspace]\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        let mut check = Command::new("cargo");
        check.args(["check", "--release", "--quiet", "--manifest-path"]);
        check.arg(folder.join("Cargo.toml")).arg("--target-dir").arg(&place.target);
        run(&mut check)?;
    }
    Ok(())
}

/// Packs the crates as they would be published: every file that they need is among theirs.
pub(crate) fn package(place: &Place) -> Outcome {
    let mut package = Command::new("cargo");
    package.args(["package", "--workspace", "--no-verify", "--allow-dirty", "--quiet"]);
    for own in ["heatmap-examples", "heatmap-benches", "xtask"] {
        package.args(["--exclude", own]);
    }
    run(package.arg("--target-dir").arg(&place.target))
}

/// The crate in `examples/downstream`. Its features differ from ours, so that a build would compile
/// Burn again: its types are checked.
pub(crate) fn downstream(place: &Place) -> Outcome {
    let mut check = Command::new("cargo");
    check.args(["check", "--release", "--locked", "--quiet", "--manifest-path"]);
    check.arg(place.root.join("examples/downstream/Cargo.toml"));
    run(check.arg("--target-dir").arg(&place.target))
}
