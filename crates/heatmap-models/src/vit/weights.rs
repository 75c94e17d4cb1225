//! The configuration of the vision transformer in a file.

use super::config::VitConfig;
use super::interpolation::Interpolation;
use super::network::Vit;
use crate::pooling::Pooling;
use crate::weights::{Published, Recognised, TensorFile, WeightLayout};
use crate::{Error, Result};

impl VitConfig {
    /// Reads the configuration of the network whose weights a file contains, with its head and
    /// pooler if it has them.
    ///
    /// Weights determine neither the number of heads nor whether the patches form a square, so both
    /// are read from the files beside them ([`Companions`](crate::weights::Companions)). If these
    /// do not say, the number of heads is the width divided by 64, as in the published ViT-Ti, S, B
    /// and L (MoCo v3's S has 12 heads), and the grid is a square. The pooling is that of the files
    /// beside the weights, or the mean if the file has an `fc_norm`, or else the class token. The
    /// eps of layer normalisation and the resampling of positions are those of the program whose
    /// layout the file has.
    ///
    /// # Errors
    /// When the file does not contain a vision transformer that [`VitConfig`] can describe, such as
    /// a ViT-g of DINOv2, whose blocks are others.
    pub fn of(file: &TensorFile) -> Result<Self> {
        let found = Vit::FAMILY.recognise(file)?;
        let shape = |path: &str| found.shape(file, path);
        let bad = |reason: String| Error::bad_file(file.path(), reason);
        let Some([embed_dim, in_channels, patch_size, _]) = shape("patch_embed.weight") else {
            return Err(bad("no patch embedding".to_owned()));
        };
        if shape("class_token").is_none() {
            return Err(bad("no class token, which every ViT known here has".to_owned()));
        }
        let places = shape("position.embedding")
            .map_or(0, |shape| shape.iter().rev().nth(1).copied().unwrap_or(0));
        let register_tokens = match shape("register_tokens") {
            Some([1, count, width]) if width == embed_dim => *count,
            _ => 0,
        };
        let class_position = is_square(places.saturating_sub(1));
        let patches = places - usize::from(class_position);
        if !is_square(patches) {
            return Err(bad(format!(
                "{places} positions are not those of a square grid of patches, alone or with a \
                 class token"
            )));
        }
        if let Some([height, width]) = file.companions().image_size
            && height != width
            && (height / patch_size.max(&1)) * (width / patch_size.max(&1)) == patches
        {
            return Err(bad(format!(
                "images of {height} x {width} px, of which only squares are known here"
            )));
        }
        if let Some(key) = gated(&found, file) {
            return Err(bad(format!(
                "`{key}`: the gated MLP (SwiGLU) of DINOv2's ViT-g, which is not known here"
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
        let layer_scale = shape("blocks.0.scale1.gamma").is_some();
        let layer_norm_eps = match found.layout.name {
            WeightLayout::HuggingFace | WeightLayout::HuggingFaceMemory if !layer_scale => 1e-12,
            _ => 1e-6,
        };
        let interpolation = match found.layout.name {
            WeightLayout::Timm => Interpolation::Antialiased,
            _ if register_tokens > 0 => Interpolation::Antialiased,
            WeightLayout::Dinov2 => Interpolation::Shifted,
            _ => Interpolation::Bicubic,
        };
        let fc_norm = shape("fc_norm.gamma").is_some();
        let usual_pooling = if fc_norm { Pooling::Mean } else { Pooling::Cls };
        Ok(Self::new(*embed_dim, depth, heads, *mlp_dim, *patch_size)
            .with_image_size(patches.isqrt() * patch_size)
            .with_in_channels(*in_channels)
            .with_num_classes(num_classes)
            .with_pooler(shape("pooler.dense.weight").is_some())
            .with_layer_norm_eps(layer_norm_eps)
            .with_pooling(file.companions().pooling.unwrap_or(usual_pooling))
            .with_fc_norm(fc_norm)
            .with_register_tokens(register_tokens)
            .with_layer_scale(layer_scale)
            .with_class_position(class_position)
            .with_interpolation(interpolation))
    }
}

/// Returns whether so many patches can fill a square.
fn is_square(patches: usize) -> bool {
    patches > 0 && patches.isqrt().pow(2) == patches
}

/// Returns a key of a gated MLP in the first block: its two inner layers are one tensor, which has
/// a name of its own, or in timm twice as many rows as the last layer has columns.
fn gated(found: &Recognised<'_>, file: &TensorFile) -> Option<String> {
    let prefix = found.prefix;
    let own = ["blocks.0.mlp.w12.weight", "encoder.layer.0.mlp.weights_in.weight"];
    let named = own.into_iter().map(|name| format!("{prefix}{name}"));
    if let Some(key) = named.into_iter().find(|key| file.shape(key).is_some()) {
        return Some(key);
    }
    let path = "blocks.0.mlp.fc1.weight";
    let (inner, outer) = (found.shape(file, path)?, found.shape(file, "blocks.0.mlp.fc2.weight")?);
    let (inner, outer) = (*inner.first()?, *outer.get(1)?);
    let is_double = outer > 0 && inner.is_multiple_of(2) && inner / 2 == outer;
    is_double.then(|| found.keys(path)?.into_iter().next()).flatten()
}
