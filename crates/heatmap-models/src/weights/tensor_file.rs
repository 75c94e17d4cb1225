//! [`TensorFile`]: named tensors in a file, read one at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::container::begins_with;
use super::folder::weights_in;
use super::stored::StoredTensor;
use super::{Companions, pytorch, safetensors, shards};
use crate::{Error, Result};

/// A file of named tensors whose names and shapes have been read, and whose values are read on
/// demand. It is a `.safetensors` file, several of these through their `.safetensors.index.json`,
/// or a PyTorch file. A folder, as `save_pretrained` of transformers writes it, stands for the one
/// such file in it: `model.safetensors`, its index, or `pytorch_model.bin`.
///
/// The content of a file decides its format. But a file whose name ends in `.safetensors`, or in
/// one of PyTorch's `.pth`, `.pt`, `.bin` and `.ckpt`, must have the format that its name says.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    tensors: BTreeMap<String, StoredTensor>,
    left_out: Vec<String>,
    companions: Companions,
}

/// The formats, as the first bytes of a file tell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Safetensors,
    PyTorch,
}

impl TensorFile {
    /// Opens a file, or the one in a folder, and reads the names and shapes of its tensors.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged or truncated, has another format than its name
    /// says, or contains anything but plain data: a pickle that would call functions is refused,
    /// and nothing in it is executed. When a folder has no file of weights, or several.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut head = Vec::new();
        let metadata = std::fs::metadata(path).map_err(Error::io(path))?;
        if metadata.is_dir() {
            return Self::open(weights_in(path)?);
        }
        if !metadata.is_file() {
            return Err(Error::bad_file(path, "not a file"));
        }
        let companions = Companions::of(path)?;
        if shards::is_index(path) {
            return Ok(Self {
                path: path.to_owned(),
                tensors: shards::open(path)?,
                left_out: Vec::new(),
                companions,
            });
        }
        File::open(path)
            .and_then(|file| file.take(9).read_to_end(&mut head))
            .map_err(Error::io(path))?;
        let format = match (named_format(path), format_of(&head)) {
            (Some(named), Some(found)) if named != found => {
                let reason = format!(
                    "holds {} although its name says {}",
                    found.describe(),
                    named.describe()
                );
                return Err(Error::bad_file(path, reason));
            }
            (named, found) => {
                let neither = || Error::bad_file(path, "neither a safetensors nor a PyTorch file");
                found.or(named).ok_or_else(neither)?
            }
        };
        let tensors = match format {
            Format::Safetensors => safetensors::open(path),
            Format::PyTorch => pytorch::open(path),
        }?;
        Ok(Self { path: path.to_owned(), tensors, left_out: Vec::new(), companions })
    }

    /// Keeps only the tensors whose names start with `prefix`, such as `encoder_q.` or
    /// `state_dict_ema.`: one network of a file that has several. If none does, names are compared
    /// without the container that training scripts put around them, such as `state_dict.`.
    ///
    /// # Errors
    /// When no name starts with `prefix`.
    pub fn under(self, prefix: &str) -> Result<Self> {
        let (path, beginnings) = (self.path.clone(), self.beginnings());
        let is_whole = self.keys().any(|key| key.starts_with(prefix));
        let kept = self
            .keep(|key| if is_whole { key.starts_with(prefix) } else { begins_with(key, prefix) });
        if kept.tensors.is_empty() {
            let reason =
                format!("no name begins with `{prefix}`, but with {}", beginnings.join(", "));
            return Err(Error::bad_file(&path, reason));
        }
        Ok(kept)
    }

    /// Removes the tensors whose names start with one of `beginnings`, such as those of a
    /// projection head or a momentum encoder. The container that training scripts put around the
    /// names, such as `state_dict.`, may be left away.
    pub fn without(self, beginnings: &[String]) -> Self {
        self.keep(|key| !beginnings.iter().any(|beginning| begins_with(key, beginning)))
    }

    /// Keeps only the tensors whose names satisfy `keeps`, and remembers the names of the others.
    fn keep(mut self, keeps: impl Fn(&str) -> bool) -> Self {
        let (kept, left_out) =
            self.tensors.into_iter().partition::<BTreeMap<_, _>, _>(|(key, _)| keeps(key));
        self.left_out.extend(left_out.into_keys());
        Self { tensors: kept, ..self }
    }

    /// Returns the first parts of the names, each with its dot, without duplicates.
    fn beginnings(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .keys()
            .map(|key| key.split_inclusive('.').next().unwrap_or(key).to_owned())
            .collect();
        all.dedup();
        all
    }

    /// Returns the names that [`TensorFile::under`] and [`TensorFile::without`] have removed.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Returns what the files beside the weights say.
    pub fn companions(&self) -> &Companions {
        &self.companions
    }

    /// Replaces what the files beside the weights say.
    pub fn with_companions(self, companions: Companions) -> Self {
        Self { companions, ..self }
    }

    /// Returns the prefix of averaged weights (EMA), if the file has such weights beside others.
    pub fn averaged(&self) -> Option<&'static str> {
        const AVERAGED: [&str; 3] = ["state_dict_ema.", "model_ema.", "ema."];
        let begins = |beginning: &&str| self.keys().any(|key| key.starts_with(beginning));
        let found = AVERAGED.into_iter().find(|beginning| begins(beginning))?;
        self.keys().any(|key| !key.starts_with(found)).then_some(found)
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the names of all tensors, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Returns the shape of a tensor, or `None` if there is no tensor with this name.
    pub fn shape(&self, key: &str) -> Option<&[usize]> {
        self.tensors.get(key).map(|tensor| &tensor.shape[..])
    }

    /// Reads the values of a tensor in row-major order, converted to f32.
    ///
    /// # Errors
    /// When there is no such tensor, its element type is not supported, or the file cannot be read.
    pub fn read(&self, key: &str) -> Result<Vec<f32>> {
        let rows = self.tensor(key)?.shape.first().copied().unwrap_or(1);
        self.read_rows(key, 0..rows)
    }

    /// Reads the values of some rows of a tensor along its first axis.
    ///
    /// # Errors
    /// The errors are those of [`TensorFile::read`].
    ///
    /// # Panics
    /// When the rows are not within the tensor.
    pub fn read_rows(&self, key: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        let tensor = self.tensor(key)?;
        let all = tensor.shape.first().copied().unwrap_or(1);
        assert!(rows.start <= rows.end && rows.end <= all, "rows {rows:?} of a tensor with {all}");
        tensor.stored.read(rows).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Error::bad_file(&self.path, format!("`{key}`: {error}"))
            }
            _ => Error::Io { path: self.path.clone(), source: error },
        })
    }

    fn tensor(&self, key: &str) -> Result<&StoredTensor> {
        self.tensors.get(key).ok_or_else(|| Error::NoTensor {
            path: self.path.clone(),
            key: key.to_owned(),
            found: self.tensors.keys().cloned().collect(),
        })
    }
}

impl Format {
    fn describe(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::PyTorch => "PyTorch",
        }
    }
}

/// Returns the format that the extension of a file promises.
fn named_format(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "safetensors" => Some(Format::Safetensors),
        "pth" | "pt" | "bin" | "ckpt" => Some(Format::PyTorch),
        _ => None,
    }
}

/// Returns the format that the first nine bytes tell. safetensors starts with the length of its
/// header in eight bytes, then the header, a JSON object. PyTorch writes zip archives, and before
/// 1.6 wrote pickles of protocol 2.
fn format_of(head: &[u8]) -> Option<Format> {
    match head {
        [b'P', b'K', 3, 4, ..] => Some(Format::PyTorch),
        [_, _, _, _, _, _, _, _, b'{'] => Some(Format::Safetensors),
        [0x80, 2..=5, ..] => Some(Format::PyTorch),
        _ => None,
    }
}
