//! [`Mahalanobis`]: the distance to the mean of the fitted banners, relative to their covariance.
//!
//! The covariance is shrunk towards a multiple of the identity by the share that Ledoit and Wolf
//! derive (A well-conditioned estimator for large-dimensional covariance matrices, 2004), as
//! scikit-learn's `LedoitWolf` does; so it can be inverted with fewer banners than features.

use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, MatRef, Par, Side};

use super::Score;
use super::feature_vector::{centred, check_length, largest, length, safe_unit};
use crate::analysis::check_features;
use crate::{Error, Result};

/// Settings of [`Mahalanobis`].
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MahalanobisConfig {
    /// Weight of the identity in the covariance, 0 to 1. `None` is that of Ledoit and Wolf, but at
    /// least 1e-8: theirs is 0 for two kinds of banners with as many of each, although their
    /// covariance cannot be inverted.
    pub shrinkage: Option<f64>,
}

/// A fitted mean and covariance; as a score, the Mahalanobis distance to them.
#[derive(Debug, Clone)]
pub struct Mahalanobis {
    mean: Vec<f64>,
    /// What features are divided by: the covariance is that of rows scaled so that their largest
    /// deviation from the mean is 1.
    unit: f64,
    /// Lower triangular Cholesky factor L of the covariance L L'.
    factor: Mat<f64>,
    shrinkage: f64,
}

/// Far below what Ledoit and Wolf give for any number of banners that fits into memory, and far
/// above rounding errors.
const MIN_SHRINKAGE: f64 = 1e-8;

impl MahalanobisConfig {
    /// Fits to `rows`, `[samples, features]`. Time grows with the cube of the number of features
    /// and memory with its square: reduce tens of thousands of features by PCA first. If all rows
    /// are alike, the distance is Euclidean.
    ///
    /// # Errors
    /// When there are fewer than two rows, values are not finite, the shrinkage is outside 0 to 1,
    /// or it leaves the covariance singular.
    pub fn fit(&self, rows: MatRef<'_, f64>) -> Result<Mahalanobis> {
        let (samples, features) = (rows.nrows(), rows.ncols());
        if samples < 2 || features == 0 {
            return Err(Error::Data(format!(
                "a covariance needs two samples and a feature, got {samples} x {features}"
            )));
        }
        check_features(rows)?;
        let n = samples as f64;
        let most = rows.col_iter().fold(0.0_f64, |most, column| most.max(largest(column.iter())));
        // Divided before they are summed, because the sum of huge values may overflow.
        let safe = safe_unit(most);
        let mean: Vec<f64> = rows
            .col_iter()
            .map(|column| column.iter().map(|v| v / safe).sum::<f64>() / n)
            .collect();
        let mut off = Mat::from_fn(samples, features, |i, j| rows[(i, j)] / safe - mean[j]);
        let farthest =
            off.col_iter().fold(0.0_f64, |most, column| most.max(largest(column.iter())));
        // Rows that are all alike still differ from their mean by rounding errors.
        let alike = farthest <= 4.0 * n * f64::EPSILON * (most / safe);
        let divisor = if alike { f64::INFINITY } else { farthest };
        off.col_iter_mut().for_each(|column| column.iter_mut().for_each(|v| *v /= divisor));
        let unit = if alike { 1.0 } else { (farthest * safe).min(f64::MAX) };
        let mean = mean.into_iter().map(|mean| mean * safe).collect();
        let mut covariance = (off.transpose() * &off) * faer::Scale(1.0 / n);
        let trace: f64 = (0..features).map(|j| covariance[(j, j)]).sum();
        let mean_variance = if alike { 1.0 } else { trace / features as f64 };
        let shrinkage = match self.shrinkage {
            Some(share) if (0.0..=1.0).contains(&share) => share,
            Some(share) => return Err(Error::config("shrinkage", share, "must be from 0 to 1")),
            None => {
                ledoit_wolf(off.as_ref(), covariance.as_ref(), mean_variance).max(MIN_SHRINKAGE)
            }
        };
        for j in 0..features {
            for i in 0..features {
                covariance[(i, j)] *= 1.0 - shrinkage;
            }
            covariance[(j, j)] += shrinkage * mean_variance;
        }
        let factor = covariance
            .llt(Side::Lower)
            .ok()
            .filter(|_| shrinkage >= MIN_SHRINKAGE || is_regular(&covariance));
        let factor = factor.map(|llt| llt.L().to_owned()).ok_or_else(|| {
            Error::Data(format!(
                "the covariance of {samples} samples with {features} features is \
                                 singular: shrink it"
            ))
        })?;
        Ok(Mahalanobis { mean, unit, factor, shrinkage })
    }
}

/// Whether the smallest eigenvalue is above rounding errors. The Cholesky factor cannot tell,
/// because its last pivots may be large by rounding alone.
fn is_regular(covariance: &Mat<f64>) -> bool {
    // Eigenvalues are in ascending order.
    let values = covariance.self_adjoint_eigenvalues(Side::Lower).unwrap_or_default();
    let size = values.len();
    size > 0 && values[0] > size as f64 * f64::EPSILON * values[size - 1]
}

/// The weight of the identity with the least expected squared error, from 0 to 1.
fn ledoit_wolf(off: MatRef<'_, f64>, covariance: MatRef<'_, f64>, mean_variance: f64) -> f64 {
    let (n, features) = (off.nrows() as f64, covariance.ncols());
    let squares = |m: MatRef<'_, f64>| {
        (0..m.ncols()).flat_map(|j| m.col(j).iter()).map(|v| v * v).sum::<f64>()
    };
    // The norms are not divided by the number of features, which cancels.
    let distance = squares(covariance) - features as f64 * mean_variance * mean_variance;
    let norms = (0..off.nrows()).map(|i| off.row(i).iter().map(|v| v * v).sum::<f64>().powi(2));
    let noise = (norms.sum::<f64>() / n - squares(covariance)) / n;
    if distance <= 0.0 { 1.0 } else { (noise / distance).clamp(0.0, 1.0) }
}

impl Mahalanobis {
    /// Returns the weight of the identity in the covariance.
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }
}

impl Score<[f64]> for Mahalanobis {
    fn name(&self) -> &'static str {
        "mahalanobis"
    }

    /// Returns the distance (not its square); at most the largest f64.
    fn score(&self, features: &[f64]) -> Result<f64> {
        check_length(self.mean.len(), features)?;
        let (off, unit) = centred(features, &self.mean);
        // Solving only L z = off is enough: the squared distance is off' (L L')^-1 off = z' z.
        let mut z = Mat::from_fn(off.len(), 1, |i, _| off[i]);
        solve_lower_triangular_in_place(self.factor.as_ref(), z.as_mut(), Par::Seq);
        let z: Vec<f64> = z.col(0).iter().copied().collect();
        let distance = length(&z);
        // The quotient may overflow to infinity, and 0 times infinity would be NaN.
        Ok(if distance > 0.0 { (distance * (unit / self.unit)).min(f64::MAX) } else { 0.0 })
    }
}
