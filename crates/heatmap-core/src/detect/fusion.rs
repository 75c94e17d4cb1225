//! Fusion of a banner's parts into one score: [`FitNorm`], [`NetworkAndFit`], [`RankAverage`] and
//! [`BulkAverage`] without labels, [`LogisticFusion`] with labels.
//!
//! All take the parts of a banner as `[Option<f64>]`; a part that is missing, such as a metric that
//! was not measured, has no influence.

use faer::Mat;

use super::Score;
use super::null_model::soft_limit;
use crate::analysis::{LogisticRegression, LogisticRegressionConfig};
use crate::{Error, Result};

/// The parts of one banner in a fixed order; `None` where a part is missing.
pub type Parts = [Option<f64>];

/// Averages over the parts the share of fitted banners that score lower (0 to 1). Only the order
/// counts, so no part can dominate the others; on the other hand, a banner far above all others
/// counts no more than any highest one.
#[derive(Debug, Clone)]
pub struct RankAverage {
    /// The scores of the fitted banners, sorted, for each part.
    sorted: Vec<Vec<f64>>,
}

impl RankAverage {
    /// Fits to the parts of these banners.
    ///
    /// # Errors
    /// When there is no banner, or banners have different numbers of parts.
    pub fn fit<'a>(banners: impl IntoIterator<Item = &'a Parts>) -> Result<Self> {
        let mut sorted: Option<Vec<Vec<f64>>> = None;
        for parts in banners {
            let sorted = sorted.get_or_insert_with(|| vec![Vec::new(); parts.len()]);
            check_parts(sorted.len(), parts)?;
            sorted
                .iter_mut()
                .zip(parts)
                .for_each(|(scores, part)| scores.extend(part.filter(|p| p.is_finite())));
        }
        let mut sorted = sorted.ok_or_else(|| Error::Data("ranks need a banner".to_owned()))?;
        sorted.iter_mut().for_each(|scores| scores.sort_by(f64::total_cmp));
        Ok(Self { sorted })
    }
}

impl Score<Parts> for RankAverage {
    fn name(&self) -> &'static str {
        "rank_average"
    }

    /// Returns the mean rank, between 0 and 1; 1/2 without a part.
    fn score(&self, parts: &Parts) -> Result<f64> {
        check_parts(self.sorted.len(), parts)?;
        let rank = |(scores, part): (&Vec<f64>, &Option<f64>)| {
            let part = part.filter(|_| !scores.is_empty())?;
            // Half of the equal values count as lower.
            let lower =
                scores.partition_point(|&s| s < part) + scores.partition_point(|&s| s <= part);
            Some(lower as f64 / (2 * scores.len()) as f64)
        };
        Ok(mean(self.sorted.iter().zip(parts).filter_map(rank)).unwrap_or(0.5))
    }
}

/// Averages the parts, which must be z scores, each under its [`super::NullModel`]. A banner that
/// stands out far in one part stands out in the mean, too.
#[derive(Debug, Clone, Copy, Default)]
pub struct BulkAverage;

impl BulkAverage {
    /// Larger z scores count by the logarithm of the excess, so that one part alone does not
    /// decide.
    const LARGEST_Z: f64 = 8.0;
}

impl Score<Parts> for BulkAverage {
    fn name(&self) -> &'static str {
        "bulk_average"
    }

    /// Returns the mean z score; 0 without a part.
    fn score(&self, parts: &Parts) -> Result<f64> {
        let clipped = parts.iter().flatten().map(|&z| soft_limit(z, Self::LARGEST_Z));
        Ok(mean(clipped).unwrap_or(0.0))
    }
}

/// Measures how far a banner lies above the reference in all parts together. The parts must be z
/// scores, each under its [`super::NullModel`]; the score is the Euclidean norm of those above 0,
/// as in a test of several one-sided hypotheses (Bartholomew 1959). So a banner stands out when one
/// part does, or when several do a little. Parts below 0 only break ties.
#[derive(Debug, Clone, Copy, Default)]
pub struct FitNorm;

impl FitNorm {
    /// Weight of the sum of all z scores, which breaks ties: smaller than any difference that
    /// matters.
    const TIE: f64 = 0.01;
}

impl Score<Parts> for FitNorm {
    fn name(&self) -> &'static str {
        "fit"
    }

    /// Returns the norm; 0 without a part.
    fn score(&self, parts: &Parts) -> Result<f64> {
        let squares: f64 = parts.iter().flatten().map(|z| z.max(0.0).powi(2)).sum();
        Ok(squares.sqrt() + Self::TIE * parts.iter().flatten().sum::<f64>())
    }
}

/// Combines the log odds of the network, which are the last part, with the [`FitNorm`] of the other
/// parts, which cover defects that the network has not learned of.
#[derive(Debug, Clone, Copy, Default)]
pub struct NetworkAndFit;

impl NetworkAndFit {
    /// Weight of one standard deviation of the norm, in log odds. On generated grids a weight from
    /// 0.6 to 1 gives the best area under the ROC curve, which is also that of logistic regression
    /// on the parts.
    const WEIGHT: f64 = 1.0;
    /// Added before the square root is taken, so that the scores of good banners of generated grids
    /// are not skewed to either side.
    const LEVEL: f64 = 6.0;

    /// The score of the sum of log odds and norm: its square root, because that is closer to a
    /// normal distribution, as for any log-likelihood ratio.
    pub(super) fn of_log_odds(log_odds: f64) -> f64 {
        let above = log_odds + Self::LEVEL;
        // ln(1 + e^x), which is about x from 3 on and never below 0.
        (above.max(0.0) + (-above.abs()).exp().ln_1p()).sqrt()
    }
}

impl Score<Parts> for NetworkAndFit {
    fn name(&self) -> &'static str {
        "network_and_fit"
    }

    /// Returns the combined score; a missing network and missing parts add nothing.
    fn score(&self, parts: &Parts) -> Result<f64> {
        let (network, fit) =
            parts.split_last().map_or((None, parts), |(network, fit)| (*network, fit));
        Ok(Self::of_log_odds(network.unwrap_or(0.0) + Self::WEIGHT * FitNorm.score(fit)?))
    }
}

/// Regularised logistic regression on the parts. Its score is the probability that a banner is
/// broken, calibrated as far as the labels allow. A missing part is replaced by the mean of the
/// fitted banners.
#[derive(Debug, Clone)]
pub struct LogisticFusion {
    means: Vec<f64>,
    regression: LogisticRegression,
}

impl LogisticFusion {
    /// Smallest number of labelled banners of each class that can be fitted to.
    pub const MIN_PER_CLASS: usize = 3;

    /// Fits to labelled banners. `c` is the inverse strength of the L2 penalty on the weights of
    /// the standardised parts.
    ///
    /// # Errors
    /// When there are fewer than [`LogisticFusion::MIN_PER_CLASS`] banners of either class, or
    /// parts are not finite.
    pub fn fit(banners: &[&Parts], broken: &[bool], c: f64) -> Result<Self> {
        let (good, bad) =
            (broken.iter().filter(|b| !**b).count(), broken.iter().filter(|b| **b).count());
        if good.min(bad) < Self::MIN_PER_CLASS {
            let least = Self::MIN_PER_CLASS;
            return Err(Error::Data(format!(
                "{bad} broken and {good} good banners are labelled: {least} of each are needed"
            )));
        }
        let columns = banners.first().map_or(0, |parts| parts.len());
        banners.iter().try_for_each(|parts| check_parts(columns, parts))?;
        let means: Vec<f64> = (0..columns)
            .map(|at| mean(banners.iter().filter_map(|parts| parts[at])).unwrap_or(0.0))
            .collect();
        let table = table(banners, &means);
        let labels: Vec<usize> = broken.iter().map(|&b| usize::from(b)).collect();
        let config = LogisticRegressionConfig { c, ..Default::default() };
        let regression = config.fit(table.as_ref(), &labels, 2)?;
        Ok(Self { means, regression })
    }

    /// Returns the weight of each part: what one standard deviation adds to the log odds of broken.
    pub fn weights(&self) -> Vec<f64> {
        let weights = self.regression.weights();
        (0..self.means.len()).map(|at| weights[(at, 1)] - weights[(at, 0)]).collect()
    }
}

impl Score<Parts> for LogisticFusion {
    fn name(&self) -> &'static str {
        "fusion"
    }

    /// Returns the probability that the banner is broken.
    fn score(&self, parts: &Parts) -> Result<f64> {
        check_parts(self.means.len(), parts)?;
        let table = table(&[parts], &self.means);
        Ok(self.regression.probabilities(table.as_ref())?[(0, 1)])
    }
}

fn table(banners: &[&Parts], means: &[f64]) -> Mat<f64> {
    Mat::from_fn(banners.len(), means.len(), |row, at| banners[row][at].unwrap_or(means[at]))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn check_parts(expected: usize, parts: &Parts) -> Result<()> {
    match parts.len() == expected {
        true => Ok(()),
        false => Err(Error::Data(format!("{} parts where {expected} are expected", parts.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_that_stands_out_is_enough_for_the_norm_of_fit() {
        let of = |parts: &[Option<f64>]| FitNorm.score(parts).unwrap();
        assert!((of(&[Some(6.0), Some(-9.0), None]) - 5.97).abs() < 1e-12);
        assert!((of(&[Some(3.0), Some(4.0)]) - 5.07).abs() < 1e-12);
        assert!(of(&[Some(-2.0), Some(-1.0)]) > of(&[Some(-2.0), Some(-1.5)]) && of(&[]) == 0.0);
    }

    #[test]
    fn the_network_and_the_fit_add_up() {
        let of = |parts: &[Option<f64>]| NetworkAndFit.score(parts).unwrap();
        let expected = |log_odds: f64| (1.0 + (log_odds + 6.0).exp()).ln().sqrt();
        assert!((of(&[Some(3.0), Some(4.0), Some(-2.0)]) - expected(5.07 - 2.0)).abs() < 1e-12);
        assert!((of(&[None, Some(-9.5)]) - expected(-9.5)).abs() < 1e-12);
        assert!((of(&[]) - expected(0.0)).abs() < 1e-12 && of(&[Some(2_000.0)]).is_finite());
    }

    use crate::sample_rng;
    use rand_distr::{Distribution, StandardNormal};

    /// One in ten is broken and higher by `apart` in the first part; the second is noise, often
    /// missing.
    fn banners(count: usize, apart: f64) -> (Vec<Vec<Option<f64>>>, Vec<bool>) {
        let mut rng = sample_rng(8, 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        (0..count)
            .map(|i| {
                let broken = i % 10 == 0;
                let shift = if broken { apart } else { 0.0 };
                (vec![Some(shift + normal()), (i % 3 > 0).then(&mut normal)], broken)
            })
            .unzip()
    }

    #[test]
    fn ranks_are_shares_of_lower_banners() {
        let fitted: Vec<Vec<Option<f64>>> =
            (0..4).map(|i| vec![Some(f64::from(i)), Some(-f64::from(i))]).collect();
        let ranks = RankAverage::fit(fitted.iter().map(Vec::as_slice)).unwrap();
        // Below it 3 of 4; equal one counts half.
        assert_eq!(ranks.score(&[Some(3.0), None]).unwrap(), 3.5 / 4.0);
        assert_eq!(ranks.score(&[Some(3.0), Some(-3.0)]).unwrap(), 0.5);
        assert_eq!(ranks.score(&[None, None]).unwrap(), 0.5);
        assert!(ranks.score(&[None]).is_err() && RankAverage::fit([]).is_err());
    }

    #[test]
    fn the_useful_part_gets_the_weight_and_probabilities_are_calibrated() {
        let (parts, broken) = banners(4_000, 2.0);
        let rows: Vec<&Parts> = parts.iter().map(Vec::as_slice).collect();
        let fusion = LogisticFusion::fit(&rows[..2_000], &broken[..2_000], 1.0).unwrap();
        let weights = fusion.weights();
        assert!(weights[0] > 1.5 && weights[1].abs() < 0.3, "{weights:?}");
        // Of held-out banners with a probability around one half, about half are broken.
        let near: Vec<bool> = (2_000..4_000)
            .filter(|&at| (0.3..0.7).contains(&fusion.score(rows[at]).unwrap()))
            .map(|at| broken[at])
            .collect();
        let share = near.iter().filter(|b| **b).count() as f64 / near.len() as f64;
        assert!(near.len() > 50 && (0.3..0.7).contains(&share), "{share} of {}", near.len());
    }

    #[test]
    fn two_broken_banners_are_too_few() {
        let (parts, broken) = banners(20, 2.0);
        let rows: Vec<&Parts> = parts.iter().map(Vec::as_slice).collect();
        let error = LogisticFusion::fit(&rows, &broken, 1.0).unwrap_err().to_string();
        assert!(
            error.contains("2 broken and 18 good banners are labelled: 3 of each are needed"),
            "{error}"
        );
    }

    #[test]
    fn the_bulk_average_is_a_mean_that_no_part_decides_alone() {
        assert_eq!(BulkAverage.score(&[Some(1.0), None, Some(7.0)]).unwrap(), 4.0);
        let far = |z| BulkAverage.score(&[Some(1.0), Some(z)]).unwrap();
        assert!(far(50.0) < far(100.0) && far(100.0) < 7.0);
        assert_eq!(BulkAverage.score(&[None]).unwrap(), 0.0);
    }
}
