//! [`Mahalanobis`]: the distance to the mean in units of how banners usually differ.
//!
//! The covariance is shrunk towards a multiple of the identity by the share that Ledoit and Wolf derive (A well-conditioned estimator for
//! large-dimensional covariance matrices, 2004), as scikit-learn's `LedoitWolf` does; so it can be inverted with fewer banners than features.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Side};

use super::Score;
use super::cosine_anchor::check_length;
use crate::{Error, Result};

/// Settings.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MahalanobisConfig {
    /// Share of the identity in the covariance, 0 to 1; `None` for that of Ledoit and Wolf.
    pub shrinkage: Option<f64>,
}

/// The fitted mean and covariance.
#[derive(Debug, Clone)]
pub struct Mahalanobis {
    mean: Vec<f64>,
    factor: Llt<f64>,
    shrinkage: f64,
}

impl MahalanobisConfig {
    /// Fits to rows of features.
    ///
    /// # Errors
    /// With fewer than two rows, values that are not finite, a shrinkage outside 0 to 1, or one that leaves the covariance singular.
    pub fn fit(&self, rows: MatRef<'_, f64>) -> Result<Mahalanobis> {
        let (samples, features) = (rows.nrows(), rows.ncols());
        if samples < 2 || features == 0 {
            return Err(Error::Data(format!(
                "a covariance needs two samples and a feature, got {samples} x {features}"
            )));
        }
        for row in 0..samples {
            check_length(features, &rows.row(row).iter().copied().collect::<Vec<_>>())?;
        }
        let n = samples as f64;
        let mean: Vec<f64> = (0..features).map(|j| rows.col(j).iter().sum::<f64>() / n).collect();
        let centred = Mat::from_fn(samples, features, |i, j| rows[(i, j)] - mean[j]);
        let mut covariance = (centred.transpose() * &centred) * faer::Scale(1.0 / n);
        let trace: f64 = (0..features).map(|j| covariance[(j, j)]).sum();
        // Mean variance; banners that are all alike get any.
        let scale = if trace > 0.0 { trace / features as f64 } else { 1.0 };
        let shrinkage = match self.shrinkage {
            Some(share) if (0.0..=1.0).contains(&share) => share,
            Some(share) => return Err(Error::config("shrinkage", share, "must be from 0 to 1")),
            None => ledoit_wolf(centred.as_ref(), covariance.as_ref(), scale),
        };
        for j in 0..features {
            for i in 0..features {
                covariance[(i, j)] *= 1.0 - shrinkage;
            }
            covariance[(j, j)] += shrinkage * scale;
        }
        let factor = covariance.llt(Side::Lower).map_err(|_| {
            Error::Data(format!("the covariance of {samples} samples with {features} features is singular: shrink it"))
        })?;
        Ok(Mahalanobis { mean, factor, shrinkage })
    }
}

/// The share of the identity with the least expected squared error, from 0 to 1.
fn ledoit_wolf(centred: MatRef<'_, f64>, covariance: MatRef<'_, f64>, scale: f64) -> f64 {
    let (n, features) = (centred.nrows() as f64, covariance.ncols());
    let squares = |m: MatRef<'_, f64>| (0..m.ncols()).flat_map(|j| m.col(j).iter()).map(|v| v * v).sum::<f64>();
    // All norms without the number of features, which cancels.
    let distance = squares(covariance) - features as f64 * scale * scale;
    let norms = (0..centred.nrows()).map(|i| centred.row(i).iter().map(|v| v * v).sum::<f64>().powi(2));
    let noise = (norms.sum::<f64>() / n - squares(covariance)) / n;
    if distance <= 0.0 { 1.0 } else { (noise / distance).clamp(0.0, 1.0) }
}

impl Mahalanobis {
    /// Share of the identity in the covariance.
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }
}

impl Score<[f64]> for Mahalanobis {
    fn name(&self) -> &'static str {
        "mahalanobis"
    }

    /// The distance, not squared.
    fn score(&self, features: &[f64]) -> Result<f64> {
        check_length(self.mean.len(), features)?;
        let off = Mat::from_fn(features.len(), 1, |i, _| features[i] - self.mean[i]);
        let solved = self.factor.solve(&off);
        let squared: f64 = off.col(0).iter().zip(solved.col(0).iter()).map(|(a, b)| a * b).sum();
        Ok(squared.max(0.0).sqrt())
    }
}
