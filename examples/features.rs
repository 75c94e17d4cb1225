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
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser};
use heatmap_core::Normalization;
use heatmap_core::table::ClickLogConfig;
use heatmap_examples::{
    Ending, SharedArguments, TableArguments, Terminal, end, fresh_folder, say, stop_on_ctrl_c,
    unless_stopped,
};
use heatmap_models::burn::tensor::Device;
use heatmap_models::weights::TensorChoice;
use heatmap_models::{ModelName, Pooling, WeightLayout};
use heatmap_train::features::Output;
use heatmap_train::study::{FeatureRun, FeatureRunConfig, InputName, ProtocolChoice};
use heatmap_train::task::Precision;

/// Write the features of every banner of a click table, or of a synthetic data set, from pretrained
/// networks
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "A comparison with Python in three lines is in docs/guide/features-and-weights.md."
)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// Banners of this click table, as detect reads them; repeatable
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preset", "tensors"])]
    clicks: Vec<PathBuf>,

    #[command(flatten)]
    tables: TableArguments,

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

    /// Network: resnet18 to resnet152, or vit-ti16, vit-s16, vit-b16, vit-b32, vit-l16 and so on,
    /// of DINOv2 vit-s14, vit-b14, vit-l14; may be repeated
    #[arg(long, value_name = "NAME")]
    model: Vec<ModelName>,

    /// Its weights, one for each --model: .safetensors, PyTorch's .pth, .bin or .ckpt, a folder of
    /// transformers, or hf:OWNER/NAME (cargo feature hub)
    #[arg(long, value_name = "FILE")]
    weights: Vec<String>,

    /// What to write: logits, features, tokens, or several with commas between
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "features")]
    outputs: Vec<Output>,

    /// Images in a batch; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 8)]
    batch: usize,

    /// Type of the two sides of every product: f32, or bf16 on a CPU with AMX or AVX512_BF16, which
    /// is faster and good to two or three digits
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    precision: Precision,

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
    choice: WeightsArguments,
}

/// Which of the tensors of a file are taken, and what they do not say themselves.
#[derive(Debug, Clone, Args)]
struct WeightsArguments {
    /// Take the network under this prefix, of a file that has several, such as module.encoder_q.
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// Leave out what begins like this, such as projection_head.; may be repeated
    #[arg(long, value_name = "PREFIX")]
    ignore_weights: Vec<String>,

    /// Take the averaged weights of a file that has both
    #[arg(long, conflicts_with = "prefix")]
    ema: bool,

    /// Attention heads of a ViT [default: what config.json beside the weights says, or one for
    /// every 64 of the width]
    #[arg(long, value_name = "N")]
    heads: Option<usize>,

    /// Features of a ViT: cls or mean of its patches [default: what config.json beside the weights
    /// says, or mean for weights with fc_norm, or else cls]
    #[arg(long, value_name = "NAME")]
    pooling: Option<Pooling>,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let device = arguments.shared.open_device()?;
    // Where a smoke run of those who have no weights keeps fresh ones; gone at the end.
    let fresh = tempfile::tempdir()?;
    let WeightsArguments { prefix, ignore_weights, ema, heads, pooling } = arguments.choice.clone();
    let config = FeatureRunConfig {
        input: arguments.input()?,
        models: arguments.models(fresh.path())?,
        weights: TensorChoice { prefix, ignore_weights, ema, heads, pooling },
        outputs: arguments.outputs(),
        batch: arguments.batch,
        precision: arguments.precision,
        protocol: arguments.protocol(),
        used: Vec::new(),
    };
    let out = arguments.shared.output.checked_out("features")?;
    let terminal = Terminal::default();
    let run = FeatureRun::open(config, &device, &terminal)?;
    let folder = fresh_folder(&out, run.config(), "run")?;
    let stop = stop_on_ctrl_c()?;
    if !run.write(&folder, &device, &terminal, &|| unless_stopped(&stop))? {
        return Ok(Ending::Interrupted);
    }
    say(&format!("Everything is in {}.", folder.path().display()));
    Ok(Ending::Done)
}

impl Arguments {
    fn input(&self) -> Result<InputName, Box<dyn Error>> {
        self.tables.check_read(!self.clicks.is_empty())?;
        Ok(match (&self.clicks[..], &self.preset, &self.tensors) {
            ([_, ..], _, _) => {
                let mut log = ClickLogConfig { bin_size_px: self.bin_size, ..Default::default() };
                self.tables.overlay(&mut log.unit, &mut log.format)?;
                InputName::Clicks(self.clicks.clone(), log)
            }
            (_, Some(name), _) => InputName::Preset(
                name.clone(),
                if self.shared.output.smoke { 6 } else { self.samples },
            ),
            (_, _, Some(path)) => InputName::Tensors(path.clone()),
            _ if self.shared.output.smoke => InputName::Preset("banners".to_owned(), 6),
            _ => return Err("what of? Give --clicks FILE, --preset NAME or --tensors FILE".into()),
        })
    }

    /// Each network with its weights.
    fn models(&self, fresh: &Path) -> Result<Vec<(ModelName, String)>, Box<dyn Error>> {
        let (models, weights) = (self.model.len(), self.weights.len());
        match models {
            0 if weights == 0 && self.shared.output.smoke => return write_fresh_weights(fresh),
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
            seed: self.shared.output.seed.unwrap_or(0),
        }
    }
}

/// Weights of fresh networks, for a smoke run of those who have none: a residual network as
/// torchvision keeps it, and a vision transformer as transformers does.
///
/// # Errors
/// When the folder cannot be written to.
fn write_fresh_weights(folder: &Path) -> Result<Vec<(ModelName, String)>, Box<dyn Error>> {
    let device = Device::flex();
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
