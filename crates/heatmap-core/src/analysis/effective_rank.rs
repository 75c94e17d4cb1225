//! The effective number of directions that features use: RankMe (Garrido et al., ICML 2023,
//! equation 3), after Roy and Vetterli 2007.

use faer::{MatRef, Side};

use crate::{Error, Result};

/// Returns the effective rank of `features`: exp of the entropy of the singular values, each as its
/// share of their sum.
///
/// It goes from 1, all rows on one line, to the smaller of rows and columns, all directions equally
/// strong. As in RankMe the features are taken as they are, not centred.
///
/// # Errors
/// Returns an error when features are not finite, all zero or none, or the decomposition does not
/// converge.
pub fn effective_rank(features: MatRef<'_, f64>) -> Result<f64> {
    super::check_features(features)?;
    // Scaled first: squares of tiny or huge values leave the range of f64.
    let largest = features.norm_max();
    if largest == 0.0 {
        return Err(Error::Data("features that are all zero have no rank".to_owned()));
    }
    let scaled = faer::Scale(1.0 / largest) * features;
    // The eigenvalues of the smaller of both Gram matrices are the squares of the singular values.
    let gram = match scaled.nrows() < scaled.ncols() {
        true => &scaled * scaled.transpose(),
        false => scaled.transpose() * &scaled,
    };
    let squares = gram.self_adjoint_eigenvalues(Side::Lower);
    let squares =
        squares.map_err(|_| Error::Data("the singular values do not converge".to_owned()))?;
    // Singular values of zero come out as rounding errors, whose roots would be large.
    let noise = squares.iter().fold(0.0, |largest: f64, square| largest.max(*square))
        * f64::EPSILON
        * gram.nrows() as f64;
    let values: Vec<f64> =
        squares.into_iter().filter(|square| *square > noise).map(f64::sqrt).collect();
    let sum: f64 = values.iter().sum();
    let entropy: f64 =
        values.iter().map(|value| value / sum).map(|share| -share * share.ln()).sum();
    Ok(entropy.exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    #[test]
    fn orthogonal_directions_count_by_their_strength() {
        // Singular values 3 and 1, whatever the rotation: shares 3/4 and 1/4.
        let expected = (-(0.75_f64 * 0.75_f64.ln() + 0.25 * 0.25_f64.ln())).exp();
        let (c, s) = (0.6, 0.8);
        let rotated = Mat::from_fn(2, 2, |i, j| [[3.0 * c, -s], [3.0 * s, c]][i][j]);
        for features in [rotated.clone(), rotated.transpose().to_owned()] {
            assert!((effective_rank(features.as_ref()).unwrap() - expected).abs() < 1e-12);
        }
        let even = Mat::<f64>::identity(5, 7);
        assert!((effective_rank(even.as_ref()).unwrap() - 5.0).abs() < 1e-12);
        let line = Mat::from_fn(50, 6, |i, j| 1e-200 * (i + 1) as f64 * (j + 1) as f64);
        assert!((effective_rank(line.as_ref()).unwrap() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn scale_does_not_matter_and_nothing_has_no_rank() {
        let features = Mat::from_fn(9, 4, |i, j| ((i * 7 + j * 3) as f64).sin());
        let rank = effective_rank(features.as_ref()).unwrap();
        let large = Mat::from_fn(9, 4, |i, j| 1e180 * features[(i, j)]);
        assert!(
            (effective_rank(large.as_ref()).unwrap() - rank).abs() < 1e-9
                && rank > 1.0
                && rank < 4.0
        );
        assert!(effective_rank(Mat::<f64>::zeros(3, 3).as_ref()).is_err());
        assert!(effective_rank(Mat::<f64>::zeros(0, 3).as_ref()).is_err());
    }
}
