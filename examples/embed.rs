//! Maps of feature tables, coloured by what is broken, and how one feature's opinion compares with
//! another's.
//!
//! ```text
//! cargo run --release --example embed
//! cargo run --release --example embed -- \
//!     --table vit=runs/features/vit-b16-features.npy --labels labels.csv
//! ```
//!
//! PCA and maximum variance unfolding to two dimensions, and the cosine similarity to the mean good
//! banner under each feature against each other, whole and where the good banners are: the pictures
//! of the report. Without tables it takes synthetic banners of one grid, and as features the shares
//! of the clicks in cells, an untrained network, the runs of `count`, `location` and
//! `simclr` in `runs`, and published weights (`--pretrained`). It leaves `maps.png`,
//! `cosines.png`, `cosines_zoomed.png`, `embedding.csv` and `summary.json` in `--out`.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::detect::PooledShares;
use heatmap_core::table::LabelTable;
use heatmap_core::{Grid, Heatmap};
use heatmap_examples::{
    EncoderArguments, Ending, NamedPath, SharedArguments, end, fresh_folder, image_bar, say,
};
use heatmap_train::study::{
    Banners, EmbedView, FeatureTable, synthetic_banners, tabled_banners, write_embeddings,
};

/// Draw maps of feature tables, coloured by what is broken
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// A table of the features example, its index.csv beside it; repeatable, all of the same
    /// banners
    #[arg(long, value_name = "NAME=FILE.npy", conflicts_with_all = ["run", "pretrained"])]
    table: Vec<NamedPath>,

    /// Labels of the banners of the tables: domain, grid_id, broken
    #[arg(long, value_name = "FILE", requires = "table")]
    labels: Option<std::path::PathBuf>,

    #[command(flatten)]
    encoders: EncoderArguments,

    /// Synthetic banners
    #[arg(long, value_name = "N", default_value_t = 400)]
    banners: u64,

    /// Clicks of a synthetic banner
    #[arg(long, value_name = "N", default_value_t = 500)]
    clicks: u32,

    /// Neighbours whose distances MVU keeps
    #[arg(long, value_name = "K", default_value_t = 5)]
    neighbors: usize,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let out = arguments.shared.output.checked_out("embed")?;
    let (banners, tables) =
        if arguments.table.is_empty() { arguments.synthetic()? } else { arguments.tabled()? };
    let mut views = Vec::new();
    for table in &tables {
        say(&format!("{}: {} x {}", table.name, table.values.nrows(), table.values.ncols()));
        views.push(EmbedView::new(table, &banners, arguments.neighbors)?);
    }
    let settings = serde_json::json!({
        "seed": arguments.shared.output.seed.unwrap_or(0), "banners": banners.keys.len(),
        "neighbors": arguments.neighbors,
        "features": tables.iter().map(|table| &table.name).collect::<Vec<_>>(),
    });
    let folder = fresh_folder(&out, &settings, "set of maps")?;
    let text = write_embeddings(&folder, &views, &banners)?;
    say(&format!("{text}\nEverything is in {}.", folder.path().display()));
    Ok(Ending::Done)
}

impl Arguments {
    fn tabled(&self) -> Result<(Banners, Vec<FeatureTable>), Box<dyn Error>> {
        let tables = self
            .table
            .iter()
            .map(|table| FeatureTable::read(&table.name, &table.path))
            .collect::<Result<_, _>>()?;
        let labels = self.labels.clone().map(|path| LabelTable::read(&[path])).transpose()?;
        let banners = tabled_banners(&FeatureTable::index(&self.table[0].path), labels.as_ref())?;
        Ok((banners, tables))
    }

    fn synthetic(&self) -> Result<(Banners, Vec<FeatureTable>), Box<dyn Error>> {
        let device = self.shared.open_device()?;
        let seed = self.shared.output.seed.unwrap_or(0);
        let count = if self.shared.output.smoke { 60 } else { self.banners };
        let banners = synthetic_banners(count, self.clicks, seed);
        let encoders = self.encoders.open(seed, !self.shared.output.smoke, &device)?;
        let heatmaps: Vec<&Heatmap> = banners.heatmaps.iter().collect();
        let shares = PooledShares::new(Grid::MEDIUM_RECTANGLE, 5).table(&heatmaps)?;
        let mut tables = vec![FeatureTable { name: "shares".to_owned(), values: shares }];
        let bar = image_bar(encoders.len() * heatmaps.len(), "looking");
        for encoder in &encoders {
            let values = encoder.features(&heatmaps, &device, |done| bar.inc(done as u64))?;
            tables.push(FeatureTable { name: encoder.name().to_owned(), values });
        }
        bar.finish_and_clear();
        Ok((banners, tables))
    }
}
