//! Arguments that every example takes.

use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use heatmap_cli::OutputArguments;
use heatmap_models::ModelName;
use heatmap_models::burn::tensor::Device;
use heatmap_train::run::{NamedEncoder, found_runs, published_name};
use heatmap_train::{DeviceName, tuning};

use crate::say;

/// `--out`, `--seed`, `--smoke`, `--device`.
#[derive(Debug, Clone, Args)]
pub struct SharedArguments {
    /// Where to write.
    #[command(flatten)]
    pub output: OutputArguments,

    /// Where to compute: cpu, wgpu or ndarray (the last two with the cargo feature of that name)
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub device: DeviceName,
}

impl SharedArguments {
    /// Opens the device. On a GPU, the user hears that kernels are tried when that begins.
    ///
    /// # Errors
    /// When the build or the machine does not have it.
    pub fn open_device(&self) -> heatmap_train::Result<Device> {
        if self.device == DeviceName::Wgpu {
            tuning::watch(|| {
                say("The device tries kernels for each new shape: the first steps take longer.");
            });
        }
        self.device.open()
    }
}

/// `NAME=PATH`: a run or a table, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPath {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

impl FromStr for NamedPath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                Ok(Self { name: name.to_owned(), path: path.into() })
            }
            _ => Err("is not a name, =, and a path"),
        }
    }
}

/// `MODEL=FILE`: published weights.
#[derive(Debug, Clone)]
pub struct PublishedWeights {
    model: ModelName,
    file: PathBuf,
}

impl FromStr for PublishedWeights {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (model, file) = text.split_once('=').ok_or("is not MODEL=FILE")?;
        let model = model.parse().map_err(|error: heatmap_models::Error| error.to_string())?;
        Ok(Self { model, file: file.into() })
    }
}

/// Encoders that a program compares.
#[derive(Debug, Clone, Args)]
pub struct EncoderArguments {
    /// A run of count, location or simclr, by a name of your choice; repeatable [default: those in
    /// runs]
    #[arg(long, value_name = "NAME=DIR")]
    run: Vec<NamedPath>,

    /// Published weights, such as resnet50=resnet50-11ad3fa6.pth; repeatable
    #[arg(long, value_name = "MODEL=FILE")]
    pretrained: Vec<PublishedWeights>,
}

impl EncoderArguments {
    /// An untrained encoder, then those that were named, or else the runs in `runs` where `found`
    /// says so.
    ///
    /// # Errors
    /// When two have one name, a folder holds no finished run, or a file holds another network.
    pub fn open(
        &self,
        seed: u64,
        found: bool,
        device: &Device,
    ) -> Result<Vec<NamedEncoder>, Box<dyn Error>> {
        let named = self.run.iter().map(|run| (run.name.clone(), run.path.clone()));
        let runs: Vec<(String, PathBuf)> =
            if self.run.is_empty() && found { found_runs() } else { named.collect() };
        let mut names = vec!["untrained".to_owned()];
        names.extend(self.pretrained.iter().map(|one| published_name(one.model, &one.file)));
        names.extend(runs.iter().map(|(name, _)| name.clone()));
        if let Some((_, twice)) =
            names.iter().enumerate().find(|(at, name)| names[..*at].contains(name))
        {
            return Err(format!("`{twice}` is the name of two encoders: give each its own").into());
        }
        let mut encoders = vec![NamedEncoder::untrained(seed, device)];
        for PublishedWeights { model, file } in &self.pretrained {
            encoders.push(NamedEncoder::published(*model, file, device)?);
        }
        for (name, folder) in &runs {
            encoders.push(NamedEncoder::of_run(name, folder, device)?);
        }
        Ok(encoders)
    }
}

impl PublishedWeights {
    /// The network with these weights.
    ///
    /// # Errors
    /// When the file holds another network.
    pub fn open(&self, device: &Device) -> heatmap_train::Result<NamedEncoder> {
        NamedEncoder::published(self.model, &self.file, device)
    }
}
