//! [`KnnDistance`]: the mean distance to the nearest of the fitted banners.

use faer::MatRef;

use super::Score;
use super::feature_vector::{check_length, checked_rows};
use crate::{Error, Result};

/// Settings of [`KnnDistance`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnnDistanceConfig {
    /// Number of nearest banners whose distances are averaged.
    pub neighbors: usize,
    /// Whether to ignore one fitted row that equals the scored one, for banners that are scored by
    /// a model fitted to themselves.
    pub without_itself: bool,
}

impl Default for KnnDistanceConfig {
    fn default() -> Self {
        Self { neighbors: 10, without_itself: true }
    }
}

/// A fitted k-nearest-neighbour score: the mean distance to the nearest fitted rows.
#[derive(Debug, Clone)]
pub struct KnnDistance {
    config: KnnDistanceConfig,
    rows: Vec<Vec<f64>>,
}

impl KnnDistanceConfig {
    /// Keeps `rows`, `[samples, features]`. If there are fewer than `neighbors`, all of them count.
    ///
    /// # Errors
    /// When there is no row, feature or neighbour, or values are not finite.
    pub fn fit(&self, rows: MatRef<'_, f64>) -> Result<KnnDistance> {
        if self.neighbors == 0 {
            return Err(Error::config("neighbors", 0, "must be positive"));
        }
        Ok(KnnDistance { config: *self, rows: checked_rows(rows)? })
    }
}

impl Score<[f64]> for KnnDistance {
    fn name(&self) -> &'static str {
        "knn_distance"
    }

    /// Returns the mean Euclidean distance; 0 when there is no other row, and at most the largest
    /// f64.
    fn score(&self, features: &[f64]) -> Result<f64> {
        check_length(self.rows[0].len(), features)?;
        let mut distances: Vec<f64> =
            self.rows.iter().map(|row| squared_distance(row, features)).collect();
        if self.config.without_itself
            && let Some(itself) = distances.iter().position(|d| *d == 0.0)
        {
            distances.swap_remove(itself);
        }
        let k = self.config.neighbors.min(distances.len());
        if k == 0 {
            return Ok(0.0);
        }
        distances.select_nth_unstable_by(k - 1, f64::total_cmp);
        // Summed in ascending order, so that the sum does not depend on the order that the
        // selection left.
        distances[..k].sort_by(f64::total_cmp);
        Ok((distances[..k].iter().map(|d| d.sqrt()).sum::<f64>() / k as f64).min(f64::MAX))
    }
}

/// Squared Euclidean distance of two vectors of equal length. Independent lanes let the compiler
/// use vector instructions.
fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(a, b)| (a - b) * (a - b))
        .sum::<f64>();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn the_nearest_count_and_a_row_is_not_its_own_neighbour() {
        let rows = mat![[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [0.0, 0.0]];
        let fit = |neighbors, without_itself| {
            KnnDistanceConfig { neighbors, without_itself }.fit(rows.as_ref()).unwrap()
        };
        assert_eq!(fit(1, true).score(&[0.0, 1.0]).unwrap(), 1.0);
        assert_eq!(fit(1, false).score(&[0.0, 1.0]).unwrap(), 0.0);
        // A duplicate of it is a neighbour.
        assert_eq!(fit(2, true).score(&[0.0, 0.0]).unwrap(), 0.5);
        assert_eq!(fit(9, false).score(&[0.0, 0.0]).unwrap(), (5.0 + 1.0) / 4.0);
        let single = KnnDistanceConfig::default().fit(mat![[1.0, 2.0]].as_ref()).unwrap();
        assert_eq!(single.score(&[1.0, 2.0]).unwrap(), 0.0);
    }

    #[test]
    fn long_vectors_are_summed_whole_and_far_ones_stay_finite() {
        // Differences 1, 2, ... n: n (n + 1) (2n + 1) / 6. With and without a rest.
        for n in [1, 7, 8, 9, 24, 31] {
            let far: Vec<f64> = (1..=n).map(|v| f64::from(v) + 0.5).collect();
            let expected = f64::from(n * (n + 1) * (2 * n + 1) / 6);
            assert_eq!(squared_distance(&vec![0.5; far.len()], &far), expected);
        }
        let fitted =
            KnnDistanceConfig::default().fit(mat![[1.0, 2.0], [0.0, 1.0]].as_ref()).unwrap();
        assert_eq!(fitted.score(&[f64::MAX, f64::MIN]).unwrap(), f64::MAX);
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(
            KnnDistanceConfig { neighbors: 0, ..Default::default() }
                .fit(mat![[1.0]].as_ref())
                .is_err()
        );
        assert!(KnnDistanceConfig::default().fit(faer::Mat::<f64>::zeros(0, 3).as_ref()).is_err());
        assert!(KnnDistanceConfig::default().fit(mat![[f64::NAN]].as_ref()).is_err());
        assert!(
            KnnDistanceConfig::default()
                .fit(mat![[1.0]].as_ref())
                .unwrap()
                .score(&[1.0, 2.0])
                .is_err()
        );
    }
}
