//! Learning-rate schedules: a linear warm-up followed by a cosine decay.

use burn::optim::LearningRate;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::optim::lr_scheduler::{LrScheduler, LrSchedulerRecord};

use crate::{Error, Result};

/// Creates a schedule that rises linearly to `peak` over `warmup_steps` steps and then falls along
/// a half cosine that reaches zero one step after the last of `steps` (Loshchilov and Hutter 2017,
/// with the warm-up of Goyal et al. 2017; with a long warm-up, the one-cycle schedule of Smith and
/// Topin 2018). The warm-up line starts from zero one step before the first.
///
/// Burn's own schedules do not allow learning rates above 1, which LARS needs.
///
/// # Errors
/// Returns an error when `peak` is not a positive number, or when the warm-up leaves no step.
pub fn warmup_cosine(peak: f64, warmup_steps: usize, steps: usize) -> Result<ModuleLrScheduler> {
    warmup_cosines(peak, warmup_steps, &[steps])
}

/// Creates a schedule for a run that was extended beyond its planned end: up to the first of `ends`
/// it equals [`warmup_cosine`]; it then restarts at `peak`, falls to zero at the next end, and so
/// on (warm restarts, Loshchilov and Hutter 2017).
///
/// # Errors
/// Returns an error when `peak` is not a positive number, when the warm-up leaves no step, or when
/// the ends do not ascend.
pub fn warmup_cosines(peak: f64, warmup_steps: usize, ends: &[usize]) -> Result<ModuleLrScheduler> {
    if !(peak > 0.0 && peak.is_finite()) {
        return Err(Error::config("learning_rate", peak, "must be above 0"));
    }
    let first = ends.first().copied().unwrap_or(0);
    if warmup_steps >= first {
        let reason = format!("leaves none of {first} steps for the cosine");
        return Err(Error::config("warmup_batches", warmup_steps, reason));
    }
    if !ends.is_sorted_by(|a, b| a < b) {
        return Err(Error::config(
            "steps",
            format!("{ends:?}"),
            "a schedule must end behind the one before it",
        ));
    }
    Ok(WarmupCosines { peak, warmup_steps, ends: ends.to_vec(), done: 0 }.into())
}

#[derive(Debug, Clone)]
struct WarmupCosines {
    peak: f64,
    warmup_steps: usize,
    ends: Vec<usize>,
    /// Number of steps whose learning rate has been given out.
    done: usize,
}

impl LrScheduler for WarmupCosines {
    fn step(&mut self) -> LearningRate {
        let step = self.done;
        self.done += 1;
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / (self.warmup_steps + 1) as f64;
        }
        let schedule = self.ends.partition_point(|&end| end <= step).min(self.ends.len() - 1);
        let start = if schedule == 0 { self.warmup_steps } else { self.ends[schedule - 1] };
        let share = (step - start) as f64 / (self.ends[schedule] - start) as f64;
        // Beyond the last end the learning rate stays at zero.
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
        let mut second =
            warmup_cosine(0.5, 3, 9).expect("a schedule").load_record(first.to_record());
        assert_eq!(second.step().base(), whole[5]);
    }

    #[test]
    fn a_run_that_goes_on_begins_at_the_peak_again() {
        let mut schedule = warmup_cosines(1.0, 2, &[6, 10]).expect("a schedule");
        let all: Vec<f64> = (0..12).map(|_| schedule.step().base()).collect();
        assert_eq!(all[..6], rates(1.0, 2, 6));
        assert_eq!(all[6..10], rates(1.0, 0, 4));
        assert_eq!(all[10..], [0.0, 0.0]);
        assert!(warmup_cosines(1.0, 2, &[6, 6]).is_err());
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (peak, warmup, named) in [
            (0.0, 0, "learning_rate"),
            (f64::INFINITY, 0, "learning_rate"),
            (0.1, 5, "warmup_batches"),
        ] {
            let error = warmup_cosine(peak, warmup, 5).err().expect("an error").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
