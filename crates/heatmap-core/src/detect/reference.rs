//! [`Reference`]: the banners of a grid that are taken for good, chosen without labels where there
//! are none.
//!
//! Everything that is learned about good banners is learned from these alone. They are chosen in
//! rounds. The first reference is all banners outside the groups that show a kind of defect
//! ([`super::BannerGroups`]); each round then leaves out all banners whose scores of fit to the
//! previous reference stand out. The network is slow and therefore judges last. A banner with a
//! label or a clear landing rate is in or out by that.
//!
//! With few clicks every banner is far from every other. So each reference banner is also scored
//! with a half and a quarter of its clicks. They are drawn in bursts, because the repeated clicks
//! of one person at one place belong together (`burstiness` estimates how many). These samples,
//! together with the banners themselves, show how good banners with as many clicks spread.

mod choice;

use serde::{Deserialize, Serialize};

use self::choice::Choice;
use super::banner_groups::shares_of;
use super::smoothed_shares::SmoothedShares;
use super::{BannerGroups, ClickMap, FitScores, GridFit, Smoothing, Verdict, burstiness};
use crate::{Error, Heatmap, Result};

/// Settings of how a reference is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReferenceConfig {
    /// Largest number of banners that the choice is made among; of more, a sample is used.
    pub max_banners: usize,
    /// Largest number of reference banners that the scores compare with.
    pub max_compared: usize,
    /// A banner is left out if its z score under the previous reference is above this.
    pub max_z: f64,
    /// Largest number of rounds without the network.
    pub rounds: usize,
    /// Whether the built-in network is one of the scores of fit and judges the choice once more. It
    /// takes longer than all other scores together.
    pub network: bool,
}

impl Default for ReferenceConfig {
    fn default() -> Self {
        Self { max_banners: 1_000, max_compared: 300, max_z: 3.0, rounds: 4, network: true }
    }
}

/// The banners of a grid that are taken for good, with the scores that compare others with them.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Positions of its banners among those passed to [`ReferenceConfig::choose`], ascending.
    pub banners: Vec<usize>,
    /// Positions of all banners that the choice was made among, ascending.
    pub considered: Vec<usize>,
    /// Groups of banners that look alike; their positions are indices into `considered`.
    pub groups: BannerGroups,
    /// The map of each layout.
    pub layouts: Vec<ClickMap>,
    /// Positions of the reference banners that others are compared with, ascending.
    pub compared: Vec<usize>,
    /// The scores of fit to this reference.
    pub fit: GridFit,
    /// Scores of fit of its banners with fewer clicks than they have, each with that number of
    /// clicks.
    pub thinned: Vec<(FitScores, f64)>,
}

impl ReferenceConfig {
    /// These settings for [`super::PartSet::Fast`]: without the network, and with fewer banners to
    /// choose among and to compare with, so that millions of banners can be scored.
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

    /// Chooses among `heatmaps` of one grid; `known` says what is known of each. Banners without a
    /// click are ignored. `seed` makes random draws repeatable.
    ///
    /// # Errors
    /// When heatmaps differ in their rows or columns of bins, or no banner has a click.
    ///
    /// # Panics
    /// When `known` does not have one entry for each heatmap.
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

/// At most `most` of `from`: banners of which something is known first, then an even sample of the
/// rest.
fn considered(from: &[usize], known: &[Option<Verdict>], most: usize) -> Vec<usize> {
    let (told, rest): (Vec<usize>, Vec<usize>) = from.iter().partition(|&&at| known[at].is_some());
    // Known banners take at most half of the places, so that the rest represents the grid, or more
    // if the rest does not fill the other half.
    let told = spread_out(&told, most.div_ceil(2).max(most.saturating_sub(rest.len())));
    let mut all = [&told[..], &spread_out(&rest, most - told.len())[..]].concat();
    all.sort_unstable();
    all
}

/// At most `most` of `from`, evenly spaced.
fn spread_out(from: &[usize], most: usize) -> Vec<usize> {
    if from.len() <= most {
        return from.to_vec();
    }
    (0..most).map(|at| from[at * from.len() / most]).collect()
}

#[cfg(test)]
mod tests;
