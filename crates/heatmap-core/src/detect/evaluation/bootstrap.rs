//! How sure a number is: percentile bootstrap (Efron and Tibshirani 1993, chapter 13).

use rand::RngExt;
use rayon::prelude::*;

use crate::{Error, Result, sample_rng};

/// An estimate with the limits between which 95 % of the resamples fall.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Interval {
    /// On all banners.
    pub estimate: f64,
    /// 2.5 % of the resamples are below.
    pub low: f64,
    /// 2.5 % of the resamples are above.
    pub high: f64,
}

/// How banners are drawn again.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    resamples: usize,
    seed: u64,
    /// Banners that are drawn together, and of which pools groups are drawn: a resample has as many groups of each pool.
    pools: Vec<Vec<Vec<usize>>>,
}

impl Bootstrap {
    /// Banners by themselves, the broken among the broken and the good among the good: a resample has as many of each.
    ///
    /// # Errors
    /// Without a resample.
    pub fn stratified(broken: &[bool], resamples: usize, seed: u64) -> Result<Self> {
        let pool = |wanted: bool| (0..broken.len()).filter(|&at| broken[at] == wanted).map(|at| vec![at]).collect();
        Self::new(vec![pool(true), pool(false)], resamples, seed)
    }

    /// Whole groups, such as grids: what banners of a group have in common is then part of the uncertainty.
    ///
    /// # Errors
    /// Without a resample.
    pub fn grouped(groups: &[usize], resamples: usize, seed: u64) -> Result<Self> {
        let mut members: std::collections::BTreeMap<usize, Vec<usize>> = Default::default();
        groups.iter().enumerate().for_each(|(at, &group)| members.entry(group).or_default().push(at));
        Self::new(vec![members.into_values().collect()], resamples, seed)
    }

    fn new(pools: Vec<Vec<Vec<usize>>>, resamples: usize, seed: u64) -> Result<Self> {
        if resamples == 0 {
            return Err(Error::config("resamples", 0, "must be positive"));
        }
        Ok(Self { resamples, seed, pools })
    }

    /// The interval of `metric`, which is given the positions of banners, some of them several times. A resample on which it cannot be
    /// computed, such as one without a broken banner, is left out.
    ///
    /// # Errors
    /// When it cannot be computed on all banners, or on fewer than half of the resamples.
    pub fn interval(&self, metric: impl Fn(&[usize]) -> Result<f64> + Sync) -> Result<Interval> {
        let mut all: Vec<usize> = self.pools.iter().flatten().flatten().copied().collect();
        all.sort_unstable();
        let estimate = metric(&all)?;
        let one = |resample: usize| {
            let mut rng = sample_rng(self.seed, resample as u64);
            let mut drawn = Vec::with_capacity(all.len());
            for pool in self.pools.iter().filter(|pool| !pool.is_empty()) {
                (0..pool.len()).for_each(|_| drawn.extend(&pool[rng.random_range(0..pool.len())]));
            }
            metric(&drawn).ok()
        };
        let mut values: Vec<f64> = (0..self.resamples).into_par_iter().filter_map(one).collect();
        if 2 * values.len() < self.resamples.max(2) {
            return Err(Error::Data("fewer than half of the resamples have banners of both kinds".to_owned()));
        }
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((share * values.len() as f64) as usize).min(values.len() - 1)];
        Ok(Interval { estimate, low: at(0.025), high: at(0.975) })
    }

    /// The interval of a metric of scores and truth, such as [`super::auroc`].
    ///
    /// # Errors
    /// Those of the metric.
    pub fn of_scores(
        &self,
        metric: impl Fn(&[f64], &[bool]) -> Result<f64> + Sync,
        scores: &[f64],
        broken: &[bool],
    ) -> Result<Interval> {
        self.interval(|drawn| metric(&pick(scores, drawn), &pick(broken, drawn)))
    }

    /// The interval of the difference of a metric between two scores of the same banners, drawn alike for both.
    ///
    /// # Errors
    /// Those of the metric.
    pub fn of_difference(
        &self,
        metric: impl Fn(&[f64], &[bool]) -> Result<f64> + Sync,
        (a, b): (&[f64], &[f64]),
        broken: &[bool],
    ) -> Result<Interval> {
        self.interval(|drawn| {
            let truth = pick(broken, drawn);
            Ok(metric(&pick(a, drawn), &truth)? - metric(&pick(b, drawn), &truth)?)
        })
    }
}

fn pick<T: Copy>(from: &[T], at: &[usize]) -> Vec<T> {
    at.iter().map(|&at| from[at]).collect()
}
