//! [`Gain`]: whether learning from labels ranks banners better.

use crate::Result;
use crate::detect::evaluation::auroc;

/// What learning from labels is worth, on the labelled banners, none of which was scored by its own
/// label.
pub(super) struct Gain {
    /// AUROC with what was learned.
    pub(super) with: f64,
    /// AUROC without.
    pub(super) without: f64,
    /// Standard error of the difference.
    error: f64,
}

impl Gain {
    /// Labelled banners whose difference is worth a standard error, at most; beyond, the error is
    /// far below any difference that matters.
    const MAX_JACKKNIFED: usize = 400;

    /// Of scores with and without learning, against labels of both kinds.
    ///
    /// # Errors
    /// When a kind is missing.
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
            // Tukey's jackknife.
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

    /// Whether learning is to be used: it ranks better by more than its standard error.
    pub(super) fn is_clear(&self) -> bool {
        self.with - self.without > self.error
    }
}
