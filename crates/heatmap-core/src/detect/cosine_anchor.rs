//! [`CosineAnchor`]: the cosine distance of a feature vector to an anchor, the comparison that the
//! research report behind this library makes.

use super::Score;
use super::feature_vector::check_length;
use crate::analysis::to_unit_length;
use crate::{Error, Result};

/// One minus the cosine similarity of a feature vector to an anchor.
#[derive(Debug, Clone)]
pub struct CosineAnchor {
    /// The anchor scaled to unit length.
    anchor: Vec<f64>,
}

impl CosineAnchor {
    /// Compares with `anchor`, a feature vector of any number of features.
    ///
    /// # Errors
    /// When the anchor is zero or not finite, so that it has no direction.
    pub fn new(anchor: &[f64]) -> Result<Self> {
        check_length(anchor.len(), anchor)?;
        let anchor = direction(anchor)
            .ok_or_else(|| Error::Data("an anchor of length 0 points nowhere".to_owned()))?;
        Ok(Self { anchor })
    }
}

impl Score<[f64]> for CosineAnchor {
    fn name(&self) -> &'static str {
        "cosine_anchor"
    }

    /// Returns the cosine distance: 0 in the direction of the anchor, 2 opposite to it, and 1 for a
    /// vector of zeros.
    fn score(&self, features: &[f64]) -> Result<f64> {
        check_length(self.anchor.len(), features)?;
        let Some(direction) = direction(features) else { return Ok(1.0) };
        let cosine: f64 = direction.iter().zip(&self.anchor).map(|(v, a)| v * a).sum();
        // Rounding can give a cosine slightly beyond 1 or below -1.
        Ok((1.0 - cosine).clamp(0.0, 2.0))
    }
}

/// The vector scaled to unit length; `None` for a vector of zeros.
fn direction(features: &[f64]) -> Option<Vec<f64>> {
    let mut unit = features.to_vec();
    to_unit_length(&mut unit).then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_direction_counts() {
        let score = CosineAnchor::new(&[3.0, 4.0]).unwrap();
        for (features, expected) in [
            ([6.0, 8.0], 0.0),
            ([-3.0, -4.0], 2.0),
            ([4.0, -3.0], 1.0),
            ([0.0, 0.0], 1.0),
            ([0.0, 2.0], 0.2),
        ] {
            assert!((score.score(&features).unwrap() - expected).abs() < 1e-15, "{features:?}");
        }
    }

    #[test]
    fn lengths_that_f64_cannot_square_make_no_difference() {
        for unit in [1e-320, 1e-200, 1e200, f64::MAX / 8.0] {
            let score = CosineAnchor::new(&[3.0 * unit, 4.0 * unit]).unwrap();
            for (features, expected) in [([6.0, 8.0], 0.0), ([-3.0, -4.0], 2.0), ([4.0, -3.0], 1.0)]
            {
                let found = score.score(&features.map(|v| v * unit)).unwrap();
                // 1e-320 has three digits.
                assert!(
                    (found - expected).abs() < if unit < 1e-310 { 2e-3 } else { 1e-15 },
                    "{unit}: {found}"
                );
                assert!((0.0..=2.0).contains(&found));
            }
        }
    }

    #[test]
    fn what_points_nowhere_or_does_not_fit_is_refused() {
        assert!(CosineAnchor::new(&[0.0, 0.0]).is_err() && CosineAnchor::new(&[f64::NAN]).is_err());
        let score = CosineAnchor::new(&[1.0, 0.0]).unwrap();
        assert!(score.score(&[1.0]).is_err() && score.score(&[1.0, f64::INFINITY]).is_err());
    }
}
