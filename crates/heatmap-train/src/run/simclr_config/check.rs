//! Whether the settings of a SimCLR run can be used.

use std::sync::Arc;

use super::SimClrConfig;
use crate::data::{ClassSource, Split};
use crate::run::OnlineEvaluationConfig;
use crate::task::Precision;
use crate::{Error, Result};

impl SimClrConfig {
    /// Checks the settings for training any encoder on this data set. The `architecture` and the
    /// `preset` in the configuration are not checked.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    pub fn check_for(&self, preset: &Arc<dyn ClassSource>) -> Result<()> {
        self.training.check()?;
        self.sampler(preset, Split::Train)?;
        self.loss.check()?;
        for (field, value) in [
            ("projection_hidden", self.projection_hidden.unwrap_or(1)),
            ("projection_dim", self.projection_dim),
            ("evaluation.every", self.evaluation.every.unwrap_or(1)),
            ("devices", self.devices),
            ("accumulation", self.accumulation),
        ] {
            if value == 0 {
                return Err(Error::config(field, 0, "must be positive"));
            }
        }
        if self.accumulation > 1 {
            let reason = "a contrastive loss compares every image with every other, so the \
                          gradients of parts of a batch \
                          do not add up to that of the batch; take a larger batch, and `chunk` to \
                          have it in little memory";
            return Err(Error::config("accumulation", self.accumulation, reason));
        }
        if let Some(decay) = self.ema.filter(|decay| !(0.0..1.0).contains(decay)) {
            return Err(Error::config("ema", decay, "must be at least 0 and less than 1"));
        }
        let OnlineEvaluationConfig { every, samples, final_samples, probe_c } = self.evaluation;
        if !(probe_c.is_finite() && probe_c > 0.0) {
            return Err(Error::config("evaluation.probe_c", probe_c, "must be above 0"));
        }
        for (field, samples, taken) in [
            ("evaluation.samples", samples, every.is_some()),
            ("evaluation.final_samples", final_samples, true),
        ] {
            if taken && samples < 2 * preset.num_classes() {
                let reason = format!(
                    "`{}` has {} classes; take two of each or more",
                    preset.name(),
                    preset.num_classes()
                );
                return Err(Error::config(field, samples, reason));
            }
        }
        let (pairs, of_each) = (self.pairs_per_batch(), self.images_per_pair());
        if let Some(chunk) = self.chunk {
            // Batch normalisation needs at least two images, and only chunks of equal size have
            // equal weight.
            if chunk < of_each
                || !chunk.is_multiple_of(of_each)
                || !pairs.is_multiple_of(chunk / of_each)
            {
                let multiple = if of_each == 2 {
                    "even".to_owned()
                } else {
                    format!("a multiple of {of_each}")
                };
                let reason = format!(
                    "must be {multiple} and divide the {} images of a batch",
                    of_each * pairs
                );
                return Err(Error::config("chunk", chunk, reason));
            }
            if self.devices > 1 {
                return Err(Error::config(
                    "chunk",
                    chunk,
                    "several devices share a batch in one piece each",
                ));
            }
        }
        if self.precision == Precision::F16 && self.devices > 1 {
            let reason =
                "each device would have a scale of the loss of its own; take bf16, or one device";
            return Err(Error::config("precision", self.precision, reason));
        }
        if !pairs.is_multiple_of(self.devices) {
            let reason = format!("{pairs} pairs of a batch cannot be shared evenly");
            return Err(Error::config("devices", self.devices, reason));
        }
        Ok(())
    }
}
