//! The files of a feature run: tables of features, and the summary.

use std::collections::BTreeMap;

use heatmap_core::write_atomically;
use heatmap_models::weights::LoadReport;
use serde_json::{Value, json};

use crate::Result;
use crate::features::{Output, PublishedEncoder, RowFile, Source};
use crate::run::RunFolder;

/// The output files being written, and the table in them that each output goes to.
#[derive(Debug)]
pub(super) struct Tables {
    /// The open files.
    pub(super) files: Vec<RowFile>,
    /// For each output, the index of its file in `files` and of its table in that file.
    pub(super) places: Vec<(usize, usize)>,
    /// Descriptions of the tables to print: name and shape.
    pub(super) described: Vec<String>,
}

impl Tables {
    /// Creates one `.npy` file for each output, called `<name>-<output>.npy`.
    ///
    /// # Errors
    /// Returns an error when a file cannot be created.
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

    /// Creates one file, `features.safetensors`, with one tensor for each output.
    ///
    /// # Errors
    /// Returns an error when the file cannot be created.
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

/// The contents of `summary.json`: the loaded weights, the tables written and the speed of each
/// network, under keys of the form `<network>.<value>`.
#[derive(Debug, Default)]
pub(super) struct FeatureSummary(BTreeMap<String, Value>);

impl FeatureSummary {
    /// Adds the values of one network.
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

    /// Writes `metrics.jsonl`, with the speed of one network in each line.
    ///
    /// # Errors
    /// Returns an error when the file cannot be written.
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

    /// Returns the values by key.
    pub(super) fn values(&self) -> &BTreeMap<String, Value> {
        &self.0
    }
}
