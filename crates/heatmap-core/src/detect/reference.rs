//! [`Reference`]: the banners of a grid that are taken for good, chosen without labels where there
//! are none.
//!
//! Whatever is learned of good banners is learned from these alone. They are chosen in rounds: at
//! first all banners but the groups that show a kind of defect ([`super::BannerGroups`]); then all
//! whose scores of fit to the reference of the round before stand out are left out. The network,
//! which takes long, judges last. What labels or landing rates say of a banner decides on it.
//!
//! With few clicks every banner lies far from every other. So each reference banner is also scored
//! with a half and a quarter of its clicks, drawn from those that it has, by bursts: one person
//! clicks one place several times, and what such a person did stays together (`burstiness` says how
//! often). These samples, beside the banners as they are, tell how good banners with so many clicks
//! spread.

mod choice;

use serde::{Deserialize, Serialize};

use self::choice::Choice;
use super::banner_groups::shares_of;
use super::smoothed_shares::SmoothedShares;
use super::{BannerGroups, ClickMap, FitScores, GridFit, Smoothing, Verdict, burstiness};
use crate::{Error, Heatmap, Result};

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
    /// Rounds without the network.
    pub rounds: usize,
    /// Whether the built-in network is among the scores that compare with it, and judges the choice
    /// of the others once more. It takes longer than all others.
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
    /// Positions of those of its banners that others are compared with, ascending.
    pub compared: Vec<usize>,
    /// Scores of fit to it.
    pub fit: GridFit,
    /// Scores of fit of its own banners with fewer clicks than they have, and how many clicks.
    pub thinned: Vec<(FitScores, f64)>,
}

impl ReferenceConfig {
    /// These settings for [`super::PartSet::Fast`]: without the network, and with no more banners
    /// to choose among and to compare with than millions of banners leave time for.
    pub(super) fn fast(self) -> Self {
        Self {
            max_banners: self.max_banners.min(Self::FAST_BANNERS),
            max_compared: self.max_compared.min(Self::FAST_COMPARED),
            network: false,
            ..self
        }
    }

    const FAST_BANNERS: usize = 500;
    const FAST_COMPARED: usize = 200;

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
        let clicked: Vec<usize> =
            (0..heatmaps.len()).filter(|&at| heatmaps[at].total() > 0.0).collect();
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
        let bursts = burstiness(&heatmaps);
        let choice = Choice { config: self, heatmaps, rows, clicks, known, shares, bursts, seed };
        choice.settle(considered, groups)
    }
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

#[cfg(test)]
mod tests;
