//! [`PcaReconstruction`]: the PCA reconstruction error of a feature vector, which is what remains
//! without the directions in which banners usually differ.

use faer::{ColRef, MatRef};

use super::Score;
use super::feature_vector::{centred, check_length, length};
use crate::Result;
use crate::analysis::Pca;

/// Settings of [`PcaReconstruction`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PcaReconstructionConfig {
    /// Number of principal components that are removed.
    pub components: usize,
}

impl Default for PcaReconstructionConfig {
    fn default() -> Self {
        Self { components: 8 }
    }
}

/// A fitted PCA; as a score, the distance to the plane of its components.
#[derive(Debug, Clone)]
pub struct PcaReconstruction {
    pca: Pca,
}

impl PcaReconstructionConfig {
    /// Fits the components to `rows`, `[samples, features]`.
    ///
    /// # Errors
    /// When the rows span fewer directions than `components`, as rows that are all alike do, or
    /// values are not finite.
    pub fn fit(&self, rows: MatRef<'_, f64>) -> Result<PcaReconstruction> {
        Ok(PcaReconstruction { pca: Pca::fit(rows, self.components)? })
    }
}

impl Score<[f64]> for PcaReconstruction {
    fn name(&self) -> &'static str {
        "pca_reconstruction"
    }

    /// Returns the distance in units of the features; at most the largest f64.
    fn score(&self, features: &[f64]) -> Result<f64> {
        let directions = self.pca.components();
        check_length(directions.nrows(), features)?;
        let (mut rest, unit) = centred(features, self.pca.mean());
        // The components are removed one by one: the difference of two squared norms would lose
        // half of the digits.
        for direction in directions.col_iter() {
            let along = direction.transpose() * ColRef::from_slice(&rest);
            rest.iter_mut().zip(direction.iter()).for_each(|(rest, d)| *rest -= along * d);
        }
        Ok((length(&rest) * unit).min(f64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    #[test]
    fn the_distance_to_a_known_plane_is_found() {
        // Points on the plane z = 2.
        let rows = Mat::from_fn(30, 3, |i, j| match j {
            0 => (i % 6) as f64,
            1 => (i / 6) as f64,
            _ => 2.0,
        });
        let score = PcaReconstructionConfig { components: 2 }.fit(rows.as_ref()).unwrap();
        for (z, expected) in [(2.0, 0.0), (5.0, 3.0), (-1.5, 3.5)] {
            assert!((score.score(&[40.0, -7.0, z]).unwrap() - expected).abs() < 1e-13);
        }
        assert!(PcaReconstructionConfig { components: 3 }.fit(rows.as_ref()).is_err());
        assert!(score.score(&[1.0]).is_err());
        // Far out, a small distance is not lost.
        let near = score.score(&[40.0, -7.0, 2.0 + 1e-9]).unwrap();
        assert!((near - 1e-9).abs() < 1e-13, "{near}");
    }

    #[test]
    fn whatever_is_far_scores_high() {
        let rows = Mat::from_fn(30, 3, |i, j| ((i * (j + 3) + i * i) % 11) as f64);
        let score = PcaReconstructionConfig { components: 2 }.fit(rows.as_ref()).unwrap();
        let of = |unit: f64| score.score(&[unit, -unit, unit]).unwrap();
        assert!(of(1e3) < of(1e160) && of(1e160) < of(1e300));
        assert!((of(1e160) / of(1e90) / 1e70 - 1.0).abs() < 1e-12);
        assert!(of(f64::MAX).is_finite() && of(f64::MAX) > of(1e300));
        let alike = PcaReconstructionConfig { components: 1 }.fit(Mat::zeros(9, 2).as_ref());
        assert!(alike.unwrap_err().to_string().contains("span 0"));
    }
}
