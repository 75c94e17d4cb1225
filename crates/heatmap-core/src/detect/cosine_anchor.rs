//! [`CosineAnchor`]: how far a feature vector points away from an anchor, the comparison of the report.

use super::Score;
use crate::{Error, Result};

/// One minus the cosine similarity to an anchor.
#[derive(Debug, Clone)]
pub struct CosineAnchor {
    /// Of length 1.
    anchor: Vec<f64>,
}

impl CosineAnchor {
    /// To this anchor, of any length.
    ///
    /// # Errors
    /// When the anchor is zero or not finite: it points nowhere.
    pub fn new(anchor: &[f64]) -> Result<Self> {
        let length = anchor.iter().map(|v| v * v).sum::<f64>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            return Err(Error::Data(format!("an anchor of length {length} points nowhere")));
        }
        Ok(Self { anchor: anchor.iter().map(|v| v / length).collect() })
    }
}

impl Score<[f64]> for CosineAnchor {
    fn name(&self) -> &'static str {
        "cosine_anchor"
    }

    /// From 0, the direction of the anchor, to 2; 1 for a vector of zeros.
    fn score(&self, features: &[f64]) -> Result<f64> {
        check_length(self.anchor.len(), features)?;
        let length = features.iter().map(|v| v * v).sum::<f64>().sqrt();
        let along: f64 = features.iter().zip(&self.anchor).map(|(v, a)| v * a).sum();
        Ok(if length > 0.0 { 1.0 - along / length } else { 1.0 })
    }
}

/// Checks that a feature vector is as long as those that something was fitted to, and finite.
pub(super) fn check_length(expected: usize, features: &[f64]) -> Result<()> {
    if features.len() != expected {
        return Err(Error::Data(format!("{} features where {expected} are expected", features.len())));
    }
    match features.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::Data(format!("feature {at} is {}", features[at]))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_direction_counts() {
        let score = CosineAnchor::new(&[3.0, 4.0]).unwrap();
        for (features, expected) in
            [([6.0, 8.0], 0.0), ([-3.0, -4.0], 2.0), ([4.0, -3.0], 1.0), ([0.0, 0.0], 1.0), ([0.0, 2.0], 0.2)]
        {
            assert!((score.score(&features).unwrap() - expected).abs() < 1e-15, "{features:?}");
        }
    }

    #[test]
    fn what_points_nowhere_or_does_not_fit_is_refused() {
        assert!(CosineAnchor::new(&[0.0, 0.0]).is_err() && CosineAnchor::new(&[f64::NAN]).is_err());
        let score = CosineAnchor::new(&[1.0, 0.0]).unwrap();
        assert!(score.score(&[1.0]).is_err() && score.score(&[1.0, f64::INFINITY]).is_err());
    }
}
