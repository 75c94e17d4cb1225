//! [`Gain`]: whether scores that were learned from labels rank banners better than those that were
//! not.

use crate::Result;
use crate::detect::evaluation::auroc;

/// The change in AUROC from learning, on labelled banners that were scored without their own label.
pub(super) struct Gain {
    /// AUROC of the scores that were learned from labels.
    pub(super) with: f64,
    /// AUROC of the scores without labels.
    pub(super) without: f64,
    /// Standard error of the difference of the two.
    error: f64,
}

impl Gain {
    /// The standard error is computed for at most this many labelled banners; beyond, it is far
    /// below any difference that matters and taken for 0.
    const MAX_JACKKNIFED: usize = 400;

    /// Compares the scores `with` and `without` learning on the banners that have a label.
    ///
    /// # Errors
    /// When no banner is labelled broken, or none good.
    pub(super) fn of(with: &[f64], without: &[f64], labels: &[Option<bool>]) -> Result<Self> {
        let labelled: Vec<usize> = (0..labels.len()).filter(|&at| labels[at].is_some()).collect();
        let difference = |left_out: Option<usize>| {
            let kept = || labelled.iter().copied().filter(|&at| Some(at) != left_out);
            let truth: Vec<bool> = kept().filter_map(|at| labels[at]).collect();
            let of =
                |scores: &[f64]| auroc(&kept().map(|at| scores[at]).collect::<Vec<_>>(), &truth);
            Ok((of(with)?, of(without)?))
        };
        let (with, without) = difference(None)?;
        let mut error = 0.0;
        if labelled.len() <= Self::MAX_JACKKNIFED {
            // Tukey's jackknife: leave out one labelled banner at a time.
            let all: Vec<f64> = labelled
                .iter()
                .map(|&at| difference(Some(at)).map(|(a, b)| a - b))
                .collect::<Result<_>>()?;
            let count = all.len() as f64;
            let mean = all.iter().sum::<f64>() / count;
            error = ((count - 1.0) / count * all.iter().map(|d| (d - mean).powi(2)).sum::<f64>())
                .sqrt();
        }
        Ok(Self { with, without, error })
    }

    /// Whether learning ranks better by more than the standard error, so that it should be used.
    pub(super) fn is_clear(&self) -> bool {
        self.with - self.without > self.error
    }
}
