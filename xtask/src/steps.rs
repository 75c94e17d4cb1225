//! The steps of the check, cheapest first, and how they are run.

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::shell::run as run_command;
use crate::{Outcome, Place, browser, devices, kills, licences, outside, readme, structure};

/// One step of the check.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    run: fn(&Place) -> Outcome,
}

/// Features that clippy and the documentation have beside the default ones, so that their types are
/// checked without a build of their own; that of the GPU is built in `devices`.
const CHECKED: &str = "hub,ndarray,parquet,zstd";

/// The programs of README and docs; each is run with `--smoke`.
const EXAMPLES: [&str; 12] = [
    "gallery",
    "features",
    "simclr",
    "count",
    "location",
    "predict",
    "detector",
    "facets",
    "detect",
    "benchmark",
    "embed",
    "compare",
];

/// All steps in their order.
pub(crate) fn all() -> Vec<Step> {
    let step = |name, what, run| Step { name, what, run };
    vec![
        step("format", "rustfmt", |_| cargo(&["fmt", "--all", "--check"])),
        step("files", "length of files and lines", |place| structure::files(&place.root)),
        step("arrows", "modules import downwards", |place| structure::arrows(&place.root)),
        step("links", "files that README and docs link to", readme::links),
        step("licences", "licences, versions and compilers of dependencies", licences::licences),
        step("package", "the crates as they would be published", outside::package),
        step("clippy", "no warnings, in all targets, with the features that build fast", |_| {
            let all =
                ["clippy", "--release", "--workspace", "--all-targets", "--features", CHECKED];
            cargo(&[&all[..], &["--", "-D", "warnings"]].concat())
        }),
        step("docs", "no warnings in the documentation", |_| {
            let mut doc = Command::new("cargo");
            doc.args(["doc", "--release", "--workspace", "--no-deps", "--quiet"]);
            doc.args(["--features", CHECKED]);
            run_command(doc.env("RUSTDOCFLAGS", "-D warnings"))
        }),
        step("tests", "the test command of the README; command lines are tests, too", |place| {
            run_command(&mut readme::command(place, "cargo test")?)
        }),
        step("smokes", "the programs of the README, with --smoke", smokes),
        step("report", "the report page in a browser", browser::report),
        step("kills", "training programs killed at random", |place| kills::run(place, 2, None)),
        step("benches", "benches and our side of the race, built and begun", benches),
        step("core-alone", "heatmap-core from outside, with each feature", outside::core_alone),
        step("downstream", "the crate in examples/downstream", outside::downstream),
        step("devices", "tests of what is off by default, on a software GPU", devices::tests),
        step("parquet", "tables in Parquet and zstd", devices::parquet),
        step("device-smokes", "a program on a software GPU", devices::smokes),
    ]
}

/// Runs all steps, those from one on, or one alone, and stops at the first that fails.
pub(crate) fn run(place: &Place, from: Option<&str>, only: Option<&str>) -> Outcome {
    let steps = all();
    let position = |name: &str| {
        steps.iter().position(|step| step.name == name).ok_or_else(|| {
            let names: Vec<_> = steps.iter().map(|step| step.name).collect();
            format!("no step `{name}`; there are: {}", names.join(", "))
        })
    };
    let range = match (from, only) {
        (_, Some(name)) => position(name)?..position(name)? + 1,
        (Some(name), _) => position(name)?..steps.len(),
        _ => {
            if place.work.exists() {
                fs::remove_dir_all(&place.work)?;
            }
            0..steps.len()
        }
    };
    fs::create_dir_all(&place.work)?;
    let began = Instant::now();
    let mut times = Vec::new();
    for step in &steps[range] {
        println!("\n== {}: {}", step.name, step.what);
        let began = Instant::now();
        (step.run)(place).map_err(|error| {
            format!(
                "{error}\n\n`{}` failed; after mending: cargo xtask check --from {0}",
                step.name
            )
        })?;
        println!("-- {}: {} s", step.name, began.elapsed().as_secs());
        times.push(format!("{} {}", step.name, began.elapsed().as_secs()));
    }
    println!("\nAll passed in {} s: {}", began.elapsed().as_secs(), times.join(", "));
    Ok(())
}

fn cargo(arguments: &[&str]) -> Outcome {
    run_command(Command::new("cargo").args(arguments))
}

/// Every program as the README starts it.
fn smokes(place: &Place) -> Outcome {
    cargo(&["build", "--release", "--examples"])?;
    for name in EXAMPLES {
        let beginning = format!("cargo run --release --example {name}");
        let mut command = readme::command(place, &beginning)?;
        run_command(command.args(["--", "--smoke", "--out"]).arg(place.work(name)))?;
    }
    let mut layouts = Command::new(place.example("simclr"));
    layouts.args(["--smoke", "--preset", "layouts", "--out"]).arg(place.work("layouts"));
    run_command(&mut layouts)
}

/// Builds the benches, and lets our side of the race begin: it was built with them, while `cargo
/// run` would compile Burn again, for the features of the benches alone.
fn benches(place: &Place) -> Outcome {
    cargo(&["bench", "--workspace", "--no-run", "--quiet"])?;
    let mut race = Command::new(place.target.join("release/race"));
    race.args(["--work", "nt-xent", "--batch", "64", "--rounds", "2"]);
    run_command(&mut race)
}
