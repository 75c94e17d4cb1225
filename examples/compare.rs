//! What are the features of different ways to learn worth?
//!
//! ```text
//! cargo run --release --example compare
//! ```
//!
//! Untrained, supervised by counts, supervised by places, SimCLR with each loss, and SimCLR on
//! layouts with broken banners as negatives: the same encoder, trained on as many images each, over
//! several seeds; published weights too, with `--pretrained`. On the same held-out samples:
//! accuracy of a linear probe and of nearest neighbours, and how well the cosine of the features
//! finds broken banners. It leaves `compare.csv`,
//! `compare.png` and a folder for each run in `--out`; the same command goes on where it was
//! stopped.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use heatmap_examples::{
    Ending, PublishedWeights, SharedArguments, Terminal, end, fresh_folder, say,
};
use heatmap_models::ModelName;
use heatmap_train::data::class_source;
use heatmap_train::run::NamedEncoder;
use heatmap_train::study::comparison::{
    CompareConfig, TrainingMethod, measure, table, write_picture, write_rows,
};

/// Compare the features of different ways to learn, on the same held-out samples
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// Encoder of all runs
    #[arg(long, visible_alias = "arch", value_name = "NAME", default_value = "resnet18")]
    architecture: ModelName,

    /// Classes that the features are to tell, and that SimCLR learns from; count and location too,
    /// where they are numbers of clusters, and otherwise from count-report and location-report
    #[arg(long, value_name = "NAME", default_value = "simclr-report")]
    preset: String,

    /// Seeds, each with encoders of its own; --seed moves all of them
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: u64,

    /// Batches of each training
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    batches: usize,

    /// Published weights, such as resnet50=resnet50-11ad3fa6.pth; repeatable
    #[arg(long, value_name = "MODEL=FILE")]
    pretrained: Vec<PublishedWeights>,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let shared = &arguments.shared;
    let device = shared.open_device()?;
    let first = shared.output.seed.unwrap_or(0);
    let mut config = CompareConfig {
        architecture: arguments.architecture,
        preset: arguments.preset.clone(),
        seeds: (first..first + arguments.seeds).collect(),
        batches: arguments.batches,
        per_class: 1_600_usize.div_ceil(class_source(&arguments.preset)?.num_classes()),
        grids: 6,
        banners: 120,
        clicks: 200,
    };
    if shared.output.smoke {
        config = CompareConfig {
            seeds: vec![first],
            batches: 3,
            per_class: 4,
            grids: 2,
            banners: 80,
            ..config
        };
    }
    config.check()?;
    let published: Vec<_> =
        arguments.pretrained.iter().map(|name| name.open(&device)).collect::<Result<_, _>>()?;
    let out = shared.output.out("compare");
    std::fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let terminal = Terminal::handle_ctrl_c()?;
    let mut all = if published.is_empty() {
        Vec::new()
    } else {
        measure(&config, first, &published, &device, &terminal)?
    };
    for &seed in &config.seeds {
        let mut encoders = Vec::new();
        for method in TrainingMethod::all() {
            say(&format!("Seed {seed}: {method}"));
            let path: PathBuf =
                out.join(format!("{}-seed{seed}", method.to_string().replace(' ', "-")));
            if !config.learn(method, seed, &path, &device, &terminal)? {
                say("Stopped; the same command goes on.");
                return Ok(Ending::Interrupted);
            }
            encoders.push(NamedEncoder::of_run(&method.to_string(), &path, &device)?);
        }
        all.extend(measure(&config, seed, &encoders, &device, &terminal)?);
    }
    let folder = fresh_folder(&out.join("table"), &config, "table")?;
    write_rows(&folder, &all)?;
    write_picture(&folder, &*class_source(&config.preset)?, &all)?;
    say(&format!(
        "{}\nEverything is in {}, the table in {}.",
        table(&all),
        out.display(),
        folder.path().display()
    ));
    Ok(Ending::Done)
}
