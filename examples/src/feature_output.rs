//! What the `features` example writes.

use std::collections::BTreeMap;
use std::error::Error;

use heatmap_core::write_atomically;
use heatmap_models::weights::LoadReport;
use heatmap_models::{ModelName, WeightLayout};
use heatmap_train::features::{Output, PublishedEncoder, RowFile, Source};
use heatmap_train::run::RunFolder;
use serde_json::{Value, json};

/// Open files, and for each output the file and the table in it.
#[derive(Debug)]
pub struct Tables {
    /// The files.
    pub files: Vec<RowFile>,
    /// File and table of each output.
    pub places: Vec<(usize, usize)>,
    /// What was begun, for a person: name and shape.
    pub described: Vec<String>,
}

impl Tables {
    /// One `.npy` file for each output.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn npy(
        folder: &RunFolder,
        name: &str,
        encoder: &PublishedEncoder,
        source: &dyn Source,
        outputs: &[Output],
    ) -> Result<Self, Box<dyn Error>> {
        let mut tables = Self { files: Vec::new(), places: Vec::new(), described: Vec::new() };
        for (at, output) in outputs.iter().enumerate() {
            let (file, shape) = (format!("{name}-{output}.npy"), shape(encoder, source, *output));
            tables.files.push(RowFile::npy(&folder.file(&file), &shape)?);
            tables.places.push((at, 0));
            tables.described.push(format!("{file} {shape:?}"));
        }
        Ok(tables)
    }

    /// All outputs in `features.safetensors`.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn safetensors(
        folder: &RunFolder,
        encoder: &PublishedEncoder,
        source: &dyn Source,
        outputs: &[Output],
    ) -> Result<Self, Box<dyn Error>> {
        const FILE: &str = "features.safetensors";
        let named =
            outputs.iter().map(|output| (output.to_string(), shape(encoder, source, *output)));
        let named: Vec<(String, Vec<usize>)> = named.collect();
        let files = vec![RowFile::safetensors(&folder.file(FILE), &named)?];
        let places = (0..outputs.len()).map(|at| (0, at)).collect();
        Ok(Self {
            files,
            places,
            described: named
                .iter()
                .map(|(name, shape)| format!("{FILE}: {name} {shape:?}"))
                .collect(),
        })
    }
}

fn shape(encoder: &PublishedEncoder, source: &dyn Source, output: Output) -> Vec<usize> {
    let (height, width) = source.image_size();
    [vec![source.len()], encoder.row_shape(output, height, width)].concat()
}

/// `summary.json`, flat: for each network what was loaded, what was written and how fast.
#[derive(Debug, Default)]
pub struct FeatureSummary(BTreeMap<String, Value>);

impl FeatureSummary {
    /// Adds one network.
    pub fn add(
        &mut self,
        name: &str,
        report: &LoadReport,
        images: usize,
        seconds: f64,
        described: &[String],
    ) {
        let mut insert = |key: &str, value: Value| self.0.insert(format!("{name}.{key}"), value);
        insert("layout", json!(report.layout.to_string()));
        insert("loaded_tensors", json!(report.loaded.len()));
        insert("images", json!(images));
        insert("seconds", json!(seconds));
        insert("images_per_second", json!(images as f64 / seconds));
        insert("written", json!(described.join("; ")));
    }

    /// Writes `metrics.jsonl`: one line for each network.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_metrics(&self, folder: &RunFolder) -> Result<(), Box<dyn Error>> {
        let speeds = self
            .0
            .iter()
            .filter_map(|(key, value)| Some((key.strip_suffix(".images_per_second")?, value)));
        let lines: Vec<String> = speeds
            .map(|(name, value)| json!({"model": name, "images_per_second": value}).to_string())
            .collect();
        Ok(write_atomically(&folder.file("metrics.jsonl"), |out| {
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))
        })?)
    }

    /// The values by name.
    pub fn values(&self) -> &BTreeMap<String, Value> {
        &self.0
    }
}

/// Weights of fresh networks, for a smoke run of those who have none: a residual network as
/// torchvision keeps it, and a vision transformer as transformers does.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_fresh_weights(
    folder: &std::path::Path,
) -> Result<Vec<(ModelName, String)>, Box<dyn Error>> {
    let device = heatmap_models::burn::tensor::Device::flex();
    let fresh = [("resnet18", WeightLayout::Torchvision), ("vit-ti16", WeightLayout::HuggingFace)];
    let write =
        |(name, layout): (&str, WeightLayout)| -> Result<(ModelName, String), Box<dyn Error>> {
            let (name, path): (ModelName, _) =
                (name.parse()?, folder.join(format!("{name}.safetensors")));
            name.config().with_num_classes(Some(10)).init(&device).save_weights(&path, layout)?;
            Ok((name, path.display().to_string()))
        };
    fresh.into_iter().map(write).collect()
}
