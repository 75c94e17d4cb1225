//! Principal component analysis, exact, through whichever of the two Gram matrices is smaller.

use faer::{Mat, MatRef, Side};

use super::check_features;
use crate::{Error, Result};

/// A fitted projection to the directions of largest variance.
#[derive(Debug, Clone)]
pub struct Pca {
    mean: Vec<f64>,
    components: Mat<f64>,
    explained_variance: Vec<f64>,
    total_variance: f64,
}

impl Pca {
    /// Fits to the rows of `data`, [samples, features]; keeps `components` directions.
    ///
    /// The sign of a direction is chosen so that its largest entry is positive, hence the result is reproducible.
    ///
    /// # Errors
    /// With fewer than two samples, values that are not finite, or more directions than the data span.
    pub fn fit(data: MatRef<'_, f64>, components: usize) -> Result<Self> {
        check_features(data)?;
        let (samples, features) = (data.nrows(), data.ncols());
        if samples < 2 {
            return Err(Error::Data("PCA needs two samples".to_owned()));
        }
        let mean: Vec<f64> = (0..features).map(|j| data.col(j).iter().sum::<f64>() / samples as f64).collect();
        let centred = Mat::from_fn(samples, features, |i, j| data[(i, j)] - mean[j]);
        let by_samples = samples <= features;
        let gram = if by_samples { &centred * centred.transpose() } else { centred.transpose() * &centred };
        let total = (0..gram.nrows()).map(|i| gram[(i, i)]).sum::<f64>();
        let eigen = gram
            .self_adjoint_eigen(Side::Lower)
            .map_err(|error| Error::Data(format!("PCA: eigenvalues did not converge ({error:?})")))?;
        // In ascending order.
        let values = eigen.S().column_vector();
        let size = values.nrows();
        let largest = values[size - 1].max(0.0);
        let rank = (0..size).filter(|&i| values[i] > largest * size as f64 * f64::EPSILON).count();
        if components > rank || components == 0 {
            return Err(Error::Data(format!("PCA to {components} directions of data that span {rank}")));
        }
        let mut directions = Mat::zeros(features, components);
        for at in 0..components {
            let vector = eigen.U().col(size - 1 - at);
            let direction = if by_samples {
                let scale = values[size - 1 - at].sqrt();
                let unscaled = centred.transpose() * vector;
                Mat::from_fn(features, 1, |j, _| unscaled[j] / scale)
            } else {
                Mat::from_fn(features, 1, |j, _| vector[j])
            };
            let signed = (0..features).map(|j| direction[(j, 0)]);
            let largest = signed.fold(0.0_f64, |best, v| if v.abs() > best.abs() { v } else { best });
            for j in 0..features {
                directions[(j, at)] = direction[(j, 0)] * largest.signum();
            }
        }
        let unbiased = samples as f64 - 1.0;
        Ok(Self {
            mean,
            components: directions,
            explained_variance: (0..components).map(|at| values[size - 1 - at] / unbiased).collect(),
            total_variance: total / unbiased,
        })
    }

    /// Coordinates along the directions: [samples, features] to [samples, components].
    ///
    /// # Errors
    /// When `data` has another number of features than the fit had, or values that are not finite.
    pub fn transform(&self, data: MatRef<'_, f64>) -> Result<Mat<f64>> {
        check_features(data)?;
        if data.ncols() != self.mean.len() {
            return Err(Error::Data(format!("PCA of {} features got {}", self.mean.len(), data.ncols())));
        }
        let centred = Mat::from_fn(data.nrows(), data.ncols(), |i, j| data[(i, j)] - self.mean[j]);
        Ok(centred * &self.components)
    }

    /// Mean of each feature, which is taken off first.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The directions, [features, components], orthonormal.
    pub fn components(&self) -> MatRef<'_, f64> {
        self.components.as_ref()
    }

    /// Variance along each direction, with n - 1 in the denominator.
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }

    /// The same as shares of the variance of the data.
    pub fn explained_variance_ratio(&self) -> Vec<f64> {
        self.explained_variance.iter().map(|v| v / self.total_variance).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand_distr::{Distribution, StandardNormal};

    fn random(samples: usize, features: usize) -> Mat<f64> {
        let mut rng = sample_rng(1, samples as u64);
        Mat::from_fn(samples, features, |_, j| {
            let z: f64 = StandardNormal.sample(&mut rng);
            5.0 + z * (j + 1) as f64
        })
    }

    #[test]
    fn the_whitened_covariance_is_the_identity() {
        // More samples than features, and the other way round.
        for (samples, features) in [(200, 6), (12, 40)] {
            let data = random(samples, features);
            let pca = Pca::fit(data.as_ref(), 5).unwrap();
            let projected = pca.transform(data.as_ref()).unwrap();
            let covariance = projected.transpose() * &projected;
            for i in 0..5 {
                for j in 0..5 {
                    let scale = (pca.explained_variance()[i] * pca.explained_variance()[j]).sqrt();
                    let white = covariance[(i, j)] / (samples as f64 - 1.0) / scale;
                    assert!((white - f64::from(u8::from(i == j))).abs() < 1e-9, "{i}, {j}: {white}");
                }
            }
        }
    }

    #[test]
    fn directions_are_orthonormal_and_all_of_them_explain_everything() {
        let pca = Pca::fit(random(100, 4).as_ref(), 4).unwrap();
        let product = pca.components().transpose() * pca.components();
        for i in 0..4 {
            for j in 0..4 {
                assert!((product[(i, j)] - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
        assert!((pca.explained_variance_ratio().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_known_line_is_found() {
        // Points on (t, 2t): direction (1, 2) / sqrt(5), variance 5 var(t).
        let data = Mat::from_fn(5, 2, |i, j| i as f64 * (j + 1) as f64);
        let pca = Pca::fit(data.as_ref(), 1).unwrap();
        assert!((pca.components()[(1, 0)] - 2.0 / 5_f64.sqrt()).abs() < 1e-12);
        assert!((pca.explained_variance()[0] - 5.0 * 2.5).abs() < 1e-9);
    }

    #[test]
    fn impossible_requests_are_errors() {
        let flat = Mat::from_fn(5, 2, |i, j| i as f64 * (j + 1) as f64);
        assert!(Pca::fit(flat.as_ref(), 2).unwrap_err().to_string().contains("span 1"));
        assert!(Pca::fit(Mat::zeros(1, 2).as_ref(), 1).is_err());
        let broken = Mat::from_fn(3, 2, |i, j| if (i, j) == (2, 1) { f64::NAN } else { 0.0 });
        assert!(Pca::fit(broken.as_ref(), 1).unwrap_err().to_string().contains("feature 1 of sample 2"));
        let pca = Pca::fit(random(9, 3).as_ref(), 2).unwrap();
        assert!(pca.transform(random(9, 4).as_ref()).is_err());
    }
}
