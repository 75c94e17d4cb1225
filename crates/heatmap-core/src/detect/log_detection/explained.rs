//! [`ExplainedBanner`]: what there is to see of a banner once all are decided on.

use std::collections::BTreeMap;

use super::{DetectedLayout, LogDetection};
use crate::detect::{BannerMaps, Explainer, Explanation, NinthsOfBanner, SetNetwork, SetScore};
use crate::table::{BannerHeatmap, ClickLog};
use crate::{Error, Heatmap, Result};

/// A banner and why it has its score.
#[derive(Debug, Clone)]
pub struct ExplainedBanner {
    /// Its clicks.
    pub heatmap: Heatmap,
    /// In words and by bins.
    pub explanation: Explanation,
    /// What each ninth of it tells the network, where it was asked.
    pub network: Option<NinthsOfBanner>,
}

impl LogDetection {
    /// Explains some of the banners of the `log` that this was made from, by their places in it.
    /// The log is read again, twice, a grid apart.
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
        // Reading costs time, and without a network there is nothing to read ahead for.
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

impl DetectedLayout {
    /// The network before the banners at these places, counted from the first of the grid, which
    /// `ahead` gives next; none before none.
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
