//! Features of every banner of a click table, or of a synthetic data set, from networks that others
//! have trained.
//!
//! ```text
//! cargo run --release --example features -- \
//!     --clicks clicks.csv --model resnet50 --weights resnet50.pth
//! cargo run --release --example features -- \
//!     --preset banners --model vit-b16 --weights model.safetensors --outputs tokens
//! cargo run --release --example features -- \
//!     --tensors images.safetensors --model resnet50 --weights resnet50.pth
//! ```
//!
//! The protocol is that of the report: 50,000 clicks drawn with replacement and noise of 1.5 bins,
//! divided by the maximum, grey in three channels, resized to 224 px, standardised as the network
//! was trained. `--model` and `--weights` may be repeated. Leaves
//! `<model>-<output>.npy`, `index.csv`, `montage.png`, `config.json`,
//! `metrics.jsonl` and `summary.json` in `--out`; with `--tensors` the protocol is passed over and
//! all outputs are in `features.safetensors`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::Parser;
use heatmap_core::Normalization;
use heatmap_examples::feature_input::{
    Input, InputName, InputSource, ProtocolChoice, WeightsChoice, open_weights, write_montage,
};
use heatmap_examples::feature_output::{FeatureSummary, Tables, write_fresh_weights};
use heatmap_examples::start::fresh_folder;
use heatmap_examples::{
    Ending, SharedArguments, end, image_bar, say, stop_on_ctrl_c, unless_stopped,
};
use heatmap_models::ModelName;
use heatmap_models::burn::tensor::Device;
use heatmap_train::features::{Extracted, Output, PublishedEncoder, Source, extract};
use serde::Serialize;

/// Write the features of every banner of a click table, or of a synthetic data set, from pretrained
/// networks
#[derive(Debug, Parser)]
#[command(version, after_help = "A Python comparison in three lines stands in the README.")]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// Banners of this click table (CSV)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preset", "tensors"])]
    clicks: Option<PathBuf>,

    /// Synthetic banners; the gallery example shows all presets
    #[arg(long, value_name = "NAME", conflicts_with = "tensors")]
    preset: Option<String>,

    /// Samples of the preset
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    samples: usize,

    /// Ready-made images, the tensor `images` [n, channels, height, width] of a safetensors file:
    /// no protocol is applied
    #[arg(long, value_name = "FILE")]
    tensors: Option<PathBuf>,

    /// Network: resnet18 to resnet152, or vit-ti16, vit-s16, vit-b16, vit-b32, vit-l16 and so on;
    /// may be repeated
    #[arg(long, value_name = "NAME")]
    model: Vec<ModelName>,

    /// Its weights, one for each --model: .safetensors, PyTorch's .pth or .bin, or hf:OWNER/NAME
    /// (cargo feature hub)
    #[arg(long, value_name = "FILE")]
    weights: Vec<String>,

    /// What to write: logits, features, tokens, or several with commas between
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "features")]
    outputs: Vec<Output>,

    /// Images in a batch; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 8)]
    batch: usize,

    /// Edge of a bin of the click table's heatmaps, in px
    #[arg(long, value_name = "PX", default_value_t = 5.0)]
    bin_size: f64,

    /// Clicks to draw for each banner; 0 takes the clicks as they are
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    upsample: u32,

    /// Scaling of the heatmaps: max, total, log1p, sqrt, logcounts, sqrtcounts or sqrtshares
    #[arg(long, value_name = "NAME", default_value = "max")]
    normalization: Normalization,

    /// Height and width of the images in px [default: what the network was trained on]
    #[arg(long, value_name = "PX")]
    image_size: Option<usize>,

    /// Mean of each channel, with commas between [default: that of the checkpoint's program]
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true)]
    mean: Option<Vec<f32>>,

    /// Standard deviation of each channel [default: that of the checkpoint's program]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    std: Option<Vec<f32>>,

    #[command(flatten)]
    choice: WeightsChoice,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

/// `config.json`.
#[derive(Debug, Serialize)]
struct Config {
    input: InputName,
    models: Vec<(ModelName, String)>,
    weights: WeightsChoice,
    outputs: Vec<Output>,
    batch: usize,
    protocol: ProtocolChoice,
    /// What each network was run with, whatever was said and whatever was assumed.
    used: Vec<Used>,
}

/// What a network was run with.
#[derive(Debug, Serialize)]
struct Used {
    model: ModelName,
    heads: Option<usize>,
    image_size: usize,
    mean: Vec<f32>,
    std: Vec<f32>,
    assumed: Vec<String>,
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let device = arguments.shared.device.open()?;
    // Where a smoke run of those who have no weights keeps fresh ones; gone at the end.
    let fresh = tempfile::tempdir()?;
    let mut config = Config {
        input: arguments.input()?,
        models: arguments.models(fresh.path())?,
        weights: arguments.choice.clone(),
        outputs: arguments.outputs(),
        batch: arguments.batch,
        protocol: arguments.protocol(),
        used: Vec::new(),
    };
    // All that can be wrong is found before anything is written.
    if config.batch == 0 {
        return Err("`batch` = 0: must be positive".into());
    }
    let out = arguments.shared.checked_out("features")?;
    let input = Input::open(&config.input)?;
    let mut loaded = Vec::new();
    for (name, path) in &config.models.clone() {
        let (encoder, report) =
            PublishedEncoder::load(*name, &arguments.choice.apply(open_weights(path)?)?, &device)?;
        config.outputs.iter().try_for_each(|output| encoder.check(*output))?;
        let source = input.source(&encoder, &config.protocol)?;
        let (height, width) = source.as_source().image_size();
        encoder.check_image_size(height, width)?;
        say(&format!("{name}: {report}."));
        let said = &config.protocol;
        let assumed: Vec<String> = encoder
            .assumed
            .iter()
            .filter(|assumed| {
                !(assumed.starts_with("images") && said.mean.is_some() && said.std.is_some())
            })
            .cloned()
            .collect();
        if !assumed.is_empty() {
            say(&format!("{name}: assumed, because nothing tells: {}.", assumed.join("; ")));
        }
        config.used.push(Used {
            model: *name,
            heads: encoder.heads(),
            image_size: said.image_size.unwrap_or(encoder.image_size),
            mean: said.mean.clone().unwrap_or_else(|| encoder.mean.clone()),
            std: said.std.clone().unwrap_or_else(|| encoder.std.clone()),
            assumed,
        });
        loaded.push((encoder, report, source));
    }

    let folder = fresh_folder(&out, &config, "run")?;
    if let Some((_, _, InputSource::Heatmaps(source))) = loaded.first() {
        source.write_index(&folder.file("index.csv"))?;
        write_montage(&folder, source)?;
    }
    let stop = stop_on_ctrl_c()?;
    let mut summary = FeatureSummary::default();
    for (at, (encoder, report, source)) in loaded.iter().enumerate() {
        let name = file_name(&config.models, at);
        let images = source.as_source();
        let tables = match source {
            InputSource::Heatmaps(_) => {
                Tables::npy(&folder, &name, encoder, images, &config.outputs)?
            }
            InputSource::Tensors(_) => {
                Tables::safetensors(&folder, encoder, images, &config.outputs)?
            }
        };
        let described = tables.described.clone();
        let start = Instant::now();
        if write_features(&config, encoder, images, tables, &device, &stop)? == Extracted::Stopped {
            say(&format!("Stopped; nothing of {name} was kept."));
            return Ok(Ending::Interrupted);
        }
        let seconds = start.elapsed().as_secs_f64();
        summary.add(&name, report, images.len(), seconds, &described);
        say(&format!("{}, {:.1} images/s", described.join(", "), images.len() as f64 / seconds));
    }
    folder.write_json("summary.json", summary.values())?;
    summary.write_metrics(&folder)?;
    say(&format!("Everything is in {}.", folder.path().display()));
    Ok(Ending::Done)
}

impl Arguments {
    fn input(&self) -> Result<InputName, Box<dyn Error>> {
        Ok(match (&self.clicks, &self.preset, &self.tensors) {
            (Some(path), _, _) => InputName::Clicks(path.clone(), self.bin_size),
            (_, Some(name), _) => {
                InputName::Preset(name.clone(), if self.shared.smoke { 6 } else { self.samples })
            }
            (_, _, Some(path)) => InputName::Tensors(path.clone()),
            _ if self.shared.smoke => InputName::Preset("banners".to_owned(), 6),
            _ => return Err("what of? Give --clicks FILE, --preset NAME or --tensors FILE".into()),
        })
    }

    /// Each network with its weights.
    fn models(&self, fresh: &std::path::Path) -> Result<Vec<(ModelName, String)>, Box<dyn Error>> {
        let (models, weights) = (self.model.len(), self.weights.len());
        match models {
            0 if weights == 0 && self.shared.smoke => return write_fresh_weights(fresh),
            0 if weights == 0 => {
                return Err("no network: give --model NAME and --weights FILE".into());
            }
            _ if models != weights => {
                return Err(format!(
                    "{models} times --model and {weights} times --weights: give one for the other"
                )
                .into());
            }
            2.. if self.tensors.is_some() => {
                return Err("--tensors takes one network at a time".into());
            }
            _ => {}
        }
        Ok(self.model.iter().copied().zip(self.weights.iter().cloned()).collect())
    }

    /// Each output once.
    fn outputs(&self) -> Vec<Output> {
        let mut outputs: Vec<Output> = Vec::new();
        self.outputs
            .iter()
            .for_each(|output| outputs.extend((!outputs.contains(output)).then_some(*output)));
        outputs
    }

    fn protocol(&self) -> ProtocolChoice {
        ProtocolChoice {
            upsample: self.upsample,
            normalization: self.normalization,
            image_size: self.image_size,
            mean: self.mean.clone(),
            std: self.std.clone(),
            seed: self.shared.seed.unwrap_or(0),
        }
    }
}

/// The name of a network, numbered if it occurs more than once.
fn file_name(models: &[(ModelName, String)], at: usize) -> String {
    let name = models[at].0;
    match models[..at].iter().filter(|(other, _)| *other == name).count() {
        0 => name.to_string(),
        before => format!("{name}-{}", before + 1),
    }
}

fn write_features(
    config: &Config,
    encoder: &PublishedEncoder,
    images: &dyn Source,
    Tables { files, places, .. }: Tables,
    device: &Device,
    stop: &AtomicBool,
) -> Result<Extracted, Box<dyn Error>> {
    let bar = image_bar(images.len(), encoder.name().to_string());
    let mut tenths = 0;
    let each_batch = |done: usize| {
        bar.inc(done as u64);
        let now = 10 * bar.position() / images.len() as u64;
        if bar.is_hidden() && now > tenths {
            // No terminal to draw a bar on.
            tenths = now;
            let (name, seconds) = (encoder.name(), bar.eta().as_secs());
            say(&format!(
                "{name}: {}/{} images, {seconds} seconds left",
                bar.position(),
                images.len()
            ));
        }
        unless_stopped(stop)
    };
    let ended = extract(
        encoder,
        images,
        &config.outputs,
        config.batch,
        (files, &places),
        device,
        each_batch,
    )?;
    bar.finish_and_clear();
    Ok(ended)
}
