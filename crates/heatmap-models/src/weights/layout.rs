//! [`Family`]: how the world names the tensors of a kind of network, and how a file's layout is
//! recognised.

use std::str::FromStr;

use super::TensorFile;
use crate::weight_layout::WeightLayout;
use crate::{Error, Result};

/// What is known of a kind of network.
#[derive(Debug)]
pub struct Family {
    /// For messages: `ResNet`.
    pub(crate) name: &'static str,
    /// Tensors, by their paths in the module, that every network of the family has. A layout is
    /// recognised by them.
    pub(crate) probes: &'static [&'static str],
    /// More usual ones first.
    pub(crate) layouts: &'static [Layout],
}

/// Names in one kind of file.
#[derive(Debug)]
pub struct Layout {
    pub(crate) name: WeightLayout,
    /// Stands before all names but those of the head.
    pub(crate) body: &'static str,
    /// What the names of the head start with.
    pub(crate) head: &'static str,
    /// The names that together make the tensor at a path of the module: laid behind one another
    /// along the first axis. More than one for attention whose query, key and value are kept apart;
    /// `None` where the layout has no place.
    pub(crate) keys: fn(&[&str]) -> Option<Vec<String>>,
}

/// The layout of one file, and what stands before every name in it.
#[derive(Debug)]
pub(crate) struct Recognised<'a> {
    pub(crate) layout: &'static Layout,
    pub(crate) prefix: &'a str,
}

impl Layout {
    /// The names of the tensor at `path`, without a file's own prefix.
    pub(crate) fn keys(&self, path: &str) -> Option<Vec<String>> {
        let parts: Vec<&str> = path.split('.').collect();
        let body = if is_head(path) { "" } else { self.body };
        Some((self.keys)(&parts)?.into_iter().map(|key| format!("{body}{key}")).collect())
    }
}

impl Recognised<'_> {
    /// The names in the file of the tensor at `path`.
    pub(crate) fn keys(&self, path: &str) -> Option<Vec<String>> {
        let keys = self.layout.keys(path)?;
        Some(keys.into_iter().map(|key| format!("{}{key}", self.prefix)).collect())
    }

    /// The shape in the file of the tensor at `path`, if it is kept under one name.
    pub(crate) fn shape<'f>(&self, file: &'f TensorFile, path: &str) -> Option<&'f [usize]> {
        file.shape(self.keys(path)?.first()?)
    }
}

/// Whether a tensor belongs to the linear head.
pub(super) fn is_head(path: &str) -> bool {
    path.starts_with("head.")
}

impl Family {
    /// The layout under which most of the probes are found in `file`; of several the one with the
    /// shortest prefix.
    ///
    /// # Errors
    /// When not even half of the probes are found.
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
                let score = probes.iter().filter(present).count();
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

/// What stands before `name` in `key`: nothing, or something that ends in a dot.
fn prefix_of<'a>(key: &'a str, name: &str) -> Option<&'a str> {
    key.strip_suffix(name).filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

impl FromStr for WeightLayout {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|known| known.to_string() == name);
        known.ok_or_else(|| Error::Unknown {
            what: "layout",
            value: name.to_owned(),
            reason: format!("not one of {}", Self::ALL.map(|known| known.to_string()).join(", ")),
        })
    }
}
