//! [`Pooling`]: the choices for how a ViT reduces its tokens to one feature vector.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Selects how the tokens of a ViT, `[batch, tokens, embed_dim]`, are reduced to one feature vector
/// `[batch, embed_dim]`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = Error, parse_err_fn = unknown)]
pub enum Pooling {
    /// Takes the class token, as in the paper; `global_pool="token"` in timm.
    #[serde(alias = "Cls")]
    Cls,
    /// Takes the mean of the patch tokens, without class and register tokens; `global_pool="avg"`
    /// in timm.
    #[serde(alias = "Mean")]
    Mean,
}

fn unknown(name: &str) -> Error {
    Error::unknown::<Pooling>("pooling", name)
}
