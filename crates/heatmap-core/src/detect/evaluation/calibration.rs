//! Calibration: whether predicted probabilities agree with observed frequencies.

use super::check;
use crate::{Error, Result};

/// Returns the Brier score, the mean squared difference between the probability of being broken and
/// the truth (0 or 1); 0 is best.
///
/// # Errors
/// When lengths differ, when only one kind of banner is there, or when a value is not a
/// probability.
pub fn brier_score(probabilities: &[f64], broken: &[bool]) -> Result<f64> {
    check_probabilities(probabilities, broken)?;
    let squared =
        probabilities.iter().zip(broken).map(|(p, &b)| (p - f64::from(u8::from(b))).powi(2));
    Ok(squared.sum::<f64>() / broken.len() as f64)
}

/// Returns the expected calibration error: the mean absolute difference between the predicted
/// probability and the observed share of broken banners, over `bins` bins of equal width that are
/// weighted by their number of banners (Guo et al. 2017).
///
/// # Errors
/// When [`brier_score`] would fail, or `bins` is 0.
pub fn expected_calibration_error(
    probabilities: &[f64],
    broken: &[bool],
    bins: usize,
) -> Result<f64> {
    check_probabilities(probabilities, broken)?;
    if bins == 0 {
        return Err(Error::config("bins", 0, "must be positive"));
    }
    let mut sums = vec![(0.0, 0.0); bins];
    for (&p, &b) in probabilities.iter().zip(broken) {
        let (stated, found) = &mut sums[((p * bins as f64) as usize).min(bins - 1)];
        *stated += p;
        *found += f64::from(u8::from(b));
    }
    Ok(sums.iter().map(|(stated, found)| (stated - found).abs()).sum::<f64>() / broken.len() as f64)
}

fn check_probabilities(probabilities: &[f64], broken: &[bool]) -> Result<()> {
    check(probabilities, broken)?;
    match probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        Some(at) => {
            Err(Error::Data(format!("value {at} is {}, not a probability", probabilities[at])))
        }
        None => Ok(()),
    }
}
