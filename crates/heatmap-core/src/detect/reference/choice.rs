//! How a [`Reference`] is chosen: in rounds of scores of fit to the previous one.

use rand::RngExt;
use rayon::prelude::*;

use super::{Reference, ReferenceConfig, spread_out};
use crate::detect::banner_groups::median;
use crate::detect::fusion::{FitNorm, NetworkAndFit};
use crate::detect::grid_fit::HAND_MADE;
use crate::detect::null_model::{ROWS_OF_A_BANNER, UPPER_QUARTILE};
use crate::detect::smoothed_shares::SmoothedShares;
use crate::detect::{BannerGroups, ClickMap, FitScores, GridFit, NullModel, Score, Verdict};
use crate::{Heatmap, Result, sample_rng};

/// Shares of their clicks with which reference banners are scored again.
const THINNED: [f64; ROWS_OF_A_BANNER - 1] = [0.5, 0.25];
/// Samples with fewer clicks than this say nothing and are dropped.
const MIN_CLICKS: f64 = 8.0;
/// Log odds above which the network and the fit together may leave a banner out.
const BROKEN: f64 = 3.0;
/// Share of the uniform map in the map of a layout.
const EVEN: f64 = 0.1;
/// Fewest reference banners that give a layout a map of its own.
const MIN_LAYOUT: usize = 5;

/// The data that a reference is chosen from: one entry for each considered banner.
pub(super) struct Choice<'a> {
    pub(super) config: &'a ReferenceConfig,
    pub(super) heatmaps: Vec<&'a Heatmap>,
    pub(super) rows: Vec<Vec<f32>>,
    pub(super) clicks: Vec<f64>,
    pub(super) known: Vec<Option<Verdict>>,
    pub(super) shares: SmoothedShares,
    /// Mean number of clicks that come together at one place, as estimated by `burstiness`.
    pub(super) bursts: f64,
    pub(super) seed: u64,
}

/// A choice of reference banners, with the scores that compare others with them.
struct Round {
    chosen: Vec<bool>,
    /// Indices of the chosen banners, ascending.
    members: Vec<usize>,
    /// Indices of the chosen banners that others are compared with, ascending.
    compared: Vec<usize>,
    layouts: Vec<ClickMap>,
    fit: GridFit,
    /// As [`Reference::thinned`].
    thinned: Vec<(FitScores, f64)>,
}

impl Choice<'_> {
    pub(super) fn settle(self, considered: Vec<usize>, groups: BannerGroups) -> Result<Reference> {
        let mut possible = vec![true; self.rows.len()];
        groups.defective().for_each(|at| possible[at] = false);
        for (possible, known) in possible.iter_mut().zip(&self.known) {
            *possible = known.map_or(*possible, |verdict| verdict.good);
        }
        // If all banners seem broken, using all of them is better than none.
        if !possible.contains(&true) {
            possible.fill(true);
        }
        let mut round = self.round(&groups, possible.clone(), false)?;
        for number in 0..self.config.rounds {
            // The first round scales scores by their densest half, which up to 40 % of broken
            // banners hardly move; the later ones, with most of those gone, by a fitted null
            // distribution, which allows for skew.
            let by_half = number == 0;
            let Some(next) = self.next(&round, &possible, by_half)? else { break };
            // With an unchanged reference, further rounds would change nothing. This does not hold
            // for the first round, which scales scores in another way.
            if !by_half && next == round.chosen {
                break;
            }
            round = self.round(&groups, next, false)?;
        }
        if self.config.network {
            round = self.round(&groups, round.chosen, true)?;
            // By the densest half again, because broken banners that only the network recognises
            // were in the reference of every round before.
            if let Some(next) =
                self.next(&round, &possible, true)?.filter(|next| *next != round.chosen)
            {
                round = self.round(&groups, next, true)?;
            }
        }
        let [banners, compared] = [&round.members, &round.compared]
            .map(|places| places.iter().map(|&at| considered[at]).collect());
        let Round { layouts, fit, thinned, .. } = round;
        Ok(Reference { banners, considered, groups, layouts, compared, fit, thinned })
    }

    /// Fits the scores to the `chosen` banners, with or without the `network`.
    fn round(&self, groups: &BannerGroups, chosen: Vec<bool>, network: bool) -> Result<Round> {
        let members: Vec<usize> = (0..chosen.len()).filter(|&at| chosen[at]).collect();
        let compared = spread_out(&members, self.config.max_compared);
        let layouts = self.layouts(groups, &chosen, &members);
        let rows: Vec<&[f32]> = compared.iter().map(|&at| self.rows[at].as_slice()).collect();
        let broken =
            (0..self.rows.len()).filter(|&at| self.known[at].is_some_and(|verdict| !verdict.good));
        let mut fit = GridFit::new(self.shares.clone(), &rows, &layouts)
            .with_broken(broken.map(|at| self.rows[at].as_slice()));
        if network {
            let heatmaps: Vec<&Heatmap> = compared.iter().map(|&at| self.heatmaps[at]).collect();
            fit = fit.with_network(&heatmaps)?;
        }
        let thinned = self.thinned(&fit, &compared)?;
        Ok(Round { chosen, members, compared, layouts, fit, thinned })
    }

    /// The banners of the next reference; `None` if they would be too few to show how scores
    /// spread.
    fn next(&self, round: &Round, possible: &[bool], by_half: bool) -> Result<Option<Vec<bool>>> {
        let next = self.z(round, by_half)?.map(|z| self.within(&z, possible));
        Ok(next
            .filter(|next| next.iter().filter(|chosen| **chosen).count() >= NullModel::MIN_BANNERS))
    }

    /// Whether each banner is in the next reference: by what is known of it, or else by its z
    /// score.
    fn within(&self, z: &[f64], possible: &[bool]) -> Vec<bool> {
        let of = |at: usize| {
            self.known[at]
                .map_or(possible[at] && z[at] <= self.config.max_z, |verdict| verdict.good)
        };
        (0..z.len()).map(of).collect()
    }

    /// The fused z score of every banner under this reference; `None` if that is too small.
    fn z(&self, round: &Round, by_half: bool) -> Result<Option<Vec<f64>>> {
        let Round { members, compared, fit, thinned, .. } = round;
        let of = |at: usize| {
            fit.parts_of(self.heatmaps[at], &self.rows[at], compared.binary_search(&at).ok())
        };
        let parts: Vec<FitScores> =
            (0..self.rows.len()).into_par_iter().map(of).collect::<Result<_>>()?;
        let reference: Vec<(FitScores, f64)> = members
            .iter()
            .map(|&at| (parts[at], self.clicks[at]))
            .chain(thinned.iter().copied())
            .collect();
        let whole = |parts: &FitScores| parts[..HAND_MADE].iter().all(Option::is_some);
        if reference.len() < NullModel::MIN_BANNERS
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
            let mut z: Vec<Option<f64>> = parts
                .iter()
                .zip(&nulls)
                .map(|(part, null)| part.map(|score| null.z(score, clicks)))
                .collect();
            match parts[HAND_MADE] {
                Some(log_odds) => {
                    z.push(Some(log_odds));
                    NetworkAndFit.score(&z)
                }
                None => FitNorm.score(&z),
            }
        };
        let all: Vec<f64> = parts
            .iter()
            .zip(&self.clicks)
            .map(|(parts, &n)| fused(parts, n))
            .collect::<Result<_>>()?;
        if by_half {
            let (middle, mut spread) = densest_half(members.iter().map(|&at| all[at]).collect());
            if fit.has_network() {
                // With many clicks the scores of good banners are skewed far to the right, so only
                // banners with log odds of broken above `BROKEN` are left out.
                spread =
                    spread.max((NetworkAndFit::of_log_odds(BROKEN) - middle) / self.config.max_z);
            }
            return Ok(Some(all.iter().map(|score| (score - middle) / spread).collect()));
        }
        let of_reference: Vec<f64> =
            reference.iter().map(|(parts, n)| fused(parts, *n)).collect::<Result<_>>()?;
        let null = NullModel::fit(&of_reference, &clicks)?;
        Ok(Some(all.iter().zip(&self.clicks).map(|(&score, &n)| null.z(score, n)).collect()))
    }

    /// Scores of fit of the reference banners with only a share of their clicks, with the number of
    /// clicks.
    fn thinned(&self, fit: &GridFit, compared: &[usize]) -> Result<Vec<(FitScores, f64)>> {
        let samples = THINNED.into_iter().enumerate();
        let samples = samples
            .flat_map(|(round, share)| (0..compared.len()).map(move |at| (round, share, at)));
        let samples: Vec<(usize, f64, usize)> = samples.collect();
        let of = |&(round, share, place): &(usize, f64, usize)| {
            let at = compared[place];
            let few = thinned(
                self.heatmaps[at],
                share,
                self.bursts,
                self.seed.wrapping_add(round as u64),
                at as u64,
            );
            let clicks = few.total();
            if clicks < MIN_CLICKS {
                return Ok(None);
            }
            Ok(Some((fit.parts_of(&few, &self.shares.of(&few)?, Some(place))?, clicks)))
        };
        let parts: Vec<Option<(FitScores, f64)>> =
            samples.par_iter().map(of).collect::<Result<_>>()?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// A map for each group that shows a layout, plus one of all reference banners if these groups
    /// hold less than half of them.
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

/// The middle of the shortest interval that holds half of the values (the shorth of Andrews and
/// others, 1972), and the standard deviation of a normal distribution whose middle half is as wide.
pub(super) fn densest_half(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let half = values.len().div_ceil(2);
    let width = |at: usize| values[at + half - 1] - values[at];
    let at = (0..=values.len() - half).min_by(|&a, &b| width(a).total_cmp(&width(b))).unwrap_or(0);
    let spread = 0.5 * width(at) / UPPER_QUARTILE;
    (0.5 * (values[at] + values[at + half - 1]), spread.max(1e-9))
}

/// Draws `share` of the clicks of `heatmap`, in bursts of `bursts` clicks in one bin.
pub(super) fn thinned(
    heatmap: &Heatmap,
    share: f64,
    bursts: f64,
    seed: u64,
    index: u64,
) -> Heatmap {
    // The constant gives a random stream of its own, which no generator uses.
    let mut rng = sample_rng(seed ^ 0x0074_6869_6E6E_6564, index);
    let mut values = heatmap.values().to_vec();
    for value in values.iter_mut().filter(|value| **value > 0.0) {
        let whole = f64::from(*value);
        let count = (whole / bursts.max(1.0)).ceil();
        // With thousands of bursts in a bin, the share that is drawn is practically `share` itself.
        let kept = if count > 4_096.0 {
            count * share
        } else {
            (0..count as u32).filter(|_| rng.random_bool(share)).count() as f64
        };
        *value = (kept * bursts.max(1.0)).min(whole) as f32;
    }
    Heatmap::from_values(heatmap.grid(), values).expect("no more than there was")
}
