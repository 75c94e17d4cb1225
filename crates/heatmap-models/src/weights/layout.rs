//! [`Family`]: the state dict layouts of a family of networks, and how the layout of a file is
//! recognised.

use std::str::FromStr;

use strum::VariantArray;

use super::TensorFile;
use crate::weight_layout::WeightLayout;
use crate::{Error, Result};

/// The known state dict layouts of a family of networks.
#[derive(Debug)]
pub struct Family {
    /// The name of the family for messages, such as `ResNet`.
    pub(crate) name: &'static str,
    /// Paths in the module of tensors that most networks of the family have. A layout is recognised
    /// by their keys.
    pub(crate) probes: &'static [&'static str],
    /// The layouts, the more common ones first.
    pub(crate) layouts: &'static [Layout],
}

/// One state dict layout: the key of each tensor of the module.
#[derive(Debug)]
pub struct Layout {
    pub(crate) name: WeightLayout,
    /// The prefix of all keys but those of the head.
    pub(crate) body: &'static str,
    /// The prefix of the keys of the head.
    pub(crate) head: &'static str,
    /// Maps the path of a tensor in the module, split at the dots, to its keys. Several keys stand
    /// for tensors to be concatenated along the first axis, as for attention whose query, key and
    /// value are stored separately. `None` means that the layout has no key for the tensor.
    pub(crate) keys: fn(&[&str]) -> Option<Vec<String>>,
    /// A tensor in every file of the layout that no network here has.
    pub(crate) unused: Option<Unused>,
}

/// A tensor in every file of a layout that no network here has, such as the mask token of a
/// pretraining. It tells the layout, is not read, and is written as zeros.
#[derive(Debug)]
pub(crate) struct Unused {
    /// The key of the tensor, without prefix and body.
    pub(crate) key: &'static str,
    /// The path of a tensor of the module with as many values. The shape is `[1, values]`.
    pub(crate) like: &'static str,
}

/// The layout of a file, and the prefix of the network's keys in it.
#[derive(Debug)]
pub(crate) struct Recognised<'a> {
    pub(crate) layout: &'static Layout,
    pub(crate) prefix: &'a str,
}

impl Layout {
    /// Returns the keys of the tensor at `path`, without the prefix of a file.
    pub(crate) fn keys(&self, path: &str) -> Option<Vec<String>> {
        let parts: Vec<&str> = path.split('.').collect();
        let body = if is_head(path) { "" } else { self.body };
        Some((self.keys)(&parts)?.into_iter().map(|key| format!("{body}{key}")).collect())
    }

    /// Returns the key of the tensor that no network here has, without the prefix of a file.
    pub(super) fn unused_key(&self) -> Option<String> {
        Some(format!("{}{}", self.body, self.unused.as_ref()?.key))
    }
}

impl Recognised<'_> {
    /// Returns the keys in the file of the tensor at `path`.
    pub(crate) fn keys(&self, path: &str) -> Option<Vec<String>> {
        let keys = self.layout.keys(path)?;
        Some(keys.into_iter().map(|key| format!("{}{key}", self.prefix)).collect())
    }

    /// Returns the shape in the file of the tensor at `path`, or of the first of its parts.
    pub(crate) fn shape<'f>(&self, file: &'f TensorFile, path: &str) -> Option<&'f [usize]> {
        file.shape(self.keys(path)?.first()?)
    }
}

/// Returns whether the tensor at `path` belongs to the linear head.
pub(super) fn is_head(path: &str) -> bool {
    path.starts_with("head.")
}

impl Family {
    /// Recognises the layout of a file: the one with which most of the probes are found, counting
    /// the tensor that only files of the layout have, and of several such the one with the shortest
    /// prefix.
    ///
    /// # Errors
    /// When fewer than half of the probes are found.
    pub(crate) fn recognise<'a>(&'static self, file: &'a TensorFile) -> Result<Recognised<'a>> {
        let mut best: Option<(usize, Recognised<'a>)> = None;
        for layout in self.layouts {
            let probes: Vec<Vec<String>> =
                self.probes.iter().filter_map(|probe| layout.keys(probe)).collect();
            for prefix in file
                .keys()
                .filter_map(|key| probes.iter().flatten().find_map(|probe| prefix_of(key, probe)))
            {
                let present = |keys: &&Vec<String>| {
                    keys.iter().all(|key| file.shape(&format!("{prefix}{key}")).is_some())
                };
                let has_unused = layout
                    .unused_key()
                    .is_some_and(|key| file.shape(&format!("{prefix}{key}")).is_some());
                let score = probes.iter().filter(present).count() + usize::from(has_unused);
                let better = best.as_ref().is_none_or(|(best_score, found)| {
                    score > *best_score
                        || (score == *best_score && prefix.len() < found.prefix.len())
                });
                if better {
                    best = Some((score, Recognised { layout, prefix }));
                }
            }
        }
        match best {
            Some((score, recognised)) if 2 * score >= self.probes.len() => Ok(recognised),
            _ => Err(Error::UnknownLayout {
                path: file.path().to_owned(),
                family: self.name,
                found: file.keys().map(str::to_owned).collect(),
            }),
        }
    }
}

/// Returns the prefix of `key` before `name`: empty, or something that ends in a dot.
fn prefix_of<'a>(key: &'a str, name: &str) -> Option<&'a str> {
    key.strip_suffix(name).filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

impl FromStr for WeightLayout {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::VARIANTS.iter().copied().find(|known| known.to_string() == name);
        known.ok_or_else(|| Error::unknown::<Self>("layout", name))
    }
}
