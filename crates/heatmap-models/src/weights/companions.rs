//! [`Companions`]: what the small files beside the weights say about a network.
//!
//! A state dict says neither how many attention heads there are, nor the shape of the grid of
//! patches, nor how tokens are pooled, nor which convolution of a residual block has the stride,
//! nor how images were standardised. transformers writes `config.json` and
//! `preprocessor_config.json` beside its weights, timm a `config.json` with a `pretrained_cfg`; on
//! the hub, both are in the repository of the weights.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::pooling::Pooling;
use crate::{Error, Result};

/// Facts about a network that its tensors do not determine. A field is empty if no file beside the
/// weights says it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Companions {
    /// The number of attention heads of a ViT.
    pub heads: Option<usize>,
    /// The height and width, in px, of the images of a ViT.
    pub image_size: Option<[usize; 2]>,
    /// How a ViT reduces its tokens to one feature vector: `global_pool` of timm.
    pub pooling: Option<Pooling>,
    /// The mean of each image channel, for standardising images.
    pub mean: Option<Vec<f32>>,
    /// The standard deviation of each image channel, for standardising images.
    pub std: Option<Vec<f32>>,
    /// Whether bottleneck blocks have their stride in the first convolution and not in the second.
    /// The networks of He et al. 2016 as first published do; torchvision and timm have it in the
    /// second.
    pub stride_in_first: bool,
    /// The files that said something.
    pub files: Vec<PathBuf>,
}

impl Companions {
    /// The names of the files that are looked for beside the weights.
    pub const FILES: [&str; 2] = ["config.json", "preprocessor_config.json"];
    /// The maximum size of such a file; larger ones are something else, and are ignored.
    const MAX_BYTES: u64 = 1 << 20;

    /// Reads the files beside the weights at `path`.
    ///
    /// # Errors
    /// When one of these files cannot be read or is not valid JSON, or a value that should be a
    /// number is something else, or the features are pooled in another way than any known here.
    pub fn of(path: &Path) -> Result<Self> {
        let mut found = Self::default();
        for name in Self::FILES {
            let path = path.with_file_name(name);
            let is_small = fs::metadata(&path)
                .is_ok_and(|file| file.is_file() && file.len() <= Self::MAX_BYTES);
            if is_small {
                let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
                let value: Value =
                    serde_json::from_str(&text).map_err(|error| Error::bad_file(&path, error))?;
                if found.take(&value).map_err(|reason| Error::bad_file(&path, reason))? {
                    found.files.push(path);
                }
            }
        }
        Ok(found)
    }

    /// Adds what the JSON object `value` says, and returns whether it said anything.
    fn take(&mut self, value: &Value) -> std::result::Result<bool, String> {
        let before = self.clone();
        // timm nests the settings of a checkpoint in `pretrained_cfg`.
        for values in [value, &value["pretrained_cfg"]] {
            put(&mut self.heads, number(values, "num_attention_heads")?);
            put(&mut self.heads, number(values, "num_heads")?);
            put(&mut self.image_size, sides(&values["image_size"]));
            put(&mut self.image_size, input_size(&values["input_size"]));
            put(&mut self.pooling, pooling(&values["global_pool"])?);
            for (place, names) in
                [(&mut self.mean, ["mean", "image_mean"]), (&mut self.std, ["std", "image_std"])]
            {
                for name in names {
                    put(place, channels(values, name)?);
                }
            }
            self.stride_in_first |= values["downsample_in_bottleneck"].as_bool().unwrap_or(false);
        }
        Ok(*self != before)
    }
}

fn put<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

fn number(values: &Value, name: &str) -> std::result::Result<Option<usize>, String> {
    match &values[name] {
        Value::Null => Ok(None),
        value => match value.as_u64().and_then(|value| usize::try_from(value).ok()) {
            Some(number @ 1..=65_536) => Ok(Some(number)),
            _ => Err(format!("`{name}` = {value}: not a positive number")),
        },
    }
}

/// Reads the side of a square, or height and width. Other programs use this name for other things,
/// so anything else is ignored.
fn sides(value: &Value) -> Option<[usize; 2]> {
    let side = |value: &Value| {
        value.as_u64().and_then(|side| usize::try_from(side).ok()).filter(|side| *side > 0)
    };
    match value {
        Value::Array(sides) if sides.len() == 2 => Some([side(&sides[0])?, side(&sides[1])?]),
        value => side(value).map(|side| [side; 2]),
    }
}

/// Reads height and width from timm's list of channels, height and width.
fn input_size(value: &Value) -> Option<[usize; 2]> {
    match value {
        Value::Array(sizes) if sizes.len() == 3 => sides(&Value::Array(sizes[1..].to_vec())),
        _ => None,
    }
}

/// Reads timm's name of a pooling. Residual networks have the mean, too.
fn pooling(value: &Value) -> std::result::Result<Option<Pooling>, String> {
    match value.as_str() {
        None | Some("") => Ok(None),
        Some("token") => Ok(Some(Pooling::Cls)),
        Some("avg") => Ok(Some(Pooling::Mean)),
        Some(_) => {
            Err(format!("`global_pool` = {value}: features are pooled by token or avg here"))
        }
    }
}

/// Reads a list with one number for each channel.
fn channels(values: &Value, name: &str) -> std::result::Result<Option<Vec<f32>>, String> {
    let Value::Array(list) = &values[name] else { return Ok(None) };
    let numbers: Option<Vec<f32>> =
        list.iter().map(|value| value.as_f64().map(|value| value as f32)).collect();
    match numbers
        .filter(|numbers| !numbers.is_empty() && numbers.iter().all(|number| number.is_finite()))
    {
        Some(numbers) => Ok(Some(numbers)),
        None => Err(format!("`{name}` = {}: not a number for each channel", values[name])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Companions> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Companions::of(&folder.path().join("model.safetensors"))
    }

    #[test]
    fn transformers_and_timm_say_it_in_their_own_ways() {
        let config = r#"{"num_attention_heads": 12, "image_size": 224, "hidden_size": 384}"#;
        let processor = r#"{"image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225], "size": 224}"#;
        let found =
            read(&[("config.json", config), ("preprocessor_config.json", processor)]).unwrap();
        assert_eq!((found.heads, found.image_size), (Some(12), Some([224, 224])));
        assert_eq!((found.mean.unwrap()[1], found.std.unwrap()[2]), (0.456, 0.225));
        assert_eq!(found.files.len(), 2);
        let timm = r#"{"architecture": "vit_base_patch16_224", "num_classes": 1000,
            "global_pool": "avg", "pretrained_cfg":
            {"input_size": [3, 64, 144], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}"#;
        let found = read(&[("config.json", timm)]).unwrap();
        assert_eq!(
            (found.heads, found.image_size, found.mean),
            (None, Some([64, 144]), Some(vec![0.5; 3]))
        );
        assert_eq!(found.pooling, Some(Pooling::Mean));
        assert!(
            read(&[("config.json", r#"{"downsample_in_bottleneck": true}"#)])
                .unwrap()
                .stride_in_first
        );
    }

    #[test]
    fn nothing_is_nothing_and_nonsense_is_named() {
        assert_eq!(read(&[]).unwrap(), Companions::default());
        // The settings of one of our own runs.
        assert_eq!(
            read(&[("config.json", r#"{"image": {"height": 64}, "seed": 0}"#)]).unwrap(),
            Companions::default()
        );
        for (text, named) in [
            ("{", "config.json"),
            (r#"{"num_attention_heads": 0}"#, "`num_attention_heads` = 0"),
            (r#"{"image_mean": ["a"]}"#, "`image_mean`"),
            (r#"{"global_pool": "map"}"#, "`global_pool` = \"map\""),
        ] {
            let error = read(&[("config.json", text)]).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
