//! The state dict layouts of vision transformers in transformers, timm, torchvision and DINOv2.

use super::hugging_face::{dinov2, dinov2_in_memory, hugging_face, in_memory};
use super::network::Vit;
use super::parameters::weight_or_bias;
use crate::weights::{Family, Layout, Published, Unused, WeightLayout};

/// The token that DINOv2 puts in place of hidden patches in its pretraining, as transformers keeps
/// it.
const MASK_IN_TRANSFORMERS: Unused = Unused { key: "embeddings.mask_token", like: "class_token" };

impl Published for Vit {
    const FAMILY: &'static Family = &Family {
        name: "ViT",
        probes: &[
            "patch_embed.weight",
            "class_token",
            "position.embedding",
            "blocks.0.attention.output.weight",
            // DINOv2 has other names for the first than ViT in transformers, and for the second
            // than timm.
            "blocks.0.norm1.gamma",
            "register_tokens",
        ],
        layouts: &[
            Layout {
                name: WeightLayout::HuggingFace,
                body: "vit.",
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
                name: WeightLayout::HuggingFaceMemory,
                body: "vit.",
                head: "classifier.",
                keys: in_memory,
                unused: None,
            },
            Layout {
                name: WeightLayout::HuggingFaceMemory,
                body: "",
                head: "classifier.",
                keys: in_memory,
                unused: None,
            },
            Layout {
                name: WeightLayout::HuggingFace,
                body: "",
                head: "classifier.",
                keys: dinov2,
                unused: Some(MASK_IN_TRANSFORMERS),
            },
            Layout {
                name: WeightLayout::HuggingFaceMemory,
                body: "",
                head: "classifier.",
                keys: dinov2_in_memory,
                unused: Some(MASK_IN_TRANSFORMERS),
            },
            Layout { name: WeightLayout::Timm, body: "", head: "head.", keys: timm, unused: None },
            Layout {
                name: WeightLayout::Dinov2,
                body: "",
                head: "head.",
                keys: original_dinov2,
                unused: Some(Unused { key: "mask_token", like: "class_token" }),
            },
            Layout {
                name: WeightLayout::Torchvision,
                body: "",
                head: "heads.",
                keys: torchvision,
                unused: None,
            },
        ],
    };
}

/// Returns the keys of timm.
fn timm(path: &[&str]) -> Option<Vec<String>> {
    Some(vec![match path {
        ["class_token"] => "cls_token".to_owned(),
        ["position", "embedding" | "patches"] => "pos_embed".to_owned(),
        ["register_tokens"] => "reg_token".to_owned(),
        ["patch_embed", leaf] => format!("patch_embed.proj.{leaf}"),
        ["blocks", n, "attention", "qkv", leaf] => format!("blocks.{n}.attn.qkv.{leaf}"),
        ["blocks", n, "attention", "output", leaf] => format!("blocks.{n}.attn.proj.{leaf}"),
        ["blocks", n, "mlp", layer, leaf] => format!("blocks.{n}.mlp.{layer}.{leaf}"),
        ["blocks", n, norm @ ("norm1" | "norm2"), leaf] => {
            format!("blocks.{n}.{norm}.{}", weight_or_bias(leaf))
        }
        ["blocks", n, "scale1", leaf] => format!("blocks.{n}.ls1.{leaf}"),
        ["blocks", n, "scale2", leaf] => format!("blocks.{n}.ls2.{leaf}"),
        [norm @ ("norm" | "fc_norm"), leaf] => format!("{norm}.{}", weight_or_bias(leaf)),
        ["head", leaf] => format!("head.{leaf}"),
        _ => return None,
    }])
}

/// Returns the keys of DINOv2 itself, whose classifiers are files of their own.
fn original_dinov2(path: &[&str]) -> Option<Vec<String>> {
    match path {
        ["register_tokens"] => Some(vec!["register_tokens".to_owned()]),
        ["position", "patches"] | ["fc_norm" | "head", _] => None,
        _ => timm(path),
    }
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
