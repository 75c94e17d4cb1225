//! The names of vision transformers in transformers.

use super::parameters::weight_or_bias;

/// Returns the keys in the files of the ViT of transformers.
pub(super) fn hugging_face(path: &[&str]) -> Option<Vec<String>> {
    hugging_face_around_blocks(path).or_else(|| hugging_face_attention(path)).or_else(|| {
        let ["blocks", n, part @ .., leaf] = path else { return None };
        let (block, leaf) = (format!("encoder.layer.{n}"), weight_or_bias(leaf));
        Some(vec![match part {
            ["mlp", "fc1"] => format!("{block}.intermediate.dense.{leaf}"),
            ["mlp", "fc2"] => format!("{block}.output.dense.{leaf}"),
            ["norm1"] => format!("{block}.layernorm_before.{leaf}"),
            ["norm2"] => format!("{block}.layernorm_after.{leaf}"),
            _ => return None,
        }])
    })
}

/// Returns the keys of `state_dict()` of the ViT in transformers from version 5 on.
pub(super) fn in_memory(path: &[&str]) -> Option<Vec<String>> {
    hugging_face_around_blocks(path).or_else(|| {
        let ["blocks", n, part @ .., leaf] = path else { return None };
        let (block, leaf) = (format!("layers.{n}"), weight_or_bias(leaf));
        Some(vec![match part {
            ["attention", part] => {
                return attention_in_memory(&format!("{block}.attention"), part, leaf);
            }
            ["mlp", layer] => format!("{block}.mlp.{layer}.{leaf}"),
            ["norm1"] => format!("{block}.layernorm_before.{leaf}"),
            ["norm2"] => format!("{block}.layernorm_after.{leaf}"),
            _ => return None,
        }])
    })
}

/// Returns the keys in the files of the DINOv2 of transformers, with registers or without.
pub(super) fn dinov2(path: &[&str]) -> Option<Vec<String>> {
    dinov2_around_attention(path).or_else(|| hugging_face_attention(path))
}

/// Returns the keys of `state_dict()` of the DINOv2 in transformers from version 5 on.
pub(super) fn dinov2_in_memory(path: &[&str]) -> Option<Vec<String>> {
    dinov2_around_attention(path).or_else(|| {
        let ["blocks", n, "attention", part, leaf] = path else { return None };
        attention_in_memory(&format!("encoder.layer.{n}.attention"), part, leaf)
    })
}

/// Names all tensors of DINOv2 but those of the attention. There is no head: that of transformers
/// takes the class token and the mean of the patches together.
fn dinov2_around_attention(path: &[&str]) -> Option<Vec<String>> {
    match path {
        ["register_tokens"] => Some(vec!["embeddings.register_tokens".to_owned()]),
        ["pooler" | "head", ..] => None,
        ["blocks", n, part, leaf] => Some(vec![match *part {
            "norm1" | "norm2" => format!("encoder.layer.{n}.{part}.{}", weight_or_bias(leaf)),
            "scale1" => format!("encoder.layer.{n}.layer_scale1.lambda1"),
            "scale2" => format!("encoder.layer.{n}.layer_scale2.lambda1"),
            _ => return None,
        }]),
        ["blocks", n, "mlp", layer, leaf] => {
            Some(vec![format!("encoder.layer.{n}.mlp.{layer}.{leaf}")])
        }
        _ => hugging_face_around_blocks(path),
    }
}

/// Names the tensors of the attention in files.
fn hugging_face_attention(path: &[&str]) -> Option<Vec<String>> {
    let ["blocks", n, "attention", part, leaf] = path else { return None };
    let attention = format!("encoder.layer.{n}.attention");
    Some(match *part {
        "qkv" => ["query", "key", "value"]
            .map(|name| format!("{attention}.attention.{name}.{leaf}"))
            .into(),
        "output" => vec![format!("{attention}.output.dense.{leaf}")],
        _ => return None,
    })
}

/// Names the tensors of the attention in memory.
fn attention_in_memory(attention: &str, part: &str, leaf: &str) -> Option<Vec<String>> {
    Some(match part {
        "qkv" => ["q", "k", "v"].map(|name| format!("{attention}.{name}_proj.{leaf}")).into(),
        "output" => vec![format!("{attention}.o_proj.{leaf}")],
        _ => return None,
    })
}

/// Names the tensors outside the blocks, which are the same in all layouts of transformers.
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
