//! Helpers of the scores of feature vectors: checks, and arithmetic on vectors whose squares would
//! overflow or underflow f64.

use faer::MatRef;

use crate::analysis::check_features;
use crate::{Error, Result};

/// Checks that a feature vector is finite and has the expected number of features.
pub(super) fn check_length(expected: usize, features: &[f64]) -> Result<()> {
    if features.len() != expected {
        return Err(Error::Data(format!(
            "{} features where {expected} are expected",
            features.len()
        )));
    }
    match features.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::Data(format!("feature {at} is {}", features[at]))),
        None => Ok(()),
    }
}

/// The rows of a table as vectors, after [`check_features`].
pub(super) fn checked_rows(rows: MatRef<'_, f64>) -> Result<Vec<Vec<f64>>> {
    check_features(rows)?;
    Ok(rows.row_iter().map(|row| row.iter().copied().collect()).collect())
}

/// The largest absolute value; 0 for no values.
pub(super) fn largest<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().fold(0.0, |most, v| most.max(v.abs()))
}

/// Euclidean norm, also where the squares overflow or underflow; capped at the largest f64.
pub(super) fn length(values: &[f64]) -> f64 {
    /// A sum of squares below this may have lost bits.
    const LEAST: f64 = 1e-280;
    let squared: f64 = values.iter().map(|v| v * v).sum();
    if squared.is_finite() && squared > LEAST {
        return squared.sqrt();
    }
    let unit = largest(values);
    if unit == 0.0 || !unit.is_finite() {
        return unit.min(f64::MAX);
    }
    (unit * values.iter().map(|v| (v / unit).powi(2)).sum::<f64>().sqrt()).min(f64::MAX)
}

/// The unit by which to divide values of up to `most`, so that sums of their squared differences
/// cannot overflow: 1 unless the values are huge.
pub(super) fn safe_unit(most: f64) -> f64 {
    if most > 1e100 { most } else { 1.0 }
}

/// `features` - `mean`, divided by the second result, a [`safe_unit`].
pub(super) fn centred(features: &[f64], mean: &[f64]) -> (Vec<f64>, f64) {
    let unit = safe_unit(largest(features).max(largest(mean)));
    (features.iter().zip(mean).map(|(v, mean)| v / unit - mean / unit).collect(), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_hold_where_squares_do_not() {
        for unit in [1e-320, 1e-200, 1.0, 1e200, 1e307] {
            let found = length(&[3.0 * unit, -4.0 * unit]);
            // 1e-320 has three digits.
            assert!(
                (found / unit - 5.0).abs() < if unit < 1e-310 { 5e-3 } else { 1e-15 },
                "{unit}: {found}"
            );
        }
        assert_eq!(
            (length(&[]), length(&[0.0, -0.0]), length(&[f64::MAX; 2])),
            (0.0, 0.0, f64::MAX)
        );
    }

    #[test]
    fn differences_are_plain_unless_they_would_overflow() {
        assert_eq!(centred(&[3.0, 1e99], &[0.5, -1.0]), (vec![2.5, 1e99 + 1.0], 1.0));
        assert_eq!(centred(&[f64::MAX, 0.0], &[f64::MIN, 0.0]), (vec![2.0, 0.0], f64::MAX));
    }

    #[test]
    fn tables_are_checked() {
        let message = |rows: faer::Mat<f64>| checked_rows(rows.as_ref()).unwrap_err().to_string();
        assert!(message(faer::Mat::zeros(0, 3)).contains("got 0 x 3"));
        assert!(message(faer::Mat::zeros(3, 0)).contains("got 3 x 0"));
        assert!(
            message(faer::mat![[0.0, 1.0], [2.0, f64::NAN]])
                .contains("feature 1 of sample 1 is NaN")
        );
        assert_eq!(
            checked_rows(faer::mat![[0.0, 1.0], [2.0, 3.0]].as_ref()).unwrap(),
            [[0.0, 1.0], [2.0, 3.0]]
        );
    }
}
