//! [`InputWarning`]: what makes one doubt that a table means what was read from it.

use serde::{Deserialize, Serialize};

/// A reason to doubt the results, with what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputWarning {
    /// What was seen, as a sentence.
    pub what: String,
    /// What to do, as a sentence.
    pub advice: String,
}

impl std::fmt::Display for InputWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.what, self.advice)
    }
}
