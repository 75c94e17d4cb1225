//! Confidence intervals by the percentile bootstrap (Efron and Tibshirani 1993, chapter 13).

use rand::RngExt;
use rayon::prelude::*;

use super::super::quantile::quantile;
use super::falling;
use crate::{Error, Result, sample_rng};

/// An estimate with the limits between which 95 % of the bootstrap resamples fall, interpolated as
/// `numpy.quantile` does.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The metric on all banners.
    pub estimate: f64,
    /// The 2.5 % quantile of the resamples.
    pub low: f64,
    /// The 97.5 % quantile of the resamples.
    pub high: f64,
}

/// A bootstrap scheme: it says which banners are resampled together, how often, and from which
/// seed.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    resamples: usize,
    seed: u64,
    /// Number of banners.
    banners: usize,
    /// Positions of banners, indexed `[pool][group][banner]`. The banners of a group are drawn
    /// together, and a resample has as many groups of each pool as there are.
    pools: Vec<Vec<Vec<usize>>>,
    /// Whether the pools themselves are resampled, too.
    of_pools: bool,
}

impl Bootstrap {
    /// Resamples single banners, stratified by label: each resample has as many broken and as many
    /// good banners as there are. A single broken banner is then in every resample, so the interval
    /// does not show how much depends on it.
    ///
    /// # Errors
    /// When `resamples` is 0.
    pub fn stratified(broken: &[bool], resamples: usize, seed: u64) -> Result<Self> {
        let pool = |wanted: bool| {
            (0..broken.len()).filter(|&at| broken[at] == wanted).map(|at| vec![at]).collect()
        };
        Self::new(vec![pool(true), pool(false)], broken.len(), resamples, seed)
    }

    /// Resamples whole groups, such as grids, so that what the banners of a group have in common is
    /// part of the uncertainty. `groups` has the group of each banner.
    ///
    /// # Errors
    /// When `resamples` is 0, or there are fewer than two groups: every resample would be the same,
    /// and the interval would have width 0.
    pub fn grouped(groups: &[usize], resamples: usize, seed: u64) -> Result<Self> {
        let mut members: std::collections::BTreeMap<usize, Vec<usize>> = Default::default();
        groups
            .iter()
            .enumerate()
            .for_each(|(at, &group)| members.entry(group).or_default().push(at));
        if members.len() < 2 {
            return Err(Error::Data(format!(
                "{} groups of banners: it takes two to see how they differ",
                members.len()
            )));
        }
        Self::new(vec![members.into_values().collect()], groups.len(), resamples, seed)
    }

    /// Resamples whole fits, such as seeds, and whole groups within each drawn fit, so that what
    /// scores and thresholds owe to the banners that they were fitted to is part of the
    /// uncertainty, too. `fits` and `groups` have an entry for each banner.
    ///
    /// # Errors
    /// When `resamples` is 0, or there are fewer than two fits.
    ///
    /// # Panics
    /// When `fits` and `groups` differ in length.
    pub fn nested(fits: &[usize], groups: &[usize], resamples: usize, seed: u64) -> Result<Self> {
        assert_eq!(fits.len(), groups.len(), "a fit and a group for each banner");
        let mut members: std::collections::BTreeMap<
            usize,
            std::collections::BTreeMap<usize, Vec<usize>>,
        > = Default::default();
        for (at, (&fit, &group)) in fits.iter().zip(groups).enumerate() {
            members.entry(fit).or_default().entry(group).or_default().push(at);
        }
        if members.len() < 2 {
            return Err(Error::Data(format!(
                "{} fits: it takes two to see how they differ",
                members.len()
            )));
        }
        let pools = members.into_values().map(|groups| groups.into_values().collect()).collect();
        Ok(Self { of_pools: true, ..Self::new(pools, groups.len(), resamples, seed)? })
    }

    fn new(
        pools: Vec<Vec<Vec<usize>>>,
        banners: usize,
        resamples: usize,
        seed: u64,
    ) -> Result<Self> {
        if resamples == 0 {
            return Err(Error::config("resamples", 0, "must be positive"));
        }
        Ok(Self { resamples, seed, banners, pools, of_pools: false })
    }

    /// Returns the interval of `metric`, which is called with the positions of the drawn banners,
    /// some of them several times. Resamples on which it fails (such as one without a broken
    /// banner) or is not finite are left out.
    ///
    /// # Errors
    /// When the metric fails or is not finite on all banners, or does so on more than half of the
    /// resamples.
    pub fn interval(&self, metric: impl Fn(&[usize]) -> Result<f64> + Sync) -> Result<Interval> {
        let all: Vec<usize> = (0..self.banners).collect();
        let estimate = metric(&all)?;
        if !estimate.is_finite() {
            return Err(Error::Data(format!("the metric of all banners is {estimate}")));
        }
        let one = |resample: usize| {
            let mut rng = sample_rng(self.seed, resample as u64);
            let mut drawn = Vec::with_capacity(all.len());
            let pools = self.pools.iter().filter(|pool| !pool.is_empty());
            for pool in pools {
                let pool = if self.of_pools {
                    &self.pools[rng.random_range(0..self.pools.len())]
                } else {
                    pool
                };
                (0..pool.len()).for_each(|_| drawn.extend(&pool[rng.random_range(0..pool.len())]));
            }
            metric(&drawn).ok().filter(|value| value.is_finite())
        };
        let mut values: Vec<f64> = (0..self.resamples).into_par_iter().filter_map(one).collect();
        if 2 * values.len() < self.resamples.max(2) {
            return Err(Error::Data(
                "fewer than half of the resamples have banners of both kinds".to_owned(),
            ));
        }
        values.sort_by(f64::total_cmp);
        Ok(Interval { estimate, low: quantile(&values, 0.025), high: quantile(&values, 0.975) })
    }

    /// Returns the interval of a metric of scores and labels, such as [`super::auroc`], which must
    /// not depend on the order of the banners.
    ///
    /// # Errors
    /// When the metric fails, lengths differ, or a score is NaN.
    pub fn of_scores(
        &self,
        metric: impl Fn(&[f64], &[bool]) -> Result<f64> + Sync,
        scores: &[f64],
        broken: &[bool],
    ) -> Result<Interval> {
        let sorted = Sorted::new(scores, broken, self.banners)?;
        self.interval(|drawn| sorted.metric(&metric, &self.multiplicities(drawn)))
    }

    /// Returns the interval of the difference, a minus b, of a metric between two scores of the
    /// same banners; both are computed on the same resamples.
    ///
    /// # Errors
    /// When [`Self::of_scores`] would fail for one of the scores.
    pub fn of_difference(
        &self,
        metric: impl Fn(&[f64], &[bool]) -> Result<f64> + Sync,
        (a, b): (&[f64], &[f64]),
        broken: &[bool],
    ) -> Result<Interval> {
        let (a, b) = (Sorted::new(a, broken, self.banners)?, Sorted::new(b, broken, self.banners)?);
        self.interval(|drawn| {
            let times = self.multiplicities(drawn);
            Ok(a.metric(&metric, &times)? - b.metric(&metric, &times)?)
        })
    }

    /// How often each banner was drawn.
    fn multiplicities(&self, drawn: &[usize]) -> Vec<u32> {
        let mut times = vec![0; self.banners];
        drawn.iter().for_each(|&at| times[at] += 1);
        times
    }
}

/// Banners in descending order of their score. Resamples keep this order, so a metric that sorts by
/// score is fast on them.
struct Sorted {
    /// Original position, score, and whether broken.
    banners: Vec<(usize, f64, bool)>,
}

impl Sorted {
    fn new(scores: &[f64], broken: &[bool], banners: usize) -> Result<Self> {
        if scores.len() != banners || broken.len() != banners {
            let (scores, labels) = (scores.len(), broken.len());
            return Err(Error::Data(format!(
                "{scores} scores and {labels} labels of {banners} banners that are drawn"
            )));
        }
        if let Some(at) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::Data(format!("score {at} is not a number")));
        }
        Ok(Self {
            banners: falling(scores).into_iter().map(|at| (at, scores[at], broken[at])).collect(),
        })
    }

    fn metric(
        &self,
        metric: impl Fn(&[f64], &[bool]) -> Result<f64>,
        times: &[u32],
    ) -> Result<f64> {
        let (mut scores, mut broken) =
            (Vec::with_capacity(times.len()), Vec::with_capacity(times.len()));
        for &(at, score, is_broken) in &self.banners {
            for _ in 0..times[at] {
                scores.push(score);
                broken.push(is_broken);
            }
        }
        metric(&scores, &broken)
    }
}
