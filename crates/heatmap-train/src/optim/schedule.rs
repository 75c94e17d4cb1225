//! Learning rates by step: a linear warm-up and a cosine behind it.

use burn::optim::lr_scheduler::LrSchedulerConfig;
use burn::optim::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::optim::lr_scheduler::sequential::SequentialLrSchedulerConfig;

use crate::{Error, Result};

/// A rate that rises along a line to `peak` within `warmup_steps` and falls along half a cosine that would be zero behind the last of
/// `steps` (Loshchilov and Hutter 2017 with the warm-up of Goyal et al. 2017; with a long warm-up, the one-cycle schedule
/// of Smith and Topin 2018). The step before the first would have had a rate of zero.
///
/// # Errors
/// When `peak` is not above 0 and at most 1, or the warm-up leaves no step.
pub fn warmup_cosine(peak: f64, warmup_steps: usize, steps: usize) -> Result<ModuleLrScheduler> {
    if !(peak > 0.0 && peak <= 1.0) {
        return Err(Error::config("learning rate", peak, "must be above 0 and at most 1"));
    }
    if warmup_steps >= steps {
        let reason = format!("leaves none of {steps} steps for the cosine");
        return Err(Error::config("warm-up steps", warmup_steps, reason));
    }
    let cosine = CosineAnnealingLrSchedulerConfig::new(peak, steps - warmup_steps);
    let schedule = match warmup_steps {
        0 => cosine.init(),
        _ => {
            // Burn's line has its first rate at the first step; ours would have zero before it.
            let first = peak / (warmup_steps + 1) as f64;
            let line = LinearLrSchedulerConfig::new(first, peak, warmup_steps);
            let both = vec![LrSchedulerConfig::Linear(line), LrSchedulerConfig::Cosine(cosine)];
            SequentialLrSchedulerConfig::new(both, vec![warmup_steps]).init()
        }
    };
    schedule.map_err(|reason| Error::config("learning rate", peak, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(peak: f64, warmup_steps: usize, steps: usize) -> Vec<f64> {
        let mut schedule = warmup_cosine(peak, warmup_steps, steps).expect("a schedule");
        (0..steps).map(|_| schedule.step().base()).collect()
    }

    #[test]
    fn the_rate_rises_along_a_line_and_falls_along_a_cosine() {
        let rates = rates(0.8, 3, 11);
        for (at, expected) in [0.2, 0.4, 0.6].into_iter().enumerate() {
            assert!((rates[at] - expected).abs() < 1e-12, "{rates:?}");
        }
        for (at, rate) in rates[3..].iter().enumerate() {
            let expected = 0.4 * (1.0 + (std::f64::consts::PI * at as f64 / 8.0).cos());
            assert!((rate - expected).abs() < 1e-12, "{at}: {rates:?}");
        }
    }

    #[test]
    fn without_warm_up_it_begins_at_the_peak() {
        assert_eq!(rates(0.5, 0, 4)[0], 0.5);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (peak, warmup, named) in [(0.0, 0, "learning rate"), (2.0, 0, "learning rate"), (0.1, 5, "warm-up steps")] {
            let error = warmup_cosine(peak, warmup, 5).err().expect("an error").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
