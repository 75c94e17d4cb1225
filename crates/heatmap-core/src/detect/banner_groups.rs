//! [`BannerGroups`]: which banners of a grid look alike, and whether each group shows a layout or a
//! kind of defect.
//!
//! A grid shows one dominant layout and rarer ones, while a broken template breaks many banners in
//! the same way. Both appear as groups of similar banners, so the size of a group does not tell
//! which it is. Groups are the leaf clusters of HDBSCAN on the leading principal components of the
//! square roots of smoothed shares; banners unlike all others belong to no group. These rules then
//! decide, in this order:
//!
//! * If a user named a banner of the group as an example, the group is what the user said.
//! * Labels and landing rates decide where their odds are clear. On a layout a twentieth of the
//!   banners may be broken, so each label counts 19 to 1; a defect would also hold its share of all
//!   labels that say broken, so few such labels speak against one.
//! * A group of at least half of the banners shows a layout.
//! * Any other group is compared with the median map of all banners outside it. If one pattern of
//!   clicks (a single spot, a strip along an edge, anywhere, a cloud in the middle, a diagonal),
//!   mixed with that map, explains most of the Kullback-Leibler divergence, the group is a kind of
//!   defect: no layout of products differs from another by one spot or by clicks everywhere.
//! * Everything else shows a layout.
//!
//! A foreign layout that is shown in error looks just like a rare layout of the grid. No statistic
//! can tell them apart; but the report shows the group, and one label for one of its banners
//! decides on all of them.

use faer::Mat;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::smoothed_shares::{SmoothedShares, roots};
use super::template::{Templates, Unlike};
use crate::analysis::{ClusterSelection, HdbscanConfig, PcaConfig, PcaSolver};
use crate::{Heatmap, Result};

/// The groups of banners that look alike, among some banners of one grid.
#[derive(Debug, Clone, Default)]
pub struct BannerGroups {
    /// The groups, largest first.
    pub groups: Vec<BannerGroup>,
}

/// A group of banners that look alike.
#[derive(Debug, Clone)]
pub struct BannerGroup {
    /// Positions of its banners among those that were compared, ascending.
    pub banners: Vec<usize>,
    /// Whether it shows a layout or a kind of defect.
    pub kind: GroupKind,
    /// How its clicks differ from those of all banners outside it.
    pub unlike: Unlike,
}

/// What is known of one banner, by an example, a label or a landing rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the banner is good.
    pub good: bool,
    /// Whether this also holds for all banners that look like it.
    pub of_its_group: bool,
}

impl Verdict {
    /// Makes a verdict that holds for one banner alone.
    pub fn of(good: bool) -> Self {
        Self { good, of_its_group: false }
    }
}

/// What a group of similar banners shows, and whether that was guessed or is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupKind {
    /// A layout of products: banners like these are taken for good.
    Layout,
    /// A kind of defect: one pattern of clicks is all that sets the group apart from other banners.
    Defect,
    /// A kind of defect, as decided by labels, landing rates or an example that a user named.
    KnownDefect,
    /// A layout of products, as decided by labels, landing rates or an example that a user named.
    KnownLayout,
}

impl GroupKind {
    /// Returns whether labels, landing rates or an example decided.
    pub fn is_known(self) -> bool {
        matches!(self, Self::KnownDefect | Self::KnownLayout)
    }

    /// Returns whether banners like these are taken for broken.
    pub fn is_defect(self) -> bool {
        matches!(self, Self::Defect | Self::KnownDefect)
    }
}

/// Smallest number of banners in a group.
const MIN_BANNERS: usize = 8;
/// Smallest share of the banners in a group.
const MIN_SHARE: f64 = 0.04;
/// HDBSCAN's `min_samples`: the density around a banner is measured by the distance to this many
/// nearest banners, itself included.
const DENSITY_BANNERS: usize = 5;
/// With more banners than this the principal components come from the randomised solver, which is
/// faster.
const MAX_EXACT: usize = 300;
/// Number of principal components that banners are clustered by.
const COMPONENTS: usize = 12;
/// Smallest divergence from all other banners, in nats per click, at which a group can be a defect.
const MIN_DIVERGENCE: f64 = 0.12;
/// Divergence from which on a group differs clearly; below it one pattern must explain nearly all
/// of it.
const CLEAR_DIVERGENCE: f64 = 0.25;
/// Share of a divergence below `CLEAR_DIVERGENCE` that one pattern must explain.
const EXPLAINED_OF_LITTLE: f64 = 0.92;
/// Share of a clear divergence that one pattern must explain.
const EXPLAINED: f64 = 0.84;
/// Share of a clear divergence that a spot or strip at the rim of the banner must explain; products
/// do not stand there.
const EXPLAINED_AT_THE_RIM: f64 = 0.7;
/// Share of a clear divergence that a spot elsewhere must explain; it is high because a layout with
/// one large product looks like a spot, too.
const EXPLAINED_BY_A_SPOT: f64 = 0.92;
/// Share of the banners of a layout that are expected to be broken.
const BROKEN_OF_A_LAYOUT: f64 = 0.05;
/// Share of all banners of a grid that are expected to be broken.
const USUAL_BROKEN: f64 = 0.1;
/// Log odds from which on labels decide what a group is.
const MIN_ODDS: f64 = 1.0;
/// Log odds needed to call a group a defect when it holds more banners than are usually broken.
const MIN_ODDS_OF_MANY: f64 = 7.0;
/// Share of the banners from which on an unlabelled group always counts as a layout.
const MAJORITY: f64 = 0.5;

impl BannerGroups {
    /// Groups the banners with these smoothed shares, one row each; `known` says what is known of
    /// each banner.
    ///
    /// # Errors
    /// When the shares are not finite.
    ///
    /// # Panics
    /// When `known` does not have one entry for each banner.
    pub(super) fn find(
        smoothing: &SmoothedShares,
        shares: &[Vec<f32>],
        known: &[Option<Verdict>],
    ) -> Result<Self> {
        assert_eq!(shares.len(), known.len(), "what is known of each banner");
        let labels = cluster(shares)?;
        let clusters = labels.iter().flatten().max().map_or(0, |last| last + 1);
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); clusters];
        labels
            .iter()
            .enumerate()
            .for_each(|(at, label)| label.iter().for_each(|&label| members[label].push(at)));
        if members.is_empty() {
            return Ok(Self::default());
        }
        members.sort_by_key(|banners| (usize::MAX - banners.len(), banners[0]));
        let templates = Templates::new(smoothing);
        let mut groups: Vec<BannerGroup> = Vec::with_capacity(clusters);
        let mut outside = vec![true; shares.len()];
        // The second round judges again without the defects that the first round found: those may
        // be many, and hide one another.
        for round in 0..2 {
            for (at, banners) in members.iter().enumerate() {
                if round > 0 && groups[at].kind != GroupKind::Layout {
                    continue;
                }
                let group = judge(&templates, shares, known, banners.clone(), &outside);
                if round == 0 { groups.push(group) } else { groups[at] = group }
            }
            let defects = groups.iter().filter(|group| group.kind.is_defect());
            defects.flat_map(|group| &group.banners).for_each(|&banner| outside[banner] = false);
        }
        Ok(Self { groups })
    }

    /// Returns the positions of all banners in groups that show a defect.
    pub fn defective(&self) -> impl Iterator<Item = usize> + '_ {
        self.groups
            .iter()
            .filter(|group| group.kind.is_defect())
            .flat_map(|group| group.banners.iter().copied())
    }

    /// Positions of the banners whose own label decides on their group: without that label the
    /// group would not be known to be what it is.
    pub(super) fn decided_by_one(&self, known: &[Option<Verdict>]) -> Vec<usize> {
        let mut known = known.to_vec();
        let mut decided = Vec::new();
        for group in self.groups.iter().filter(|group| group.kind.is_known()) {
            let whole = told(&group.banners, &known);
            for &at in &group.banners {
                if let Some(verdict) = known[at].take() {
                    if told(&group.banners, &known) != whole {
                        decided.push(at);
                    }
                    known[at] = Some(verdict);
                }
            }
        }
        decided
    }

    /// Returns the groups that show a layout.
    pub fn layouts(&self) -> impl Iterator<Item = &BannerGroup> {
        self.groups.iter().filter(|group| !group.kind.is_defect())
    }
}

/// The leaf cluster of each banner in HDBSCAN's hierarchy; `None` for banners in no cluster.
fn cluster(shares: &[Vec<f32>]) -> Result<Vec<Option<usize>>> {
    let banners = shares.len();
    if banners < 2 * MIN_BANNERS {
        return Ok(vec![None; banners]);
    }
    let rows: Vec<Vec<f32>> = shares.par_iter().map(|shares| roots(shares)).collect();
    let features = Mat::from_fn(banners, rows[0].len(), |i, j| f64::from(rows[i][j]));
    let components = COMPONENTS.min(banners - 1).min(features.ncols());
    // PCA fails on banners that are (nearly) identical, because they span too few directions; such
    // banners form no groups.
    let solver = if banners > MAX_EXACT { PcaSolver::randomized() } else { PcaSolver::Exact };
    let Ok(pca) = (PcaConfig { components, solver }).fit(features.as_ref()) else {
        return Ok(vec![None; banners]);
    };
    let coordinates = pca.transform(features.as_ref())?;
    let config = HdbscanConfig {
        min_cluster_size: MIN_BANNERS.max((MIN_SHARE * banners as f64) as usize),
        min_samples: Some(DENSITY_BANNERS),
        selection: ClusterSelection::Leaf,
    };
    Ok(config.fit(coordinates.as_ref())?.labels().to_vec())
}

fn judge(
    templates: &Templates,
    shares: &[Vec<f32>],
    known: &[Option<Verdict>],
    banners: Vec<usize>,
    outside: &[bool],
) -> BannerGroup {
    let mut inside = vec![false; shares.len()];
    banners.iter().for_each(|&at| inside[at] = true);
    let mut others: Vec<usize> =
        (0..shares.len()).filter(|&at| !inside[at] && outside[at]).collect();
    // When fewer than a quarter of the banners are left to compare with, those of other defects are
    // used as well.
    if others.len() * 4 < shares.len() {
        others = (0..shares.len()).filter(|&at| !inside[at]).collect();
    }
    let own = mean(banners.iter().map(|&at| &shares[at]), templates.len());
    let unlike = templates
        .compare(&own, &median(&others.iter().map(|&at| &shares[at][..]).collect::<Vec<_>>()));
    let explained = match (unlike.at_the_rim(), unlike.is_spot()) {
        _ if unlike.divergence < CLEAR_DIVERGENCE => EXPLAINED_OF_LITTLE,
        (true, _) => EXPLAINED_AT_THE_RIM,
        (false, true) => EXPLAINED_BY_A_SPOT,
        (false, false) => EXPLAINED,
    };
    let small = (banners.len() as f64) < MAJORITY * shares.len() as f64;
    let by_rule = small && unlike.divergence > MIN_DIVERGENCE && unlike.explained > explained;
    let kind = match told(&banners, known) {
        Some(true) => GroupKind::KnownLayout,
        Some(false) => GroupKind::KnownDefect,
        None if by_rule => GroupKind::Defect,
        None => GroupKind::Layout,
    };
    BannerGroup { banners, kind, unlike }
}

/// Whether a group is good according to examples, labels and landing rates; `None` where these do
/// not decide.
fn told(banners: &[usize], known: &[Option<Verdict>]) -> Option<bool> {
    let of_all = banners.iter().filter_map(|&at| known[at].filter(|verdict| verdict.of_its_group));
    let votes = of_all.map(|verdict| if verdict.good { 1 } else { -1 }).sum::<i32>();
    if votes != 0 {
        return Some(votes > 0);
    }
    let is =
        |known: &Option<Verdict>, good: bool| known.is_some_and(|verdict| verdict.good == good);
    let said = |good: bool| banners.iter().filter(|&&at| is(&known[at], good)).count() as f64;
    let (good, broken) = (said(true), said(false));
    let all_broken = known.iter().filter(|known| is(known, false)).count() as f64;
    let size = banners.len() as f64;
    // The share of all broken banners that are labelled, were this group a defect.
    let labelled = (all_broken / (USUAL_BROKEN * known.len() as f64 + size)).min(1.0);
    let each = ((1.0 - BROKEN_OF_A_LAYOUT) / BROKEN_OF_A_LAYOUT).ln();
    let odds = each * (broken - good) - labelled * size * (1.0 - 2.0 * BROKEN_OF_A_LAYOUT);
    let share = size / known.len() as f64;
    let needed = if share < USUAL_BROKEN { MIN_ODDS } else { MIN_ODDS_OF_MANY };
    if broken > good && odds > needed {
        Some(false)
    } else if good > broken && each * (good - broken) > MIN_ODDS {
        Some(true)
    } else {
        None
    }
}

fn mean<'a>(rows: impl ExactSizeIterator<Item = &'a Vec<f32>>, points: usize) -> Vec<f64> {
    let count = rows.len().max(1) as f64;
    let mut mean = vec![0.0; points];
    rows.for_each(|row| {
        mean.iter_mut().zip(row).for_each(|(mean, &share)| *mean += f64::from(share) / count)
    });
    mean
}

/// The pointwise median of the rows, scaled to a sum of 1; uniform where all values are 0, and
/// empty without a row.
pub(super) fn median(rows: &[&[f32]]) -> Vec<f64> {
    let Some(first) = rows.first() else { return Vec::new() };
    let of = |point: usize| {
        let mut values: Vec<f32> = rows.iter().map(|row| row[point]).collect();
        let middle = values.len() / 2;
        let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
        let lower = below.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        f64::from(if rows.len() % 2 == 1 { upper } else { 0.5 * (lower + upper) })
    };
    let mut median: Vec<f64> = (0..first.len()).into_par_iter().map(of).collect();
    let sum: f64 = median.iter().sum();
    let points = median.len() as f64;
    median
        .iter_mut()
        .for_each(|value| *value = if sum > 0.0 { *value / sum } else { 1.0 / points });
    median
}

/// The smoothed shares of heatmaps.
pub(super) fn shares_of(
    smoothing: &SmoothedShares,
    heatmaps: &[&Heatmap],
) -> Result<Vec<Vec<f32>>> {
    heatmaps.par_iter().map(|heatmap| smoothing.of(heatmap)).collect()
}

#[cfg(test)]
mod tests;
