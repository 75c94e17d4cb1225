//! [`ExplainedBanner`]: the picture and the explanation of a banner, once all banners are decided
//! on.

use std::collections::BTreeMap;

use super::{DetectedLayout, LogDetection};
use crate::detect::{BannerMaps, Explainer, Explanation, NinthsOfBanner, SetNetwork, SetScore};
use crate::table::{BannerHeatmap, ClickLog};
use crate::{Error, Heatmap, Result};

/// A banner with the reasons for its score.
#[derive(Debug, Clone)]
pub struct ExplainedBanner {
    /// Its clicks per bin.
    pub heatmap: Heatmap,
    /// Why it has its score, in words and bin by bin.
    pub explanation: Explanation,
    /// How much each ninth of the banner adds to the network's log odds; `None` where the network
    /// was not used.
    pub network: Option<NinthsOfBanner>,
}

impl LogDetection {
    /// Explains the banners at the positions `wanted` of `log`, the log that this detection was
    /// made from. The log is read again, by two readers one grid apart.
    ///
    /// # Errors
    /// When a temporary file of the log cannot be read.
    pub fn explain(
        &self,
        log: &ClickLog,
        wanted: &[usize],
    ) -> Result<BTreeMap<usize, ExplainedBanner>> {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut behind = log.banners();
        // The second reader is only needed for the references of the network, and reading takes
        // time.
        let mut ahead =
            self.grids.iter().any(|grid| !grid.compared.is_empty()).then(|| log.banners());
        let mut explained = BTreeMap::new();
        let mut left = &wanted[..];
        for grid in &self.grids {
            let Some(&first) = left.first() else { break };
            let end = grid.first + grid.banners;
            let here = left.partition_point(|&banner| banner < end);
            let (of_grid, others) = left.split_at(here);
            left = others;
            let compared = if of_grid.is_empty() { &[] } else { &grid.compared[..] };
            let network = match &mut ahead {
                Some(ahead) => grid.network(log, compared, ahead)?,
                None => None,
            };
            let explainer = if first < end { Some(Explainer::new(grid.maps())?) } else { None };
            for at in grid.first..end {
                let banner = next(&mut behind)?;
                let (Some(explainer), Ok(_)) = (&explainer, of_grid.binary_search(&at)) else {
                    continue;
                };
                let explanation = explainer.explain(&banner.heatmap, self.decision.flagged[at])?;
                let network = network
                    .as_ref()
                    .map(|network| network.occluded(&banner.heatmap))
                    .transpose()?;
                explained
                    .insert(at, ExplainedBanner { heatmap: banner.heatmap, explanation, network });
            }
        }
        Ok(explained)
    }
}

impl LogDetection {
    /// Returns the reason for the score of each flagged banner, by its position in `log`, the log
    /// that this detection was made from. The log is read again.
    ///
    /// # Errors
    /// When a temporary file of the log cannot be read.
    pub fn reasons(&self, log: &ClickLog) -> Result<BTreeMap<usize, String>> {
        let flagged = &self.decision.flagged;
        let mut banners = log.banners();
        let mut reasons = BTreeMap::new();
        for grid in &self.grids {
            let places = grid.first..grid.first + grid.banners;
            if !flagged[places.clone()].contains(&true) {
                banners.by_ref().take(grid.banners).try_for_each(|banner| banner.map(|_| ()))?;
                continue;
            }
            let explainer = Explainer::new(grid.maps())?;
            for at in places {
                let banner = next(&mut banners)?;
                if flagged[at] {
                    reasons.insert(at, explainer.explain(&banner.heatmap, true)?.reason);
                }
            }
        }
        Ok(reasons)
    }
}

impl DetectedLayout {
    /// The network with its references, the banners at the positions `compared` within the grid.
    /// `ahead` is at the first banner of the grid and is moved past the last. `None` if `compared`
    /// is empty.
    fn network(
        &self,
        log: &ClickLog,
        compared: &[u32],
        ahead: &mut impl Iterator<Item = Result<BannerHeatmap>>,
    ) -> Result<Option<SetScore>> {
        let mut references = Vec::with_capacity(compared.len());
        for at in 0..self.banners {
            let banner = next(ahead)?;
            if u32::try_from(at).is_ok_and(|at| compared.binary_search(&at).is_ok()) {
                references.push(banner.heatmap);
            }
        }
        let references: Vec<&Heatmap> = references.iter().collect();
        let maps = BannerMaps::new(log.config().grid_of(self.display)?);
        let score = (!references.is_empty())
            .then(|| SetScore::new(SetNetwork::embedded(), maps, &references));
        score.transpose()
    }
}

fn next(banners: &mut impl Iterator<Item = Result<BannerHeatmap>>) -> Result<BannerHeatmap> {
    banners.next().ok_or_else(|| Error::Data("a log lost its banners".to_owned()))?
}
