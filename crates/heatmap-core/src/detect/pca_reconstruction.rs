//! [`PcaReconstruction`]: what is left of a feature vector when the directions are taken out in which banners usually differ.

use faer::MatRef;

use super::Score;
use super::cosine_anchor::check_length;
use crate::Result;
use crate::analysis::Pca;

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PcaReconstructionConfig {
    /// Directions that are taken out, at most.
    pub components: usize,
}

/// Distance to the plane of the largest variance.
#[derive(Debug, Clone)]
pub struct PcaReconstruction {
    pca: Pca,
}

impl PcaReconstructionConfig {
    /// Fits to rows of features.
    ///
    /// # Errors
    /// When the rows span fewer directions than that, or values are not finite.
    pub fn fit(&self, rows: MatRef<'_, f64>) -> Result<PcaReconstruction> {
        Ok(PcaReconstruction { pca: Pca::fit(rows, self.components)? })
    }
}

impl Score<[f64]> for PcaReconstruction {
    fn name(&self) -> &'static str {
        "pca_reconstruction"
    }

    fn score(&self, features: &[f64]) -> Result<f64> {
        check_length(self.pca.components().nrows(), features)?;
        let row = MatRef::from_row_major_slice(features, 1, features.len());
        let centred: f64 = features.iter().zip(self.pca.mean()).map(|(v, mean)| (v - mean).powi(2)).sum();
        // Pythagoras: the directions are orthonormal.
        let explained: f64 = self.pca.transform(row)?.row(0).iter().map(|c| c * c).sum();
        Ok((centred - explained).max(0.0).sqrt())
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
            assert!((score.score(&[40.0, -7.0, z]).unwrap() - expected).abs() < 1e-6);
        }
        assert!(PcaReconstructionConfig { components: 3 }.fit(rows.as_ref()).is_err());
        assert!(score.score(&[1.0]).is_err());
    }
}
