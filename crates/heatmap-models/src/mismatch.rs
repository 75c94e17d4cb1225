//! [`Mismatch`]: every difference between a weight file and a network.

use std::fmt;

use crate::weight_layout::WeightLayout;

/// Lists every difference between a weight file and a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The state dict layout that was recognised in the file.
    pub layout: WeightLayout,
    /// Names of tensors that the network needs and the file lacks.
    pub missing: Vec<String>,
    /// Names of tensors in the file that the network does not use.
    pub unused: Vec<String>,
    /// Tensors whose shape in the file differs from the one that the network needs.
    pub misshaped: Vec<Misshaped>,
    /// The shortest beginnings of the unused names that no name of the network has. With these left
    /// out ([`LoadOptions::ignoring`](crate::LoadOptions::ignoring), or `--ignore-weights` of a
    /// program), no tensor would be unused.
    pub beginnings: Vec<String>,
    /// Sentences that name load options which would resolve some of the differences.
    pub hints: Vec<String>,
}

/// A tensor whose shape in the file is not the one that the network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshaped {
    /// The name of the tensor in the file.
    pub key: String,
    /// The shape of the tensor in the file.
    pub in_file: Vec<usize>,
    /// The shape that the network needs.
    pub in_network: Vec<usize>,
}

impl Mismatch {
    /// Returns whether the file and the network do not differ.
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
        self.hints.iter().try_for_each(|hint| write!(f, ". {hint}"))?;
        if !self.beginnings.is_empty() {
            // As a user types it; for a program without the option it still says what to ignore.
            f.write_str(". To leave the unused ones out:")?;
            let mut all = self.beginnings.iter();
            all.try_for_each(|beginning| write!(f, " --ignore-weights {beginning}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Misshaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (file {:?}, network {:?})", self.key, self.in_file, self.in_network)
    }
}
