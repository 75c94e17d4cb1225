//! `cargo xtask check`: everything that must hold, cheapest first, for a person and for CI.
//!
//! ```text
//! cargo xtask check                  all of it
//! cargo xtask check --list           the steps, in their order
//! cargo xtask check --from STEP      from a step on, with what the earlier ones have left
//! cargo xtask check --only STEP      one step
//! cargo xtask kills --count 200      more random kills of training programs than the check has
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

mod browser;
mod devices;
mod kills;
mod licences;
mod outside;
mod readme;
mod shell;
mod steps;
mod structure;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a check gives.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(about = "The checks of this repository")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check everything, cheapest first, and stop at the first thing that fails
    Check {
        /// Print the steps and do nothing
        #[arg(long)]
        list: bool,

        /// Begin at this step; what earlier steps have built is taken as it is
        #[arg(long, value_name = "STEP", conflicts_with = "only")]
        from: Option<String>,

        /// Run this step alone
        #[arg(long, value_name = "STEP")]
        only: Option<String>,
    },
    /// Kill the training programs at random times, and hold what they leave against runs that were
    /// left alone
    Kills {
        /// How often each of the three programs is killed
        #[arg(long, value_name = "N", default_value_t = 8)]
        count: u32,

        /// Seed of the times; by default a new one, which is printed
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
    },
}

/// Where the checks run, and where they leave what later ones read.
struct Place {
    root: PathBuf,
    target: PathBuf,
    work: PathBuf,
}

impl Place {
    fn here() -> Outcome<Self> {
        // Cargo says at run time which of several checkouts it is that share a target folder.
        let package = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("run this by `cargo xtask`")?;
        let root = Path::new(&package).parent().ok_or("no workspace")?.to_owned();
        std::env::set_current_dir(&root)?;
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |folder| root.join(folder));
        Ok(Self { work: target.join("check"), root, target })
    }

    /// A program that `cargo build --release --examples` has built.
    fn example(&self, name: &str) -> PathBuf {
        self.target.join("release/examples").join(name)
    }

    /// A folder or file of this name that the checks may write.
    fn work(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }
}

fn main() -> ExitCode {
    let result = Place::here().and_then(|place| match Arguments::parse().task {
        Task::Check { list: true, .. } => {
            steps::all().iter().for_each(|step| println!("{:<32}{}", step.name, step.what));
            Ok(())
        }
        Task::Check { from, only, .. } => steps::run(&place, from.as_deref(), only.as_deref()),
        Task::Kills { count, seed } => kills::run(&place, count, seed),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
