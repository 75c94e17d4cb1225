//! What was loaded from a file, or why nothing was.

use std::fmt;

use super::WeightLayout;
use crate::error::summary;

/// What [`load_weights`](super::Pretrained::load_weights) did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadReport {
    /// The layout that was recognised.
    pub layout: WeightLayout,
    /// What stood before every name.
    pub prefix: String,
    /// Names in the file that were loaded.
    pub loaded: Vec<String>,
    /// Names in the file that were left out, because the options said so or because they stand
    /// beside the weights.
    pub left_out: Vec<String>,
    /// Tensors of the network, by its own names, that kept the values they had.
    pub kept: Vec<String>,
    /// Whether the weights of three colours were added to those of one grey channel.
    pub grey_stem: bool,
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tensors in the {} layout", self.loaded.len(), self.layout)?;
        if !self.prefix.is_empty() {
            write!(f, " under `{}`", self.prefix)?;
        }
        if self.grey_stem {
            f.write_str(", colours added to grey")?;
        }
        if !self.left_out.is_empty() {
            write!(f, "; left out: {}", summary(&self.left_out))?;
        }
        if !self.kept.is_empty() {
            write!(f, "; kept as they were: {}", summary(&self.kept))?;
        }
        Ok(())
    }
}

/// Everything in which a file and a network differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The layout that was recognised.
    pub layout: WeightLayout,
    /// Names that the network needs and the file lacks.
    pub missing: Vec<String>,
    /// Names in the file that the network has no use for.
    pub unused: Vec<String>,
    /// Names with different shapes.
    pub misshaped: Vec<Misshaped>,
    /// Options that would help, in words.
    pub hints: Vec<String>,
}

/// A name with two shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshaped {
    /// The name in the file.
    pub key: String,
    /// Shape in the file.
    pub in_file: Vec<usize>,
    /// Shape that the network needs.
    pub in_network: Vec<usize>,
}

impl Mismatch {
    pub(super) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.misshaped.is_empty()
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let misshaped: Vec<String> = self.misshaped.iter().map(Misshaped::to_string).collect();
        let lists =
            [("missing", &self.missing), ("unused", &self.unused), ("misshaped", &misshaped)];
        let parts: Vec<String> = lists
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{} {what}: {}", names.len(), names.join(", ")))
            .collect();
        write!(f, "does not fit the network ({} layout): {}", self.layout, parts.join("; "))?;
        self.hints.iter().try_for_each(|hint| write!(f, ". {hint}"))
    }
}

impl fmt::Display for Misshaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (file {:?}, network {:?})", self.key, self.in_file, self.in_network)
    }
}
