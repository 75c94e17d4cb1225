//! What does a feature see: how many clusters there are, or where they are?
//!
//! ```text
//! cargo run --release --example facets
//! ```
//!
//! The comparison of the report. Heatmaps of 1 to 6 clusters at 8 places, all with as many clicks,
//! so that some differ only in the count and some only in the place. For each encoder: the share of
//! the features' variance that goes with either, the first two principal components coloured by
//! either, and the cosine similarities of all heatmaps. It takes the runs of `count`, `location`
//! and `simclr` that it finds in `runs`, others with
//! `--run`, published weights with `--pretrained`, and an untrained network to compare with. It
//! leaves `facets.png` and `summary.json` in `--out`.

use std::collections::HashSet;
use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::Heatmap;
use heatmap_examples::facet_output::{FacetView, write_all};
use heatmap_examples::named_encoders::{NamedEncoder, PretrainedName, RunName, found_runs};
use heatmap_examples::{Ending, SharedArguments, end, image_bar, say};
use heatmap_train::evaluation::Facets;
use heatmap_train::run::RunFolder;

/// Show what features see: how many clusters there are, or where they are
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// A run of count, location or simclr, by a name of your choice; repeatable [default: those in
    /// runs]
    #[arg(long, value_name = "NAME=DIR")]
    run: Vec<RunName>,

    /// Published weights, such as resnet50=resnet50-11ad3fa6.pth; repeatable
    #[arg(long, value_name = "MODEL=FILE")]
    pretrained: Vec<PretrainedName>,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let shared = &arguments.shared;
    let device = shared.device.open()?;
    let out = shared.checked_out("facets")?;
    let seed = shared.seed.unwrap_or(0);
    let runs = if arguments.run.is_empty() && !shared.smoke {
        found_runs()
    } else {
        arguments.run.clone()
    };
    let names = arguments
        .pretrained
        .iter()
        .map(PretrainedName::name)
        .chain(runs.iter().map(|run| run.name().to_owned()));
    if let Some(twice) = first_twice(names.chain(["untrained".to_owned()])) {
        return Err(format!("`{twice}` is the name of two encoders: give each its own").into());
    }
    let mut encoders = vec![NamedEncoder::untrained(seed, &device)];
    for pretrained in &arguments.pretrained {
        encoders.push(pretrained.open(&device)?);
    }
    for run in &runs {
        encoders.push(run.open(&device)?);
    }
    let facets = if shared.smoke {
        Facets { counts: 3, places: 3, draws: 2, ..Facets::default() }
    } else {
        Facets::default()
    };
    let samples = facets.samples(seed)?;
    let bar = image_bar(encoders.len() * samples.len(), "looking");
    let heatmaps: Vec<&Heatmap> = samples.iter().map(|sample| &sample.heatmap).collect();
    let mut views = Vec::new();
    for encoder in &encoders {
        let features = encoder.features(&heatmaps, &device, |done| bar.inc(done as u64))?;
        views.push(FacetView::new(encoder.name(), features, &samples)?);
    }
    bar.finish_and_clear();
    let settings = serde_json::json!({
        "seed": seed, "counts": facets.counts, "places": facets.places, "draws": facets.draws,
            "clicks": facets.clicks,
        "encoders": encoders.iter().map(NamedEncoder::name).collect::<Vec<_>>(),
    });
    let (folder, moved) = RunFolder::create(&out, &settings)?;
    if let Some(moved) = moved {
        say(&format!(
            "The earlier comparison in {} is now in {}.",
            folder.path().display(),
            moved.display()
        ));
    }
    let table = write_all(&folder, &views, &samples)?;
    say(&format!("{table}\nEverything is in {}.", folder.path().display()));
    Ok(Ending::Done)
}

/// The first name that comes a second time.
fn first_twice(mut names: impl Iterator<Item = String>) -> Option<String> {
    let mut seen = HashSet::new();
    names.find(|name| !seen.insert(name.clone()))
}
