//! [`TensorChoice`]: which tensors of a file are taken, and what they do not say themselves.

use serde::Serialize;

use super::{Companions, TensorFile};
use crate::{Error, Result};

/// Which of the tensors of a file are taken, and what they do not say themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TensorChoice {
    /// Take the network under this prefix, of a file that has several, such as `module.encoder_q.`.
    pub prefix: Option<String>,
    /// Leave out the tensors whose names begin like this, such as `projection_head.`.
    pub ignore_weights: Vec<String>,
    /// Take the averaged weights of a file that has both.
    pub ema: bool,
    /// Attention heads of a ViT, where they are not what the files beside it say.
    pub heads: Option<usize>,
}

impl TensorChoice {
    /// The file as it is to be read.
    ///
    /// # Errors
    /// When it has nothing under the prefix, or no averaged weights.
    pub fn apply(&self, file: TensorFile) -> Result<TensorFile> {
        let mut file = file.without(&self.ignore_weights);
        if self.ema {
            let none = || Error::bad_file(file.path(), "--ema: no averaged weights beside others");
            let averaged = file.averaged().ok_or_else(none)?;
            file = file.under(averaged)?;
        }
        if let Some(prefix) = &self.prefix {
            file = file.under(prefix)?;
        }
        let heads = self.heads.or(file.companions().heads);
        let companions = Companions { heads, ..file.companions().clone() };
        Ok(file.with_companions(companions))
    }
}
