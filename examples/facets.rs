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

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::Heatmap;
use heatmap_examples::{
    EncoderArguments, Ending, SharedArguments, end, fresh_folder, image_bar, say,
};
use heatmap_train::evaluation::Facets;
use heatmap_train::run::NamedEncoder;
use heatmap_train::study::{FacetView, write_facets};

/// Show what features see: how many clusters there are, or where they are
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    #[command(flatten)]
    encoders: EncoderArguments,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let shared = &arguments.shared;
    let device = shared.open_device()?;
    let out = shared.output.checked_out("facets")?;
    let seed = shared.output.seed.unwrap_or(0);
    let encoders = arguments.encoders.open(seed, !shared.output.smoke, &device)?;
    let facets = if shared.output.smoke {
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
    let folder = fresh_folder(&out, &settings, "comparison")?;
    let table = write_facets(&folder, &views, &samples)?;
    say(&format!("{table}\nEverything is in {}.", folder.path().display()));
    Ok(Ending::Done)
}
