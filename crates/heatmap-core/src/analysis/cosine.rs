//! Cosine similarity of feature vectors.
//!
//! A row of zeros has no direction; its similarity to anything, itself included, is 0, and so no
//! result is ever NaN.

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};
use rayon::prelude::*;

use super::check_features;
use crate::{Error, Result};

/// Number of columns of the result that are computed at a time.
const COLUMNS: usize = 256;

/// Returns the cosine similarity, from -1 to 1, of every row of `a`, [n, features], to every row of
/// `b`, [m, features], as a matrix [n, m].
///
/// # Errors
/// Returns an error when the tables have different numbers of features, none, no rows, or values
/// that are not finite.
pub fn cosine_similarity(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Mat<f64>> {
    check_features(a)?;
    check_features(b)?;
    if a.ncols() != b.ncols() {
        return Err(Error::Data(format!(
            "cosine similarity of {} and {} features",
            a.ncols(),
            b.ncols()
        )));
    }
    let (a, b) = (unit_rows(a), unit_rows(b));
    let mut result = Mat::zeros(a.ncols(), b.ncols());
    let (mut rest, mut parts) = (result.as_mut(), Vec::new());
    for first in (0..b.ncols()).step_by(COLUMNS) {
        let (part, right) = rest.split_at_col_mut(COLUMNS.min(b.ncols() - first));
        parts.push((part, b.subcols(first, COLUMNS.min(b.ncols() - first))));
        rest = right;
    }
    parts.into_par_iter().for_each(|(mut part, b)| {
        matmul(part.as_mut(), Accum::Replace, a.transpose(), b, 1.0, Par::Seq);
        for column in part.col_iter_mut() {
            // Rounding may make equal rows a little more similar than 1.
            column.iter_mut().for_each(|v| *v = v.clamp(-1.0, 1.0));
        }
    });
    Ok(result)
}

/// Returns the cosine similarity, from -1 to 1, of every row of `rows`, [n, features], to `vector`.
///
/// # Errors
/// Returns an error in the same cases as [`cosine_similarity`].
pub fn cosine_similarity_to(rows: MatRef<'_, f64>, vector: &[f64]) -> Result<Vec<f64>> {
    let similarity =
        cosine_similarity(rows, MatRef::from_row_major_slice(vector, 1, vector.len()))?;
    Ok(similarity.col(0).iter().copied().collect())
}

/// Returns the rows, scaled to length 1, as columns: [features, n].
fn unit_rows(rows: MatRef<'_, f64>) -> Mat<f64> {
    let mut unit = rows.transpose().to_owned();
    for row in unit.col_iter_mut() {
        to_unit_length(row.try_as_col_major_mut().expect("it is").as_slice_mut());
    }
    unit
}

/// Scales a vector to length 1 and returns whether it has a direction; a vector of zeros has none
/// and stays as it is.
pub(crate) fn to_unit_length(vector: &mut [f64]) -> bool {
    // Divided by the largest value first: the squares of very large or small values are infinite
    // or 0.
    let largest = vector.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
    if largest > 0.0 {
        vector.iter_mut().for_each(|v| *v /= largest);
        let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|v| *v /= length);
    }
    largest > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::{fixture, matrix};

    #[test]
    fn it_agrees_with_scikit_learn() {
        let case = fixture("cosine");
        let [a, b, want] = ["a", "b", "similarity"].map(|name| matrix(&case[name]));
        let ours = cosine_similarity(a.as_ref(), b.as_ref()).unwrap();
        assert!((&ours - &want).norm_max() < 1e-14);
    }

    #[test]
    fn angles_are_known() {
        // The angle of (1, 0) and (1, 1) is 45 degrees; lengths do not matter.
        let a = Mat::from_fn(2, 2, |i, j| [[3.0, 0.0], [-2.0, -2.0]][i][j]);
        let b = Mat::from_fn(3, 2, |i, j| [[0.5, 0.5], [0.0, 7.0], [1e-3, 0.0]][i][j]);
        let half = 0.5_f64.sqrt();
        let want = [[half, 0.0, 1.0], [-1.0, -half, -half]];
        let similarity = cosine_similarity(a.as_ref(), b.as_ref()).unwrap();
        assert_eq!(similarity.shape(), (2, 3));
        for i in 0..2 {
            for j in 0..3 {
                assert!(
                    (similarity[(i, j)] - want[i][j]).abs() < 1e-15,
                    "{i}, {j}: {}",
                    similarity[(i, j)]
                );
            }
        }
        let to_one = cosine_similarity_to(b.as_ref(), &[3.0, 0.0]).unwrap();
        assert_eq!(to_one, (0..3).map(|j| similarity[(0, j)]).collect::<Vec<_>>());
    }

    #[test]
    fn many_rows_agree_with_a_naive_loop_in_any_layout() {
        let value = |i: usize, j: usize| ((i * 37 + j * 101 + i * j) % 89) as f64 - 44.0;
        let a = Mat::from_fn(20, 33, value);
        let b = Mat::from_fn(33, 700, |j, i| value(i + 5, j + 1));
        let similarity = cosine_similarity(a.as_ref(), b.transpose()).unwrap();
        for i in 0..20 {
            for k in 0..700 {
                let (mut dot, mut left, mut right) = (0.0, 0.0, 0.0);
                for j in 0..33 {
                    dot += a[(i, j)] * b[(j, k)];
                    left += a[(i, j)] * a[(i, j)];
                    right += b[(j, k)] * b[(j, k)];
                }
                assert!(
                    (similarity[(i, k)] - dot / (left * right).sqrt()).abs() < 1e-14,
                    "{i}, {k}"
                );
            }
        }
    }

    #[test]
    fn zeros_and_extremes_are_never_nan() {
        let rows = Mat::from_fn(4, 2, |i, _| [0.0, f64::MAX, 5e-324, -1e-200][i]);
        let similarity = cosine_similarity(rows.as_ref(), rows.as_ref()).unwrap();
        for i in 0..4 {
            for j in 0..4 {
                let want = [0.0, 1.0, 1.0, -1.0][i] * [0.0, 1.0, 1.0, -1.0][j];
                assert!(
                    (similarity[(i, j)] - want).abs() < 1e-15,
                    "{i}, {j}: {}",
                    similarity[(i, j)]
                );
                assert!(similarity[(i, j)].abs() <= 1.0);
            }
        }
    }

    #[test]
    fn wrong_input_is_an_error() {
        let rows = Mat::from_fn(2, 3, |i, j| (i + j) as f64);
        assert!(
            cosine_similarity_to(rows.as_ref(), &[1.0; 2])
                .unwrap_err()
                .to_string()
                .contains("3 and 2 features")
        );
        assert!(cosine_similarity_to(rows.as_ref(), &[]).is_err());
        assert!(cosine_similarity_to(rows.as_ref(), &[1.0, f64::NAN, 0.0]).is_err());
        assert!(cosine_similarity(Mat::zeros(0, 3).as_ref(), rows.as_ref()).is_err());
    }
}
