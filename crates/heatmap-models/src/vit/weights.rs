//! The state dict layouts of vision transformers in transformers, timm and torchvision.

use super::config::VitConfig;
use super::network::Vit;
use crate::weights::{Family, Layout, Published, TensorFile, WeightLayout};
use crate::{Error, Result};

impl Published for Vit {
    const FAMILY: &'static Family = &Family {
        name: "ViT",
        probes: &[
            "patch_embed.weight",
            "class_token",
            "position.embedding",
            "blocks.0.attention.output.weight",
        ],
        layouts: &[
            Layout {
                name: WeightLayout::HuggingFace,
                body: "vit.",
                head: "classifier.",
                keys: hugging_face,
            },
            Layout {
                name: WeightLayout::HuggingFace,
                body: "",
                head: "classifier.",
                keys: hugging_face,
            },
            Layout {
                name: WeightLayout::HuggingFaceMemory,
                body: "vit.",
                head: "classifier.",
                keys: in_memory,
            },
            Layout {
                name: WeightLayout::HuggingFaceMemory,
                body: "",
                head: "classifier.",
                keys: in_memory,
            },
            Layout { name: WeightLayout::Timm, body: "", head: "head.", keys: timm },
            Layout { name: WeightLayout::Torchvision, body: "", head: "heads.", keys: torchvision },
        ],
    };
}

impl VitConfig {
    /// Reads the configuration of the network whose weights a file contains, with its head and
    /// pooler if it has them.
    ///
    /// Weights determine neither the number of heads nor whether the patches form a square, so both
    /// are read from the files beside them ([`Companions`](crate::weights::Companions)). If these
    /// do not say, the number of heads is the width divided by 64, as in the published ViT-Ti, S, B
    /// and L (MoCo v3's S has 12 heads), and the grid is a square. The eps of layer normalisation
    /// is that of the program whose layout the file has.
    ///
    /// # Errors
    /// When the file does not contain a vision transformer that [`VitConfig`] can describe.
    pub fn of(file: &TensorFile) -> Result<Self> {
        let found = Vit::FAMILY.recognise(file)?;
        let shape = |path: &str| found.shape(file, path);
        let bad = |reason: String| Error::bad_file(file.path(), reason);
        let Some([embed_dim, in_channels, patch_size, _]) = shape("patch_embed.weight") else {
            return Err(bad("no patch embedding".to_owned()));
        };
        let places = shape("position.embedding")
            .map_or(0, |shape| shape.iter().rev().nth(1).copied().unwrap_or(0));
        let grid_size = places.saturating_sub(1).isqrt();
        if grid_size == 0 || grid_size * grid_size + 1 != places {
            return Err(bad(format!(
                "{places} positions are not those of a class token and a square grid of patches"
            )));
        }
        if let Some([height, width]) = file.companions().image_size
            && height != width
            && (height / patch_size.max(&1)) * (width / patch_size.max(&1)) + 1 == places
        {
            return Err(bad(format!(
                "images of {height} x {width} px, of which only squares are known here"
            )));
        }
        let block = |at: usize| shape(&format!("blocks.{at}.attention.output.weight"));
        let depth = (0..).take_while(|at| block(*at).is_some()).count();
        let Some([mlp_dim, _]) = shape("blocks.0.mlp.fc1.weight") else {
            return Err(bad("no first block".to_owned()));
        };
        let num_classes = shape("head.weight").and_then(|shape| shape.first().copied());
        if [*embed_dim, *in_channels, *patch_size, *mlp_dim, num_classes.unwrap_or(1)].contains(&0)
        {
            return Err(bad("a tensor without a value, where a network needs some".to_owned()));
        }
        let heads = file.companions().heads.unwrap_or((embed_dim / 64).max(1));
        if !embed_dim.is_multiple_of(heads) {
            return Err(bad(format!(
                "a width of {embed_dim} cannot be shared among {heads} heads"
            )));
        }
        let layer_norm_eps = match found.layout.name {
            WeightLayout::HuggingFace | WeightLayout::HuggingFaceMemory => 1e-12,
            _ => 1e-6,
        };
        Ok(Self::new(*embed_dim, depth, heads, *mlp_dim, *patch_size)
            .with_image_size(grid_size * patch_size)
            .with_in_channels(*in_channels)
            .with_num_classes(num_classes)
            .with_pooler(shape("pooler.dense.weight").is_some())
            .with_layer_norm_eps(layer_norm_eps))
    }
}

/// Returns the keys in the files of transformers.
fn hugging_face(path: &[&str]) -> Option<Vec<String>> {
    hugging_face_around_blocks(path).or_else(|| {
        let ["blocks", n, part @ .., leaf] = path else { return None };
        let leaf = weight_or_bias(leaf);
        let block = format!("encoder.layer.{n}");
        Some(match part {
            ["attention", "qkv"] => ["query", "key", "value"]
                .map(|name| format!("{block}.attention.attention.{name}.{leaf}"))
                .into(),
            ["attention", "output"] => vec![format!("{block}.attention.output.dense.{leaf}")],
            ["mlp", "fc1"] => vec![format!("{block}.intermediate.dense.{leaf}")],
            ["mlp", "fc2"] => vec![format!("{block}.output.dense.{leaf}")],
            ["norm1"] => vec![format!("{block}.layernorm_before.{leaf}")],
            ["norm2"] => vec![format!("{block}.layernorm_after.{leaf}")],
            _ => return None,
        })
    })
}

/// Returns the keys of `state_dict()` in transformers from version 5 on.
fn in_memory(path: &[&str]) -> Option<Vec<String>> {
    hugging_face_around_blocks(path).or_else(|| {
        let ["blocks", n, part @ .., leaf] = path else { return None };
        let leaf = weight_or_bias(leaf);
        Some(match part {
            ["attention", "qkv"] => ["q", "k", "v"]
                .map(|name| format!("layers.{n}.attention.{name}_proj.{leaf}"))
                .into(),
            ["attention", "output"] => vec![format!("layers.{n}.attention.o_proj.{leaf}")],
            ["mlp", layer] => vec![format!("layers.{n}.mlp.{layer}.{leaf}")],
            ["norm1"] => vec![format!("layers.{n}.layernorm_before.{leaf}")],
            ["norm2"] => vec![format!("layers.{n}.layernorm_after.{leaf}")],
            _ => return None,
        })
    })
}

/// Names the tensors outside the blocks, which are the same in both layouts of transformers.
fn hugging_face_around_blocks(path: &[&str]) -> Option<Vec<String>> {
    Some(vec![match path {
        ["class_token"] => "embeddings.cls_token".to_owned(),
        ["position", "embedding"] => "embeddings.position_embeddings".to_owned(),
        ["patch_embed", leaf] => format!("embeddings.patch_embeddings.projection.{leaf}"),
        ["norm", leaf] => format!("layernorm.{}", weight_or_bias(leaf)),
        ["pooler", "dense", leaf] => format!("pooler.dense.{leaf}"),
        ["head", leaf] => format!("classifier.{leaf}"),
        _ => return None,
    }])
}

/// Returns the keys of timm.
fn timm(path: &[&str]) -> Option<Vec<String>> {
    Some(vec![match path {
        ["class_token"] => "cls_token".to_owned(),
        ["position", "embedding"] => "pos_embed".to_owned(),
        ["patch_embed", leaf] => format!("patch_embed.proj.{leaf}"),
        ["blocks", n, "attention", "qkv", leaf] => format!("blocks.{n}.attn.qkv.{leaf}"),
        ["blocks", n, "attention", "output", leaf] => format!("blocks.{n}.attn.proj.{leaf}"),
        ["blocks", n, "mlp", layer, leaf] => format!("blocks.{n}.mlp.{layer}.{leaf}"),
        ["blocks", n, norm @ ("norm1" | "norm2"), leaf] => {
            format!("blocks.{n}.{norm}.{}", weight_or_bias(leaf))
        }
        ["norm", leaf] => format!("norm.{}", weight_or_bias(leaf)),
        ["head", leaf] => format!("head.{leaf}"),
        _ => return None,
    }])
}

/// Returns the keys of torchvision.
fn torchvision(path: &[&str]) -> Option<Vec<String>> {
    let block = |n: &&str| format!("encoder.layers.encoder_layer_{n}");
    Some(vec![match path {
        ["class_token"] => "class_token".to_owned(),
        ["position", "embedding"] => "encoder.pos_embedding".to_owned(),
        ["patch_embed", leaf] => format!("conv_proj.{leaf}"),
        ["blocks", n, "attention", "qkv", leaf] => {
            format!("{}.self_attention.in_proj_{leaf}", block(n))
        }
        ["blocks", n, "attention", "output", leaf] => {
            format!("{}.self_attention.out_proj.{leaf}", block(n))
        }
        ["blocks", n, "mlp", "fc1", leaf] => format!("{}.mlp.0.{leaf}", block(n)),
        ["blocks", n, "mlp", "fc2", leaf] => format!("{}.mlp.3.{leaf}", block(n)),
        ["blocks", n, "norm1", leaf] => format!("{}.ln_1.{}", block(n), weight_or_bias(leaf)),
        ["blocks", n, "norm2", leaf] => format!("{}.ln_2.{}", block(n), weight_or_bias(leaf)),
        ["norm", leaf] => format!("encoder.ln.{}", weight_or_bias(leaf)),
        ["head", leaf] => format!("heads.head.{leaf}"),
        _ => return None,
    }])
}

/// Translates Burn's name of a normalisation's tensor into PyTorch's.
fn weight_or_bias<'a>(leaf: &&'a str) -> &'a str {
    match *leaf {
        "gamma" => "weight",
        "beta" => "bias",
        other => other,
    }
}
