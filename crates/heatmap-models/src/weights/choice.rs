//! [`TensorChoice`]: which tensors of a file are used, and settings that the tensors do not
//! determine.

use serde::Serialize;

use super::{Companions, TensorFile};
use crate::pooling::Pooling;
use crate::{Error, Result};

/// Selects tensors of a file, and supplies settings that the tensors do not determine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TensorChoice {
    /// Use the network under this prefix, such as `module.encoder_q.`, for a file with several
    /// networks.
    pub prefix: Option<String>,
    /// Ignore the tensors whose names start with one of these, such as `projection_head.`. A
    /// container such as `state_dict.` may be left away.
    pub ignore_weights: Vec<String>,
    /// Use the averaged weights (EMA) of a file that has both averaged and plain ones.
    pub ema: bool,
    /// The number of attention heads of a ViT, where the files beside the weights do not say it or
    /// are wrong.
    pub heads: Option<usize>,
    /// How a ViT reduces its tokens to one feature vector, where the files do not say it or are
    /// wrong.
    pub pooling: Option<Pooling>,
}

impl TensorChoice {
    /// Restricts a file to the selected tensors.
    ///
    /// # Errors
    /// When the file has no tensors under the prefix, or no averaged weights beside plain ones.
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
        let pooling = self.pooling.or(file.companions().pooling);
        let companions = Companions { heads, pooling, ..file.companions().clone() };
        Ok(file.with_companions(companions))
    }
}
