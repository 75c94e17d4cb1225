//! The state dict layouts of residual networks in torchvision, timm, transformers and lightly.

use super::config::{BlockKind, ResNetConfig};
use super::network::ResNet;
use crate::stem_kind::StemKind;
use crate::weights::{Family, Layout, Published, Recognised, TensorFile, WeightLayout};
use crate::{Error, Result};

impl Published for ResNet {
    const FAMILY: &'static Family = &Family {
        name: "ResNet",
        probes: &[
            "stem.layer.conv.weight",
            "stem.layer.norm.gamma",
            "stages.0.blocks.0.branch.0.conv.weight",
            "stages.3.blocks.0.branch.0.conv.weight",
        ],
        layouts: &[
            Layout {
                name: WeightLayout::Torchvision,
                body: "",
                head: "fc.",
                keys: torchvision,
                unused: None,
            },
            Layout {
                name: WeightLayout::Timm,
                body: "",
                head: "fc.",
                keys: torchvision,
                unused: None,
            },
            Layout {
                name: WeightLayout::HuggingFace,
                body: "resnet.",
                head: "classifier.",
                keys: hugging_face,
                unused: None,
            },
            Layout {
                name: WeightLayout::HuggingFace,
                body: "",
                head: "classifier.",
                keys: hugging_face,
                unused: None,
            },
            Layout {
                name: WeightLayout::Sequential,
                body: "",
                head: "fc.",
                keys: sequential,
                unused: None,
            },
        ],
    };
}

impl ResNetConfig {
    /// Reads the configuration of the network whose weights a file contains, with its head if it
    /// has one.
    ///
    /// # Errors
    /// When the file does not contain a residual network that [`ResNetConfig`] can describe.
    pub fn of(file: &TensorFile) -> Result<Self> {
        let found = ResNet::FAMILY.recognise(file)?;
        let shape = |path: &str| found.shape(file, path);
        let bad = |reason: String| Error::bad_file(file.path(), reason);
        let stem = match shape("stem.layer.conv.weight") {
            Some([width, channels, 7, 7]) => (StemKind::Standard, *width, *channels),
            Some([width, channels, 5, 5]) => (StemKind::HalfImage, *width, *channels),
            Some([width, channels, 3, 3]) => (StemKind::SmallImage, *width, *channels),
            other => {
                return Err(bad(format!(
                    "a stem of shape {other:?} is that of no ResNet known here"
                )));
            }
        };
        let depths = [0, 1, 2, 3].map(|stage| blocks(&found, file, stage));
        if depths.contains(&0) {
            return Err(bad(format!("a ResNet with {depths:?} blocks in its stages")));
        }
        let block = match shape("stages.0.blocks.0.branch.2.conv.weight") {
            Some(_) => BlockKind::Bottleneck,
            None => BlockKind::Basic,
        };
        let num_classes = shape("head.weight").and_then(|shape| shape.first().copied());
        if [stem.1, stem.2, num_classes.unwrap_or(1)].contains(&0) {
            return Err(bad("a tensor without a value, where a network needs some".to_owned()));
        }
        if file.companions().stride_in_first && block == BlockKind::Bottleneck {
            let reason = "config.json says `downsample_in_bottleneck`: the stride is in the first \
                          convolution of its blocks, \
                          which is not known here";
            return Err(bad(reason.to_owned()));
        }
        Ok(Self::new(block, depths)
            .with_stem(stem.0)
            .with_base_width(stem.1)
            .with_in_channels(stem.2)
            .with_num_classes(num_classes))
    }
}

/// Counts the blocks of a stage in a file.
fn blocks(found: &Recognised<'_>, file: &TensorFile, stage: usize) -> usize {
    let first = |block: usize| format!("stages.{stage}.blocks.{block}.branch.0.conv.weight");
    (0..).take_while(|block| found.shape(file, &first(*block)).is_some()).count()
}

/// Returns the keys of torchvision and timm.
fn torchvision(path: &[&str]) -> Option<Vec<String>> {
    Some(vec![match path {
        ["stem", "layer", "conv", leaf] => format!("conv1.{leaf}"),
        ["stem", "layer", "norm", leaf] => format!("bn1.{}", norm_leaf(leaf)),
        ["stages", stage, block @ ..] => format!("layer{}.{}", from_one(stage)?, in_stage(block)?),
        ["head", leaf] => format!("fc.{leaf}"),
        _ => return None,
    }])
}

/// Names tensors after the index of their module among torchvision's: conv1, bn1, relu, maxpool,
/// layer1 to layer4.
fn sequential(path: &[&str]) -> Option<Vec<String>> {
    Some(vec![match path {
        ["stem", "layer", "conv", leaf] => format!("0.{leaf}"),
        ["stem", "layer", "norm", leaf] => format!("1.{}", norm_leaf(leaf)),
        ["stages", stage, block @ ..] => format!("{}.{}", from_one(stage)? + 3, in_stage(block)?),
        _ => return None,
    }])
}

/// Returns torchvision's name of a tensor within its stage.
fn in_stage(path: &[&str]) -> Option<String> {
    Some(match path {
        ["blocks", block, "branch", at, "conv", leaf] => {
            format!("{block}.conv{}.{leaf}", from_one(at)?)
        }
        ["blocks", block, "branch", at, "norm", leaf] => {
            format!("{block}.bn{}.{}", from_one(at)?, norm_leaf(leaf))
        }
        ["blocks", block, "shortcut", "conv", leaf] => format!("{block}.downsample.0.{leaf}"),
        ["blocks", block, "shortcut", "norm", leaf] => {
            format!("{block}.downsample.1.{}", norm_leaf(leaf))
        }
        _ => return None,
    })
}

/// Returns the keys of transformers.
fn hugging_face(path: &[&str]) -> Option<Vec<String>> {
    let (layer, last): (String, &[&str]) = match path {
        ["head", leaf] => return Some(vec![format!("classifier.1.{leaf}")]),
        ["stem", "layer", last @ ..] => ("embedder.embedder".to_owned(), last),
        ["stages", stage, "blocks", block, "shortcut", last @ ..] => {
            (format!("encoder.stages.{stage}.layers.{block}.shortcut"), last)
        }
        ["stages", stage, "blocks", block, "branch", at, last @ ..] => {
            (format!("encoder.stages.{stage}.layers.{block}.layer.{at}"), last)
        }
        _ => return None,
    };
    Some(vec![match last {
        ["conv", leaf] => format!("{layer}.convolution.{leaf}"),
        ["norm", leaf] => format!("{layer}.normalization.{}", norm_leaf(leaf)),
        _ => return None,
    }])
}

/// Translates Burn's name of a batch normalisation's tensor into PyTorch's.
fn norm_leaf(leaf: &str) -> &str {
    match leaf {
        "gamma" => "weight",
        "beta" => "bias",
        other => other,
    }
}

/// Converts an index that counts from zero into one that counts from one.
fn from_one(index: &str) -> Option<usize> {
    Some(index.parse::<usize>().ok()? + 1)
}
