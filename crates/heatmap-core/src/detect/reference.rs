//! [`Reference`]: the banners of a grid that are taken for good, chosen without labels where there
//! are none.
//!
//! Whatever is learned of good banners is learned from these alone. They are chosen in rounds: at
//! first all banners but the groups that show a kind of defect ([`super::BannerGroups`]); then all
//! whose scores of fit to the reference of the round before stand out are left out. What labels or
//! landing rates say of a banner decides on it.
//!
//! With few clicks every banner lies far from every other. So each reference banner is also scored
//! with a half and a quarter of its clicks, drawn from those that it has, by bursts: one person
//! clicks one place several times, and what such a person did stays together (`burstiness` says how
//! often). These samples, beside the banners as they are, tell how good banners with so many clicks
//! spread.

use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::banner_groups::{median, shares_of};
use super::fusion::FitNorm;
use super::grid_fit::HAND_MADE;
use super::null_model::UPPER_QUARTILE;
use super::smoothed_shares::SmoothedShares;
use super::{BannerGroups, ClickMap, FitScores, GridFit, NullModel, Score, Smoothing, Verdict, burstiness};
use crate::{Error, Heatmap, Result, sample_rng};

/// How a reference is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReferenceConfig {
    /// Banners that the choice is made among, at most; of more, a sample.
    pub max_banners: usize,
    /// Banners that the scores compare with, at most.
    pub max_compared: usize,
    /// A banner whose z, under the reference of the round before, is larger is left out.
    pub max_z: f64,
    /// Rounds.
    pub rounds: usize,
    /// Whether the built-in network is among the scores that compare with it. It takes longer than
    /// all others, and the choice does not depend on it.
    pub network: bool,
}

impl Default for ReferenceConfig {
    fn default() -> Self {
        Self { max_banners: 1_000, max_compared: 300, max_z: 3.0, rounds: 4, network: true }
    }
}

/// The banners of a grid that are taken for good, and the scores that compare with them.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Positions of its banners among those that it was chosen from, ascending.
    pub banners: Vec<usize>,
    /// Positions of all banners that the choice was made among, ascending.
    pub considered: Vec<usize>,
    /// Groups of like banners; their positions are those in `considered`.
    pub groups: BannerGroups,
    /// A map of each layout.
    pub layouts: Vec<ClickMap>,
    /// Scores of fit to it.
    pub fit: GridFit,
    /// Scores of fit of its own banners with fewer clicks than they have, and how many clicks.
    pub thinned: Vec<(FitScores, f64)>,
}

/// Shares of the clicks that reference banners are looked at with, beside all of them.
const THINNED: [f64; 2] = [0.5, 0.25];
/// Fewer clicks than this say nothing.
const MIN_CLICKS: f64 = 8.0;
/// Share of even clicks in the map of a layout.
const EVEN: f64 = 0.1;
/// Reference banners that a layout has a map of its own for, at least.
const MIN_LAYOUT: usize = 5;

impl ReferenceConfig {
    /// Chooses among `heatmaps`, each with what is `known` of it. Banners without a click are
    /// passed over. `seed` decides what is drawn.
    ///
    /// # Errors
    /// When heatmaps lie on different grids, or no banner with clicks is left.
    ///
    /// # Panics
    /// When there is not one entry of `known` for each heatmap.
    pub fn choose(
        &self,
        heatmaps: &[&Heatmap],
        known: &[Option<Verdict>],
        smoothing: &Smoothing,
        seed: u64,
    ) -> Result<Reference> {
        assert_eq!(heatmaps.len(), known.len(), "what is known of each banner");
        let clicked: Vec<usize> = (0..heatmaps.len()).filter(|&at| heatmaps[at].total() > 0.0).collect();
        if clicked.is_empty() {
            return Err(Error::Data("no banner with clicks to learn from".to_owned()));
        }
        let considered = considered(&clicked, known, self.max_banners.max(1));
        let heatmaps: Vec<&Heatmap> = considered.iter().map(|&at| heatmaps[at]).collect();
        let known: Vec<Option<Verdict>> = considered.iter().map(|&at| known[at]).collect();
        let clicks: Vec<f64> = heatmaps.iter().map(|heatmap| heatmap.total()).collect();
        let middle = clicks.len() / 2;
        let median_clicks = *clicks.clone().select_nth_unstable_by(middle, f64::total_cmp).1;
        let shares = SmoothedShares::for_clicks(heatmaps[0].grid(), median_clicks, smoothing);
        let rows = shares_of(&shares, &heatmaps)?;
        let groups = BannerGroups::find(&shares, &rows, &known)?;
        let choice = Choice { config: self, heatmaps, rows, clicks, known, shares, seed };
        choice.settle(considered, groups)
    }
}

/// What a choice is made from.
struct Choice<'a> {
    config: &'a ReferenceConfig,
    heatmaps: Vec<&'a Heatmap>,
    rows: Vec<Vec<f32>>,
    clicks: Vec<f64>,
    known: Vec<Option<Verdict>>,
    shares: SmoothedShares,
    seed: u64,
}

impl Choice<'_> {
    fn settle(self, considered: Vec<usize>, groups: BannerGroups) -> Result<Reference> {
        let mut possible = vec![true; self.rows.len()];
        groups.defective().for_each(|at| possible[at] = false);
        for (possible, known) in possible.iter_mut().zip(&self.known) {
            *possible = known.map_or(*possible, |verdict| verdict.good);
        }
        // Of nothing but broken banners, all are better than none.
        if !possible.contains(&true) {
            possible.fill(true);
        }
        let bursts = burstiness(&self.heatmaps);
        let mut chosen = possible.clone();
        let mut round = 0;
        loop {
            let members: Vec<usize> = (0..chosen.len()).filter(|&at| chosen[at]).collect();
            let compared = spread_out(&members, self.config.max_compared);
            let layouts = self.layouts(&groups, &chosen, &members);
            let rows: Vec<&[f32]> = compared.iter().map(|&at| self.rows[at].as_slice()).collect();
            let fit = GridFit::new(self.shares.clone(), &rows, &layouts);
            let thinned = self.thinned(&fit, &compared, bursts)?;
            // At first by the densest half, which up to 40 % of broken banners hardly move; then,
            // with most of those gone, by how scores of good banners lean.
            let by_half = round == 0;
            let z = match round < self.config.rounds {
                true => self.z(&fit, &compared, &members, &thinned, by_half)?,
                false => None,
            };
            let next = z.map(|z| self.within(&z, &possible)).filter(|next| {
                // Never fewer than would tell how scores spread; and a further round on an unchanged
                // reference would change nothing, but for the first, which judges otherwise.
                let enough = next.iter().filter(|chosen| **chosen).count() >= NullModel::LEAST_BANNERS;
                enough && (by_half || *next != chosen)
            });
            let Some(next) = next else {
                let banners = members.iter().map(|&at| considered[at]).collect();
                let mut reference = Reference { banners, considered, groups, layouts, fit, thinned };
                if self.config.network {
                    let heatmaps: Vec<&Heatmap> = compared.iter().map(|&at| self.heatmaps[at]).collect();
                    reference.fit = reference.fit.with_network(&heatmaps)?;
                    reference.thinned = self.thinned(&reference.fit, &compared, bursts)?;
                }
                return Ok(reference);
            };
            chosen = next;
            round += 1;
        }
    }

    /// Whether each banner is in the next reference: what is known decides, or else its z.
    fn within(&self, z: &[f64], possible: &[bool]) -> Vec<bool> {
        let of = |at: usize| self.known[at].map_or(possible[at] && z[at] <= self.config.max_z, |verdict| verdict.good);
        (0..z.len()).map(of).collect()
    }

    /// The fused z of every banner under this reference; none when that is too small.
    fn z(
        &self,
        fit: &GridFit,
        compared: &[usize],
        members: &[usize],
        thinned: &[(FitScores, f64)],
        by_half: bool,
    ) -> Result<Option<Vec<f64>>> {
        let of = |at: usize| fit.parts_of(self.heatmaps[at], &self.rows[at], compared.binary_search(&at).ok());
        let parts: Vec<FitScores> = (0..self.rows.len()).into_par_iter().map(of).collect::<Result<_>>()?;
        let reference: Vec<(FitScores, f64)> =
            members.iter().map(|&at| (parts[at], self.clicks[at])).chain(thinned.iter().copied()).collect();
        let whole = |parts: &FitScores| parts[..HAND_MADE].iter().all(Option::is_some);
        if reference.len() < NullModel::LEAST_BANNERS
            || !parts.iter().chain(reference.iter().map(|row| &row.0)).all(whole)
        {
            return Ok(None);
        }
        let clicks: Vec<f64> = reference.iter().map(|(_, clicks)| *clicks).collect();
        let null = |part: usize| {
            let scores: Vec<f64> = reference.iter().filter_map(|(parts, _)| parts[part]).collect();
            NullModel::fit(&scores, &clicks)
        };
        let nulls = (0..HAND_MADE).map(null).collect::<Result<Vec<_>>>()?;
        let fused = |parts: &FitScores, clicks: f64| {
            let z: Vec<Option<f64>> =
                parts.iter().zip(&nulls).map(|(part, null)| part.map(|score| null.z(score, clicks))).collect();
            FitNorm.score(&z)
        };
        let all: Vec<f64> = parts.iter().zip(&self.clicks).map(|(parts, &n)| fused(parts, n)).collect::<Result<_>>()?;
        if by_half {
            let (middle, spread) = densest_half(members.iter().map(|&at| all[at]).collect());
            return Ok(Some(all.iter().map(|score| (score - middle) / spread).collect()));
        }
        let of_reference: Vec<f64> = reference.iter().map(|(parts, n)| fused(parts, *n)).collect::<Result<_>>()?;
        let null = NullModel::fit(&of_reference, &clicks)?;
        Ok(Some(all.iter().zip(&self.clicks).map(|(&score, &n)| null.z(score, n)).collect()))
    }

    /// The reference banners with fewer clicks than they have.
    fn thinned(&self, fit: &GridFit, compared: &[usize], bursts: f64) -> Result<Vec<(FitScores, f64)>> {
        let samples = THINNED.into_iter().enumerate();
        let samples = samples.flat_map(|(round, share)| (0..compared.len()).map(move |at| (round, share, at)));
        let samples: Vec<(usize, f64, usize)> = samples.collect();
        let of = |&(round, share, place): &(usize, f64, usize)| {
            let at = compared[place];
            let few = thinned(self.heatmaps[at], share, bursts, self.seed.wrapping_add(round as u64), at as u64);
            let clicks = few.total();
            if clicks < MIN_CLICKS {
                return Ok(None);
            }
            Ok(Some((fit.parts_of(&few, &self.shares.of(&few)?, Some(place))?, clicks)))
        };
        let parts: Vec<Option<(FitScores, f64)>> = samples.par_iter().map(of).collect::<Result<_>>()?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// A map of each group that shows a layout; of all reference banners, if those hold less than
    /// half of them.
    fn layouts(&self, groups: &BannerGroups, chosen: &[bool], members: &[usize]) -> Vec<ClickMap> {
        let mut sets: Vec<Vec<usize>> = groups
            .layouts()
            .map(|group| group.banners.iter().copied().filter(|&at| chosen[at]).collect::<Vec<_>>())
            .filter(|banners| banners.len() >= MIN_LAYOUT)
            .collect();
        if 2 * sets.iter().map(Vec::len).sum::<usize>() < members.len() {
            sets.push(members.to_vec());
        }
        let map = |banners: &Vec<usize>| {
            let rows: Vec<&[f32]> = banners.iter().map(|&at| self.rows[at].as_slice()).collect();
            ClickMap::from_bins(self.shares.grid(), &self.shares.at_every_bin(&median(&rows)), EVEN)
        };
        sets.iter().map(map).collect()
    }
}

/// Middle of the shortest interval that holds half of the values (the shorth of Andrews and others,
/// 1972), and the standard deviation of a normal distribution whose middle half is as wide.
fn densest_half(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let half = values.len().div_ceil(2);
    let width = |at: usize| values[at + half - 1] - values[at];
    let at = (0..=values.len() - half).min_by(|&a, &b| width(a).total_cmp(&width(b))).unwrap_or(0);
    let spread = 0.5 * width(at) / UPPER_QUARTILE;
    (0.5 * (values[at] + values[at + half - 1]), spread.max(1e-9))
}

/// At most `most` of `from`: those that something is known of first, of the rest an even sample.
fn considered(from: &[usize], known: &[Option<Verdict>], most: usize) -> Vec<usize> {
    let (told, rest): (Vec<usize>, Vec<usize>) = from.iter().partition(|&&at| known[at].is_some());
    // At least half of them stand for the grid as it is.
    let told = spread_out(&told, most.div_ceil(2).max(most.saturating_sub(rest.len())));
    let mut all = [&told[..], &spread_out(&rest, most - told.len())[..]].concat();
    all.sort_unstable();
    all
}

/// At most `most` of `from`, evenly spread.
fn spread_out(from: &[usize], most: usize) -> Vec<usize> {
    if from.len() <= most {
        return from.to_vec();
    }
    (0..most).map(|at| from[at * from.len() / most]).collect()
}

/// `share` of the clicks of `heatmap`, drawn by bursts of `bursts` clicks in one bin.
fn thinned(heatmap: &Heatmap, share: f64, bursts: f64, seed: u64, index: u64) -> Heatmap {
    // A stream of its own, which no generator uses.
    let mut rng = sample_rng(seed ^ 0x0074_6869_6E6E_6564, index);
    let mut values = heatmap.values().to_vec();
    for value in values.iter_mut().filter(|value| **value > 0.0) {
        let whole = f64::from(*value);
        let count = (whole / bursts.max(1.0)).ceil();
        // Beyond thousands in one bin the share is what it is.
        let kept = if count > 4_096.0 {
            count * share
        } else {
            (0..count as u32).filter(|_| rng.random_bool(share)).count() as f64
        };
        *value = (kept * bursts.max(1.0)).min(whole) as f32;
    }
    Heatmap::from_values(heatmap.grid(), values).expect("no more than there was")
}

#[cfg(test)]
mod tests;
