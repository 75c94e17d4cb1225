//! [`NullModel`]: how a score is distributed among good banners, learned from banners without labels.
//!
//! Most banners are good, so the bulk of the scores tells how good ones spread, and what lies far above the bulk is suspicious (an
//! empirical null, Efron 2004). Three things are allowed for:
//!
//! * Scores lean to the right. The bulk is fitted by Tukey's g-distribution, x = a + b (exp(g z) - 1) / g with z standard normal (Hoaglin
//!   1985, section 11.2); a, b and g follow from three quartiles, which the broken banners hardly move.
//! * Broken banners lift the upper quartile a little. So the fit is repeated without those that stand out.
//! * Scores of few clicks spread more. Location a and spread b are taken among the banners nearest in clicks, and interpolated
//!   between. The lean g takes more data to see; it is one for all, drawn towards 0 when there are few, and never to the left: that
//!   would put an end to the right tail, and every banner beyond it would be broken for certain.
//!
//! Where the banners are a reference, of which what is broken was taken out before, the right tail is looked at too: scores of
//! good banners may have more far values than any normal distribution, and then z grows more slowly beyond the quartile
//! (Tukey's g-and-h distribution, Hoaglin 1985: another factor exp(h z^2 / 2) above 0, with h from the quantile of 0.95).
//!
//! It takes a bulk: from about a fifth of broken banners on, the upper quartile is theirs, and less and less is flagged. Where some banners are
//! known to be good, fit to those alone.
//!
//! A score becomes the z that it would have under the null; z above the normal quantile of 1 - r is flagged, where r is the share of the good
//! banners that is flagged in error.

use super::quantile::quantile;
use crate::{Error, Result};

/// Standard normal quantile of 3/4.
const UPPER_QUARTILE: f64 = 0.674_489_750_196_081_7;
/// Standard normal quantile of 0.95.
const UPPER_TWENTIETH: f64 = 1.644_853_626_951_472_2;
/// Where it is found in a reference: about a hundredth of the good banners was left out with the broken ones.
const TAIL_QUANTILE: f64 = 0.96;
/// The tail is never taken for heavier than this: a z of 3 then stands for a score that is 3.9 times as far out.
const HEAVIEST_TAIL: f64 = 0.3;
/// Banners that a set of quartiles is taken from, at least; of many banners it is an eighth, so that broken banners which all have about
/// as many clicks do not become the bulk of their neighbourhood.
const NEIGHBOURHOOD: usize = 300;
/// z beyond this grows by its logarithm only: the model knows nothing of such tails, but the order is kept.
const LARGEST_Z: f64 = 12.0;

/// The fitted null distribution of one score.
#[derive(Debug, Clone)]
pub struct NullModel {
    /// By ascending logarithm of the clicks.
    knots: Vec<Knot>,
    skew: f64,
    /// How heavy the right tail is: 0 as it is without.
    tail: f64,
}

/// The distribution around one number of clicks.
#[derive(Debug, Clone, Copy)]
struct Knot {
    log_clicks: f64,
    median: f64,
    /// Half the distance of the quartiles.
    spread: f64,
}

impl NullModel {
    /// Fewer banners than this say too little about a distribution.
    pub const LEAST_BANNERS: usize = 20;

    /// Fits to the scores of banners, and their clicks.
    ///
    /// # Errors
    /// With fewer than [`NullModel::LEAST_BANNERS`], with lengths that differ, or a score that is not finite.
    pub fn fit(scores: &[f64], clicks: &[f64]) -> Result<Self> {
        if scores.len() != clicks.len() {
            return Err(Error::Data(format!("{} scores but {} numbers of clicks", scores.len(), clicks.len())));
        }
        if scores.len() < Self::LEAST_BANNERS {
            let (got, least) = (scores.len(), Self::LEAST_BANNERS);
            return Err(Error::Data(format!("{got} banners: at least {least} are needed to learn how scores spread")));
        }
        if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
            return Err(Error::Data(format!("score {at} is {}", scores[at])));
        }
        let mut points: Vec<(f64, f64)> = clicks.iter().map(|&c| c.max(1.0).ln()).zip(scores.iter().copied()).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut model = Self::of_sorted(&points);
        // Twice without what stands out; a good banner in a thousand stands out by 3.1.
        for _ in 0..2 {
            let bulk: Vec<(f64, f64)> =
                points.iter().copied().filter(|&(log_clicks, score)| model.z_at(score, log_clicks) < 3.1).collect();
            if bulk.len() < points.len().div_ceil(2).max(Self::LEAST_BANNERS) {
                break;
            }
            model = Self::of_sorted(&bulk);
        }
        Ok(model)
    }

    /// Fits to a reference: banners that were chosen as good, whose right tail says how far good banners reach.
    ///
    /// # Errors
    /// As [`NullModel::fit`].
    pub fn fit_reference(scores: &[f64], clicks: &[f64]) -> Result<Self> {
        let mut model = Self::fit(scores, clicks)?;
        let mut z: Vec<f64> = scores.iter().zip(clicks).map(|(&score, &clicks)| model.z(score, clicks)).collect();
        z.sort_by(f64::total_cmp);
        let found = model.leaning(quantile(&z, TAIL_QUANTILE).min(LARGEST_Z)) / model.leaning(UPPER_TWENTIETH);
        let count = z.len() as f64;
        let seen = count / (count + 100.0);
        model.tail = (2.0 * found.max(1.0).ln() / UPPER_TWENTIETH.powi(2) * seen).min(HEAVIEST_TAIL);
        Ok(model)
    }

    /// Fits to the banners that are marked good, where there are enough, and else to all; says which.
    ///
    /// # Errors
    /// As [`NullModel::fit`] on what is fitted to.
    ///
    /// # Panics
    /// When there is not one mark for each score.
    pub(super) fn fit_to_good(scores: &[f64], clicks: &[f64], good: &[bool]) -> Result<(Self, bool)> {
        assert_eq!(scores.len(), good.len(), "a mark for each banner");
        if good.iter().filter(|good| **good).count() < Self::LEAST_BANNERS {
            return Ok((Self::fit(scores, clicks)?, false));
        }
        let marked = scores.iter().zip(clicks).zip(good).filter(|(_, good)| **good);
        let (scores, clicks): (Vec<f64>, Vec<f64>) = marked.map(|((score, clicks), _)| (score, clicks)).unzip();
        Ok((Self::fit(&scores, &clicks)?, true))
    }

    /// From (logarithm of clicks, score), sorted by clicks.
    fn of_sorted(points: &[(f64, f64)]) -> Self {
        let size = points.len().min(NEIGHBOURHOOD.max(points.len() / 8));
        // Neighbourhoods that overlap by half.
        let steps = (2 * (points.len() - size)).div_ceil(size).max(1);
        let mut knots: Vec<Knot> = Vec::with_capacity(steps + 1);
        for step in 0..=steps {
            let first = (points.len() - size) * step / steps;
            // With all that have as many clicks as the first and the last: where they stand among their equals means nothing.
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

    /// The z of a score of a banner with so many clicks: standard normal for good banners.
    pub fn z(&self, score: f64, clicks: f64) -> f64 {
        self.z_at(score, clicks.max(1.0).ln())
    }

    /// The score that a banner with so many clicks must pass for this z.
    pub fn score_at(&self, z: f64, clicks: f64) -> f64 {
        let knot = self.knot(clicks.max(1.0).ln());
        knot.median + knot.spread / self.quartile() * self.leaning(z) * (0.5 * self.tail * z.max(0.0).powi(2)).exp()
    }

    /// (exp(g z) - 1) / g.
    fn leaning(&self, z: f64) -> f64 {
        if self.skew < 1e-6 { z } else { ((self.skew * z).exp() - 1.0) / self.skew }
    }

    /// The z above 0 of which `z` is what it would be without the heavy tail.
    fn with_tail(&self, z: f64) -> f64 {
        if self.tail == 0.0 || z <= 0.0 {
            return z;
        }
        // By bisection of the logarithms, which do not overflow.
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
            // The distribution has an end to the left.
            (1.0 + self.skew * at).max(f64::MIN_POSITIVE).ln() / self.skew
        };
        soft_limit(self.with_tail(z), LARGEST_Z)
    }

    /// Half the distance of the quartiles of (exp(g z) - 1) / g.
    fn quartile(&self) -> f64 {
        if self.skew < 1e-6 { UPPER_QUARTILE } else { (self.skew * UPPER_QUARTILE).sinh() / self.skew }
    }

    /// Interpolated between the two nearest knots; beyond the ends, the last one.
    fn knot(&self, log_clicks: f64) -> Knot {
        let after = self.knots.partition_point(|knot| knot.log_clicks <= log_clicks);
        if after == 0 || after == self.knots.len() {
            return self.knots[after.min(self.knots.len() - 1)];
        }
        let (low, high) = (self.knots[after - 1], self.knots[after]);
        let t = (log_clicks - low.log_clicks) / (high.log_clicks - low.log_clicks);
        let mix = |a: f64, b: f64| a + t * (b - a);
        Knot { log_clicks, median: mix(low.median, high.median), spread: mix(low.spread, high.spread) }
    }
}

impl Knot {
    fn of(points: &[(f64, f64)]) -> Self {
        let mut scores: Vec<f64> = points.iter().map(|p| p.1).collect();
        scores.sort_by(f64::total_cmp);
        // Scores of which more than half are alike have no spread: what differs stands out, whatever the distance.
        let smallest = 1e-9 * scores[0].abs().max(scores[scores.len() - 1].abs()).max(1e-3);
        let spread = (0.5 * (quantile(&scores, 0.75) - quantile(&scores, 0.25))).max(smallest);
        let log_clicks = points.iter().map(|p| p.0).sum::<f64>() / points.len() as f64;
        Self { log_clicks, median: quantile(&scores, 0.5), spread }
    }
}

/// `z` up to a distance of `limit` from 0, and beyond that the logarithm of the rest on top.
pub(super) fn soft_limit(z: f64, limit: f64) -> f64 {
    let beyond = z.abs() - limit;
    if beyond > 0.0 { (limit + beyond.ln_1p()).copysign(z) } else { z }
}

/// The z that a good banner passes with probability `rate`: the quantile of 1 - rate of the standard normal distribution.
///
/// # Errors
/// When `rate` is not from 1e-12 to 0.5.
pub fn z_of_false_alarms(rate: f64) -> Result<f64> {
    if !(1e-12..=0.5).contains(&rate) {
        return Err(Error::config("false alarm rate", rate, "must be from 1e-12 to 0.5"));
    }
    // The upper tail by bisection of erfc: exact, and no table of coefficients.
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if upper_tail(middle) > rate { low = middle } else { high = middle }
    }
    Ok(0.5 * (low + high))
}

/// Probability that a standard normal variable is above `z`.
pub fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand_distr::{Distribution, StandardNormal};

    fn normal(seed: u64, count: usize) -> Vec<f64> {
        let mut rng = sample_rng(seed, 0);
        (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
    }

    #[test]
    fn quantiles_of_the_normal_distribution_are_right() {
        for (rate, z) in
            [(0.5, 0.0), (0.25, UPPER_QUARTILE), (0.025, 1.959_963_984_540_054), (0.001, 3.090_232_306_167_813)]
        {
            assert!((z_of_false_alarms(rate).unwrap() - z).abs() < 1e-12);
            assert!((upper_tail(z) - rate).abs() < 1e-15);
        }
        assert!(
            z_of_false_alarms(0.0).is_err() && z_of_false_alarms(0.6).is_err() && z_of_false_alarms(f64::NAN).is_err()
        );
    }

    #[test]
    fn false_alarms_come_at_the_stated_rate_though_scores_lean_and_some_are_broken() {
        // Log-normal scores of good banners, 10 % of all far above.
        let score = |z: &f64| (0.4 * z).exp();
        let good: Vec<f64> = normal(1, 9_000).iter().map(score).collect();
        let broken = normal(2, 1_000).iter().map(|z| 6.0 + z).collect::<Vec<_>>();
        let all: Vec<f64> = good.iter().chain(&broken).copied().collect();
        let model = NullModel::fit(&all, &vec![100.0; all.len()]).unwrap();
        let fresh: Vec<f64> = normal(3, 50_000).iter().map(score).collect();
        for rate in [0.05, 0.01, 0.002] {
            let threshold = z_of_false_alarms(rate).unwrap();
            let alarms = fresh.iter().filter(|&&s| model.z(s, 100.0) > threshold).count() as f64 / 50_000.0;
            assert!((0.5 * rate..1.5 * rate).contains(&alarms), "{alarms} instead of {rate}");
        }
        let caught = broken.iter().filter(|&&s| model.z(s, 100.0) > 3.1).count();
        assert!(caught > 970, "{caught}");
    }

    #[test]
    fn few_clicks_may_spread_more() {
        let clicks: Vec<f64> = (0..4_000).map(|i| 20.0 * 1.002_f64.powi(i)).collect();
        let scores: Vec<f64> = normal(4, 4_000).iter().zip(&clicks).map(|(z, c)| z / c.sqrt()).collect();
        let model = NullModel::fit(&scores, &clicks).unwrap();
        for at in [50.0_f64, 500.0, 5_000.0] {
            let z = model.z(2.0 / at.sqrt(), at);
            assert!((z - 2.0).abs() < 0.4, "{z} at {at}");
        }
    }

    #[test]
    fn a_heavy_tail_of_the_reference_costs_no_more_false_alarms_than_stated() {
        // Student's t with 4 degrees of freedom: 2.3 % lie beyond the normal quantile of 1 % of their quartiles' normal.
        let heavy = |seed, count| -> Vec<f64> {
            let mut rng = sample_rng(seed, 0);
            let t = rand_distr::StudentT::new(4.0).unwrap();
            (0..count).map(|_| t.sample(&mut rng)).collect()
        };
        let reference = heavy(11, 4_000);
        let clicks = vec![100.0; reference.len()];
        let alarms = |model: &NullModel| {
            heavy(12, 50_000).iter().filter(|&&s| model.z(s, 100.0) > 2.326).count() as f64 / 50_000.0
        };
        let with = NullModel::fit_reference(&reference, &clicks).unwrap();
        let without = NullModel::fit(&reference, &clicks).unwrap();
        assert!(alarms(&without) > 0.018 && alarms(&with) < 0.014, "{} {}", alarms(&without), alarms(&with));
        for z in [0.5, 2.0, 4.0] {
            assert!((with.z(with.score_at(z, 100.0), 100.0) - z).abs() < 1e-9);
        }
        // A normal reference is left alone.
        let normal = NullModel::fit_reference(&normal(13, 4_000), &clicks).unwrap();
        assert!(normal.tail < 0.08, "{}", normal.tail);
    }

    #[test]
    fn z_and_score_are_inverse() {
        let scores: Vec<f64> = normal(5, 1_000).iter().map(|z| z.exp()).collect();
        let model = NullModel::fit(&scores, &vec![50.0; 1_000]).unwrap();
        for z in [-1.0, 0.0, 2.5] {
            assert!((model.z(model.score_at(z, 50.0), 50.0) - z).abs() < 1e-9);
        }
    }

    #[test]
    fn equal_scores_and_bad_input_are_no_trouble() {
        let model = NullModel::fit(&[1.0; 30], &[10.0; 30]).unwrap();
        assert!(model.z(1.0, 10.0).abs() < 1e-6);
        assert!((LARGEST_Z..50.0).contains(&model.z(1.1, 10.0)) && (-50.0..-LARGEST_Z).contains(&model.z(0.9, 10.0)));
        assert!(NullModel::fit(&[1.0; 5], &[1.0; 5]).unwrap_err().to_string().contains("at least 20"));
        assert!(NullModel::fit(&[f64::NAN; 30], &[1.0; 30]).is_err());
        assert!(NullModel::fit(&[1.0; 30], &[1.0; 29]).is_err());
    }
}
