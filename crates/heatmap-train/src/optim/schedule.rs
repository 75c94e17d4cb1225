//! Learning rates by step: a linear warm-up and a cosine behind it.

use burn::optim::LearningRate;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::optim::lr_scheduler::{LrScheduler, LrSchedulerRecord};

use crate::{Error, Result};

/// A rate that rises along a line to `peak` within `warmup_steps` and falls along half a cosine that would be zero behind the last of
/// `steps` (Loshchilov and Hutter 2017 with the warm-up of Goyal et al. 2017; with a long warm-up, the one-cycle schedule
/// of Smith and Topin 2018). The step before the first would have had a rate of zero.
///
/// Burn's own schedules allow no rate above 1, which LARS needs.
///
/// # Errors
/// When `peak` is not a positive number, or the warm-up leaves no step.
pub fn warmup_cosine(peak: f64, warmup_steps: usize, steps: usize) -> Result<ModuleLrScheduler> {
    if !(peak > 0.0 && peak.is_finite()) {
        return Err(Error::config("learning rate", peak, "must be above 0"));
    }
    if warmup_steps >= steps {
        let reason = format!("leaves none of {steps} steps for the cosine");
        return Err(Error::config("warm-up steps", warmup_steps, reason));
    }
    Ok(WarmupCosine { peak, warmup_steps, steps, done: 0 }.into())
}

#[derive(Debug, Clone, Copy)]
struct WarmupCosine {
    peak: f64,
    warmup_steps: usize,
    steps: usize,
    /// Steps that were given their rate.
    done: usize,
}

impl LrScheduler for WarmupCosine {
    fn step(&mut self) -> LearningRate {
        let step = self.done;
        self.done += 1;
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / (self.warmup_steps + 1) as f64;
        }
        let share = (step - self.warmup_steps) as f64 / (self.steps - self.warmup_steps) as f64;
        // A run that goes on beyond its last step stays at zero.
        0.5 * self.peak * (1.0 + (share.min(1.0) * std::f64::consts::PI).cos())
    }

    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new().with_scalar("done", self.done as u64)
    }

    fn load_record(&mut self, record: LrSchedulerRecord) {
        if let Some(done) = record.scalar::<u64>("done") {
            self.done = done as usize;
        }
    }
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
        let rates = rates(4.8, 3, 11);
        for (at, expected) in [1.2, 2.4, 3.6].into_iter().enumerate() {
            assert!((rates[at] - expected).abs() < 1e-12, "{rates:?}");
        }
        for (at, rate) in rates[3..].iter().enumerate() {
            let expected = 2.4 * (1.0 + (std::f64::consts::PI * at as f64 / 8.0).cos());
            assert!((rate - expected).abs() < 1e-12, "{at}: {rates:?}");
        }
    }

    #[test]
    fn without_warm_up_it_begins_at_the_peak() {
        assert_eq!(rates(0.5, 0, 4)[0], 0.5);
    }

    #[test]
    fn it_goes_on_from_its_record() {
        let whole = rates(0.5, 3, 9);
        let mut first = warmup_cosine(0.5, 3, 9).expect("a schedule");
        (0..5).for_each(|_| drop(first.step()));
        let mut second = warmup_cosine(0.5, 3, 9).expect("a schedule").load_record(first.to_record());
        assert_eq!(second.step().base(), whole[5]);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (peak, warmup, named) in
            [(0.0, 0, "learning rate"), (f64::INFINITY, 0, "learning rate"), (0.1, 5, "warm-up steps")]
        {
            let error = warmup_cosine(peak, warmup, 5).err().expect("an error").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
