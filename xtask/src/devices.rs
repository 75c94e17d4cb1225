//! What is off by default: the GPU path on Mesa's software driver, the hub, Parquet, and the
//! deprecated backend.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{install, run};
use crate::{Outcome, Place, readme};

/// One build of everything that is off by default. The deprecated backend would add burn-ndarray,
/// which takes eleven minutes to compile: without `NDARRAY=1` clippy alone sees it.
fn features() -> &'static str {
    if with_ndarray() { "wgpu,hub,parquet,zstd,ndarray" } else { "wgpu,hub,parquet,zstd" }
}

fn with_ndarray() -> bool {
    env::var_os("NDARRAY").is_some()
}

/// What is compiled once more for the GPU path, or for it alone. Here it is optimised less than for
/// users: compiling it takes far longer than all that these steps compute with it.
const LESS_OPTIMISED: &str = "
    burn burn-autodiff burn-backend burn-core burn-cubecl burn-dataset burn-dispatch burn-flex
    burn-ir burn-linalg burn-nn burn-optim burn-std burn-tensor burn-train burn-wgpu
    cubecl-common cubecl-core cubecl-ir cubecl-monitoring cubecl-opt cubecl-runtime
    cubecl-server cubecl-std cubecl-wgpu cubek-attention cubek-convolution cubek-interpolate
    cubek-matmul cubek-pool cubek-quant cubek-random cubek-reduce cubek-std cubek-tile
    heatmap-cli heatmap-models heatmap-train naga
    parquet pliron wgpu wgpu-core wgpu-hal";

/// Adds the features, and settings of the compiler that must be the same in every step that has
/// them: otherwise it would compile all of it again.
fn with_features(command: &mut Command) -> &mut Command {
    for name in LESS_OPTIMISED.split_whitespace() {
        command.arg("--config").arg(format!("profile.release.package.{name}.opt-level=1"));
    }
    command.args(["--features", features()])
}

/// The devices that the programs are tried on.
fn devices() -> &'static [&'static str] {
    if with_ndarray() { &["wgpu", "ndarray"] } else { &["wgpu"] }
}

/// The description of Mesa's software driver.
fn software_driver() -> Option<PathBuf> {
    let folder = fs::read_dir(Path::new("/usr/share/vulkan/icd.d")).ok()?;
    let mut found = folder.filter_map(|entry| Some(entry.ok()?.path()));
    found.find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().contains("lvp_icd"))
    })
}

/// `command` with the software driver. With it, a test that compares nothing is a failure.
fn with_driver<'a>(place: &Place, command: &'a mut Command) -> Outcome<&'a mut Command> {
    install("mesa-vulkan-drivers", || Path::new("/usr/share/vulkan/icd.d").is_dir())?;
    if let Some(driver) = software_driver() {
        if env::var_os("VK_DRIVER_FILES").is_none() {
            command.env("VK_DRIVER_FILES", driver);
        }
        command.env("HEATMAP_DEVICES", "wgpu");
        // Fewer shapes are told apart when kernels are tried.
        command.env("CUBECL_AUTOTUNE_LEVEL", "minimal");
    }
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        command.env("XDG_RUNTIME_DIR", &place.work);
    }
    Ok(command)
}

/// The tests of what is off by default. For each shape Burn tries all kernels that it has, which a
/// software driver compiles for minutes: of the comparisons with PyTorch's values, these are the
/// gradients alone.
pub(crate) fn tests(place: &Place) -> Outcome {
    let tests =
        [(&["devices", "hub"], None), (&["resnet_parity", "vit_parity"], Some("gradients"))];
    for (names, filter) in tests {
        let mut command = Command::new("cargo");
        with_features(command.args(["test", "--release"]));
        names.iter().for_each(|name| _ = command.args(["--test", name]));
        if let Some(filter) = filter {
            command.args(["--", filter]);
        }
        run(with_driver(place, &mut command)?)?;
    }
    Ok(())
}

/// The tests of tables in Parquet and of packed ones, and `detect` on one.
pub(crate) fn parquet(place: &Place) -> Outcome {
    let mut command = Command::new("cargo");
    command.args(["test", "--release", "--test", "parquet", "--test", "zstd"]);
    command.args(["--test", "fuzz_entries"]);
    run(with_features(&mut command))?;
    let mut detect = readme::command(place, "cargo run --release --example detect")?;
    with_features(&mut detect).args(["--", "--min-clicks", "1", "--clicks"]);
    detect.arg("crates/heatmap-core/tests/fixtures/tables/clicks_snappy.parquet");
    run(detect.arg("--out").arg(place.work("parquet")))
}

/// A program on other devices. Training is left to the tests of `devices`, which compare what it
/// computes: for the shapes of one step of the smallest network a software driver compiles kernels
/// for eight minutes.
pub(crate) fn smokes(place: &Place) -> Outcome {
    for device in devices() {
        smoke(place, "features", device, &["--image-size", "32"])?;
    }
    Ok(())
}

fn smoke(place: &Place, name: &str, device: &str, settings: &[&str]) -> Outcome {
    let mut command = Command::new("cargo");
    with_features(command.args(["run", "--release", "--example", name])).arg("--");
    command.args(["--smoke", "--device", device]).args(settings);
    command.arg("--out").arg(place.work(&format!("{name}-{device}")));
    run(with_driver(place, &mut command)?)
}
