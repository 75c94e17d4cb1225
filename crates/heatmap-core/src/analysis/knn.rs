//! Weighted k-nearest-neighbour classification on cosine similarity, the usual test of
//! self-supervised features.
//!
//! Wu et al. 2018 (Instance Discrimination, section 3.4): each of the k nearest training rows votes
//! for its class with weight exp(similarity / temperature); they and lightly use k = 200 and
//! temperature 0.1.

use faer::{Mat, MatRef};

use super::sphere::normalized_rows;
use super::{check_features, check_labels};
use crate::{Error, Result};

/// A fitted classifier: training rows on the unit sphere with their labels.
#[derive(Debug, Clone)]
pub struct Knn {
    rows: Mat<f64>,
    labels: Vec<usize>,
    num_classes: usize,
    k: usize,
    temperature: f64,
}

impl Knn {
    /// Stores `features`, [samples, features], and `labels`. When there are fewer than `k` samples,
    /// all of them vote.
    ///
    /// # Errors
    /// Returns an error when labels do not fit, values are not finite, or `k` or `temperature` is
    /// not positive.
    pub fn fit(
        features: MatRef<'_, f64>,
        labels: &[usize],
        num_classes: usize,
        k: usize,
        temperature: f64,
    ) -> Result<Self> {
        check_features(features)?;
        check_labels(features.nrows(), labels, num_classes)?;
        if k == 0 {
            return Err(Error::config("k", k, "must be positive"));
        }
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(Error::config("temperature", temperature, "must be positive"));
        }
        Ok(Self {
            rows: normalized_rows(features),
            labels: labels.to_vec(),
            num_classes,
            k: k.min(labels.len()),
            temperature,
        })
    }

    /// Returns the class with the largest vote for each row of `features`; the smaller label on a
    /// tie.
    ///
    /// # Errors
    /// Returns an error when the number of features differs from the fit, or values are not finite.
    pub fn predict(&self, features: MatRef<'_, f64>) -> Result<Vec<usize>> {
        check_features(features)?;
        if features.ncols() != self.rows.ncols() {
            let (want, got) = (self.rows.ncols(), features.ncols());
            return Err(Error::Data(format!("kNN of {want} features got {got}")));
        }
        let similarity = &self.rows * normalized_rows(features).transpose();
        Ok((0..features.nrows())
            .map(|row| self.vote(similarity.col(row).iter().copied()))
            .collect())
    }

    fn vote(&self, similarities: impl Iterator<Item = f64>) -> usize {
        let mut neighbours: Vec<(f64, usize)> =
            similarities.zip(self.labels.iter().copied()).collect();
        neighbours.select_nth_unstable_by(self.k - 1, |a, b| b.0.total_cmp(&a.0));
        let mut votes = vec![0.0; self.num_classes];
        for &(similarity, label) in &neighbours[..self.k] {
            // At most 0, so that the exponential stays finite at any temperature; subtracting 1
            // does not change the order.
            votes[label] += ((similarity - 1.0) / self.temperature).exp();
        }
        let best =
            |best: usize, label: usize| if votes[label] > votes[best] { label } else { best };
        (0..self.num_classes).fold(0, best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows at these angles on the unit circle, times a length that must not matter.
    fn at_angles(angles: &[f64]) -> Mat<f64> {
        Mat::from_fn(angles.len(), 2, |i, j| {
            let length = 1.0 + i as f64;
            length * if j == 0 { angles[i].cos() } else { angles[i].sin() }
        })
    }

    #[test]
    fn the_nearest_by_angle_wins() {
        let train = at_angles(&[0.0, 0.1, 2.0, 2.1]);
        let knn = Knn::fit(train.as_ref(), &[0, 0, 1, 1], 2, 1, 0.1).unwrap();
        assert_eq!(knn.predict(at_angles(&[0.3, 1.8, -0.2]).as_ref()).unwrap(), [0, 1, 0]);
    }

    #[test]
    fn a_near_vote_outweighs_two_far_ones_when_the_temperature_is_low() {
        let train = at_angles(&[0.0, 1.0, 1.1]);
        let query = at_angles(&[0.1]);
        let predict = |temperature| {
            let knn = Knn::fit(train.as_ref(), &[0, 1, 1], 2, 3, temperature).unwrap();
            knn.predict(query.as_ref()).unwrap()[0]
        };
        assert_eq!((predict(0.1), predict(100.0), predict(1e-4)), (0, 1, 0));
    }

    #[test]
    fn more_neighbours_than_samples_means_all() {
        let knn = Knn::fit(at_angles(&[0.0, 2.0]).as_ref(), &[1, 0], 2, 200, 0.1).unwrap();
        assert_eq!(knn.predict(at_angles(&[0.1]).as_ref()).unwrap(), [1]);
    }

    #[test]
    fn wrong_input_is_an_error() {
        let train = at_angles(&[0.0, 2.0]);
        assert!(
            Knn::fit(train.as_ref(), &[0], 2, 1, 0.1)
                .unwrap_err()
                .to_string()
                .contains("2 samples but 1 labels")
        );
        assert!(
            Knn::fit(train.as_ref(), &[0, 2], 2, 1, 0.1)
                .unwrap_err()
                .to_string()
                .contains("label 2")
        );
        assert!(Knn::fit(train.as_ref(), &[0, 1], 2, 0, 0.1).is_err());
        assert!(Knn::fit(train.as_ref(), &[0, 1], 2, 1, 0.0).is_err());
    }
}
