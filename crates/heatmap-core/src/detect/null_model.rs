//! [`NullModel`]: how a score is distributed among good banners, learned from banners without
//! labels.
//!
//! Most banners are good, so the bulk of the scores shows how those of good banners spread, and
//! scores far above the bulk are suspicious (an empirical null, Efron 2004). The model accounts for
//! three things:
//!
//! * Scores are skewed to the right. The bulk is fitted by Tukey's g-distribution, with z standard
//!   normal: `x = a + b (exp(g z) - 1) / g` (Hoaglin 1985, section 11.2). The three parameters
//!   follow from the three quartiles, which broken banners hardly move.
//! * Broken banners still raise the upper quartile a little. So the fit is repeated without banners
//!   that stand out.
//! * Scores of banners with few clicks spread more. Location a and spread b are estimated among
//!   banners with similar numbers of clicks, and interpolated in between. The skew g takes more
//!   data to estimate; it is shared by all, shrunk towards 0 when there are few, and never
//!   negative: a negative skew would end the right tail, and every banner beyond it would be broken
//!   for certain.
//!
//! For a reference, from which broken banners have been removed, the right tail is fitted, too. If
//! good banners have more far scores than a normal distribution would, z grows more slowly beyond
//! the quartile (Tukey's g-and-h distribution, Hoaglin 1985: another factor exp(h z^2 / 2) above 0,
//! with h from the quantile of 0.95). If they have fewer than the skew of the middle half predicts,
//! the skew is reduced. And because the median and quartiles of few banners are off by chance,
//! which flags more good banners than it spares, z is scaled down so that the stated false-alarm
//! rate is right on average.
//!
//! The model needs a good bulk: from about a fifth of broken banners on, these determine the upper
//! quartile, and fewer and fewer are flagged. Where banners are known to be good, fit to those
//! alone.
//!
//! A score is converted to the z score that it has under the null. Banners with z above the normal
//! quantile of 1 - r are flagged, where r is the share of good banners flagged in error.

use super::quantile::quantile;
use crate::{Error, Result};

/// Standard normal quantile of 0.75.
pub(super) const UPPER_QUARTILE: f64 = 0.674_489_750_196_081_7;
/// Standard normal quantile of 0.95.
const UPPER_TWENTIETH: f64 = 1.644_853_626_951_472_2;
/// Quantile of a reference that stands for the 0.95 quantile of good banners: about a hundredth of
/// the good banners was left out together with the broken ones.
const TAIL_QUANTILE: f64 = 0.96;
/// Number of rows in a reference for each banner: with all clicks, and with two smaller shares of
/// them.
pub(super) const ROWS_OF_A_BANNER: usize = 3;
/// A z score from n reference banners is divided by 1 + this / n. The variances of the median and
/// of half the interquartile range, 1.57 / n and (1.17 z)^2 / n in squared standard deviations,
/// raise the expected share above z by z / 2 times their sum, in units of the normal density at z.
/// The constant is for z = 2.33, which one good banner in a hundred exceeds.
const CORRECTION: f64 = 4.5;
/// Upper limit of the tail parameter h. At this limit a z of 3 stands for a score that is 3.9 times
/// as far out as without a heavy tail.
const HEAVIEST_TAIL: f64 = 0.3;
/// Fewest banners whose quartiles make a knot. Of many banners an eighth is used, so that broken
/// banners with similar numbers of clicks do not become the bulk of their neighbourhood.
const NEIGHBOURHOOD: usize = 300;
/// Larger z scores grow only by the logarithm of the excess: the model knows nothing of such tails,
/// but the order is kept.
const LARGEST_Z: f64 = 12.0;

/// The fitted null distribution of one score among good banners, as a function of the clicks.
#[derive(Debug, Clone)]
pub struct NullModel {
    /// Location and spread at several numbers of clicks, in ascending order.
    knots: Vec<Knot>,
    skew: f64,
    /// The tail parameter h: 0 for no heavier tail than that of the g-distribution.
    tail: f64,
}

/// Location and spread near one number of clicks.
#[derive(Debug, Clone, Copy)]
struct Knot {
    log_clicks: f64,
    median: f64,
    /// Half the interquartile range.
    spread: f64,
}

impl NullModel {
    /// Smallest number of banners that a distribution is fitted to.
    pub const MIN_BANNERS: usize = 20;

    /// Fits to the scores and the numbers of clicks of banners, most of which should be good.
    ///
    /// # Errors
    /// When there are fewer than [`NullModel::MIN_BANNERS`], lengths differ, or a score is not
    /// finite.
    pub fn fit(scores: &[f64], clicks: &[f64]) -> Result<Self> {
        if scores.len() != clicks.len() {
            return Err(Error::Data(format!(
                "{} scores but {} numbers of clicks",
                scores.len(),
                clicks.len()
            )));
        }
        if scores.len() < Self::MIN_BANNERS {
            let (got, least) = (scores.len(), Self::MIN_BANNERS);
            return Err(Error::Data(format!(
                "{got} banners: at least {least} are needed to learn how scores spread"
            )));
        }
        if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
            return Err(Error::Data(format!("score {at} is {}", scores[at])));
        }
        let mut points: Vec<(f64, f64)> =
            clicks.iter().map(|&c| c.max(1.0).ln()).zip(scores.iter().copied()).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut model = Self::of_sorted(&points);
        // Refit twice without banners that stand out; one good banner in a thousand has z above
        // 3.1.
        for _ in 0..2 {
            let bulk: Vec<(f64, f64)> = points
                .iter()
                .copied()
                .filter(|&(log_clicks, score)| model.z_at(score, log_clicks) < 3.1)
                .collect();
            if bulk.len() < points.len().div_ceil(2).max(Self::MIN_BANNERS) {
                break;
            }
            model = Self::of_sorted(&bulk);
        }
        Ok(model)
    }

    /// Fits to a reference: banners that were chosen as good, so that their right tail shows how
    /// far good banners reach.
    ///
    /// # Errors
    /// When [`NullModel::fit`] would fail.
    pub fn fit_reference(scores: &[f64], clicks: &[f64]) -> Result<Self> {
        let mut model = Self::fit(scores, clicks)?;
        let mut z: Vec<f64> =
            scores.iter().zip(clicks).map(|(&score, &clicks)| model.z(score, clicks)).collect();
        z.sort_by(f64::total_cmp);
        let high = quantile(&z, TAIL_QUANTILE).min(LARGEST_Z);
        let found = model.leaning(high) / model.leaning(UPPER_TWENTIETH);
        let rows = z.len() as f64;
        let seen = rows / (rows + 100.0);
        if found < 1.0 {
            model.skew += seen * (model.skew_of_quantile(high) - model.skew);
        }
        model.tail =
            (2.0 * found.max(1.0).ln() / UPPER_TWENTIETH.powi(2) * seen).min(HEAVIEST_TAIL);
        let correction = 1.0 + CORRECTION * ROWS_OF_A_BANNER as f64 / rows;
        model.knots.iter_mut().for_each(|knot| knot.spread *= correction);
        Ok(model)
    }

    /// Fits to the banners marked good if there are enough of them, and else to all. The flag
    /// returned says whether it was the former.
    ///
    /// # Errors
    /// When [`NullModel::fit`] fails on these banners.
    ///
    /// # Panics
    /// When there is not one mark for each score.
    pub(super) fn fit_to_good(
        scores: &[f64],
        clicks: &[f64],
        good: &[bool],
    ) -> Result<(Self, bool)> {
        assert_eq!(scores.len(), good.len(), "a mark for each banner");
        if good.iter().filter(|good| **good).count() < Self::MIN_BANNERS {
            return Ok((Self::fit(scores, clicks)?, false));
        }
        let marked = scores.iter().zip(clicks).zip(good).filter(|(_, good)| **good);
        let (scores, clicks): (Vec<f64>, Vec<f64>) =
            marked.map(|((score, clicks), _)| (score, clicks)).unzip();
        Ok((Self::fit(&scores, &clicks)?, true))
    }

    /// Fits to pairs (logarithm of the clicks, score), sorted by clicks.
    fn of_sorted(points: &[(f64, f64)]) -> Self {
        let size = points.len().min(NEIGHBOURHOOD.max(points.len() / 8));
        // Neighbourhoods overlap by half.
        let steps = (2 * (points.len() - size)).div_ceil(size).max(1);
        let mut knots: Vec<Knot> = Vec::with_capacity(steps + 1);
        for step in 0..=steps {
            let first = (points.len() - size) * step / steps;
            // Includes all banners with as many clicks as the first or last one, because the order
            // among equals is arbitrary.
            let (least, most) = (points[first].0, points[first + size - 1].0);
            let from = points.partition_point(|p| p.0 < least);
            let to = points.partition_point(|p| p.0 <= most);
            let knot = Knot::of(&points[from..to]);
            if knots.last().is_none_or(|last| knot.log_clicks > last.log_clicks) {
                knots.push(knot);
            }
        }
        let mut model = Self { knots, skew: 0.0, tail: 0.0 };
        let mut standardized: Vec<f64> =
            points.iter().map(|&(log_clicks, score)| model.z_at(score, log_clicks)).collect();
        standardized.sort_by(f64::total_cmp);
        let [low, median, high] = [0.25, 0.5, 0.75].map(|share| quantile(&standardized, share));
        let (down, up) = ((median - low).max(1e-6), (high - median).max(1e-6));
        let count = points.len() as f64;
        model.skew = ((up / down).ln() / UPPER_QUARTILE * count / (count + 100.0)).clamp(0.0, 1.0);
        model
    }

    /// Returns the z score of a banner with this score and number of clicks: standard normal for
    /// good banners.
    pub fn z(&self, score: f64, clicks: f64) -> f64 {
        self.z_at(score, clicks.max(1.0).ln())
    }

    /// Returns the score that has this z score at this number of clicks (the inverse of
    /// [`NullModel::z`], without its limit on large values).
    pub fn score_at(&self, z: f64, clicks: f64) -> f64 {
        let knot = self.knot(clicks.max(1.0).ln());
        knot.median
            + knot.spread / self.quartile()
                * self.leaning(z)
                * (0.5 * self.tail * z.max(0.0).powi(2)).exp()
    }

    /// (exp(g z) - 1) / g, the skewed variable of a standard normal z.
    fn leaning(&self, z: f64) -> f64 {
        if self.skew < 1e-6 { z } else { ((self.skew * z).exp() - 1.0) / self.skew }
    }

    /// The skew g, from 0 to the current one, that moves the score now at `z` to the 0.95 quantile.
    fn skew_of_quantile(&self, z: f64) -> f64 {
        let of = |skew: f64, z: f64| {
            let model = Self { knots: Vec::new(), skew, tail: 0.0 };
            model.leaning(z) / model.quartile()
        };
        let wanted = of(self.skew, z);
        let (mut low, mut high) = (0.0, self.skew);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if of(middle, UPPER_TWENTIETH) < wanted { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// Converts a z score under the g-distribution alone to that under the heavy-tailed one.
    fn with_tail(&self, z: f64) -> f64 {
        if self.tail == 0.0 || z <= 0.0 {
            return z;
        }
        // Solved by bisection in logarithms, which do not overflow.
        let wanted = self.leaning(z.min(300.0)).ln();
        let of = |z: f64| self.leaning(z).ln() + 0.5 * self.tail * z * z;
        let (mut low, mut high) = (0.0, z);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if of(middle) < wanted { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    fn z_at(&self, score: f64, log_clicks: f64) -> f64 {
        let knot = self.knot(log_clicks);
        let at = (score - knot.median) / knot.spread * self.quartile();
        let z = if self.skew < 1e-6 {
            at
        } else {
            // The distribution has a lower end; scores below it are clamped.
            (1.0 + self.skew * at).max(f64::MIN_POSITIVE).ln() / self.skew
        };
        soft_limit(self.with_tail(z), LARGEST_Z)
    }

    /// Half the interquartile range of (exp(g z) - 1) / g.
    fn quartile(&self) -> f64 {
        if self.skew < 1e-6 {
            UPPER_QUARTILE
        } else {
            (self.skew * UPPER_QUARTILE).sinh() / self.skew
        }
    }

    /// Location and spread at a number of clicks: interpolated between the two nearest knots,
    /// constant beyond the first and last.
    fn knot(&self, log_clicks: f64) -> Knot {
        let after = self.knots.partition_point(|knot| knot.log_clicks <= log_clicks);
        if after == 0 || after == self.knots.len() {
            return self.knots[after.min(self.knots.len() - 1)];
        }
        let (low, high) = (self.knots[after - 1], self.knots[after]);
        let t = (log_clicks - low.log_clicks) / (high.log_clicks - low.log_clicks);
        let mix = |a: f64, b: f64| a + t * (b - a);
        Knot {
            log_clicks,
            median: mix(low.median, high.median),
            spread: mix(low.spread, high.spread),
        }
    }
}

impl Knot {
    fn of(points: &[(f64, f64)]) -> Self {
        let mut scores: Vec<f64> = points.iter().map(|p| p.1).collect();
        scores.sort_by(f64::total_cmp);
        // If more than half of the scores are equal, the spread would be 0: then any different
        // score stands out, however close.
        let largest = scores[0].abs().max(scores[scores.len() - 1].abs());
        let smallest = if largest > 0.0 { 4.0 * f64::EPSILON * largest } else { 1e-12 };
        let spread = (0.5 * (quantile(&scores, 0.75) - quantile(&scores, 0.25))).max(smallest);
        let log_clicks = points.iter().map(|p| p.0).sum::<f64>() / points.len() as f64;
        Self { log_clicks, median: quantile(&scores, 0.5), spread }
    }
}

/// `z` if its absolute value is at most `limit`; beyond, `limit` plus the logarithm of 1 + the
/// excess.
pub(super) fn soft_limit(z: f64, limit: f64) -> f64 {
    let beyond = z.abs() - limit;
    if beyond > 0.0 { (limit + beyond.min(f64::MAX).ln_1p()).copysign(z) } else { z }
}

/// Returns the z score that a good banner exceeds with probability `rate`: the quantile of 1 -
/// `rate` of the standard normal distribution.
///
/// # Errors
/// When `rate` is not from 1e-12 to 0.5.
pub fn z_of_false_alarms(rate: f64) -> Result<f64> {
    if !(1e-12..=0.5).contains(&rate) {
        return Err(Error::config("false alarm rate", rate, "must be from 1e-12 to 0.5"));
    }
    // Bisection of erfc is exact in the upper tail and needs no table of coefficients.
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if upper_tail(middle) > rate { low = middle } else { high = middle }
    }
    Ok(0.5 * (low + high))
}

/// Returns the probability that a standard normal variable is above `z`.
pub fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests;
