//! [`Mismatch`]: everything in which a file of weights and a network differ.

use std::fmt;

use crate::weight_layout::WeightLayout;

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
    pub(crate) fn is_empty(&self) -> bool {
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
