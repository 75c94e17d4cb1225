//! What a run over features writes: tables, and how fast.

use std::collections::BTreeMap;

use heatmap_core::write_atomically;
use heatmap_models::weights::LoadReport;
use serde_json::{Value, json};

use crate::Result;
use crate::features::{Output, PublishedEncoder, RowFile, Source};
use crate::run::RunFolder;

/// Open files, and for each output the file and the table in it.
#[derive(Debug)]
pub(super) struct Tables {
    /// The files.
    pub(super) files: Vec<RowFile>,
    /// File and table of each output.
    pub(super) places: Vec<(usize, usize)>,
    /// What was begun, for a person: name and shape.
    pub(super) described: Vec<String>,
}

impl Tables {
    /// One `.npy` file for each output.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub(super) fn npy(
        folder: &RunFolder,
        name: &str,
        encoder: &PublishedEncoder,
        source: &dyn Source,
        outputs: &[Output],
    ) -> Result<Self> {
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
    pub(super) fn safetensors(
        folder: &RunFolder,
        encoder: &PublishedEncoder,
        source: &dyn Source,
        outputs: &[Output],
    ) -> Result<Self> {
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
pub(super) struct FeatureSummary(BTreeMap<String, Value>);

impl FeatureSummary {
    /// Adds one network.
    pub(super) fn add(
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
    pub(super) fn write_metrics(&self, folder: &RunFolder) -> Result<()> {
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
    pub(super) fn values(&self) -> &BTreeMap<String, Value> {
        &self.0
    }
}
