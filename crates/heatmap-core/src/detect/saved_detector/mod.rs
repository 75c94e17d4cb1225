//! [`SavedDetector`]: a detector that is fitted to one log once and applied to others later.
//!
//! What is saved are the banners of each grid that everything is fitted to, at most 2,000 of a
//! grid, with what is known of them, and the settings. Fitting is deterministic, so these say all:
//! a detector that was read scores a log as the one that was saved, to the bit. A banner's score
//! depends on the saved banners and on itself alone, however many banners the new log has.

mod file;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::log_detection::{few_banners, going_on, groups, score_next, whole};
use super::{
    BannerFacts, Candidate, Decision, DecisionInputs, LogDetection, LogDetectionConfig, PartsTable,
};
use crate::table::{BannerEntry, ClickLog, ClickLogConfig};
use crate::{BannerSize, Error, Grid, Heatmap, Result};

/// A detector with the banners that it is fitted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedDetector {
    /// Settings of the detection.
    detection: LogDetectionConfig,
    /// Edge of a bin in px.
    bin_size_px: f64,
    /// The size on whose bins all banners are put, if there is one.
    common_size: Option<BannerSize>,
    grids: Vec<SavedGrid>,
}

/// One grid in one display size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedGrid {
    grid_id: String,
    display: BannerSize,
    banners: Vec<SavedBanner>,
}

/// A banner that scores are fitted to, with what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedBanner {
    domain: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    broken: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    example: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    landing_rate: Option<f64>,
    /// The bins with clicks and the number of clicks in each, by turns.
    clicks: Vec<u64>,
}

impl SavedDetector {
    /// Takes the banners of `log` that `detection` would fit to, with what is `known` of them.
    ///
    /// # Errors
    /// When the log was read as a shard, or a temporary file of the log cannot be read.
    pub fn of(detection: &LogDetectionConfig, log: &ClickLog, known: &BannerFacts) -> Result<Self> {
        whole(log)?;
        let mut ahead = log.banners();
        let mut grids = Vec::new();
        for (first, banners) in groups(log) {
            let entry = log.entry_at(first);
            let (_, fitted) = detection.sample(log, known, first, banners, &mut ahead)?;
            let banners = fitted.into_iter().map(|banner| {
                let (key, display) = (&banner.banner, banner.display);
                SavedBanner {
                    broken: known.label(key, display),
                    example: known.example(key),
                    landing_rate: known.landing_rate(key),
                    clicks: sparse(&banner.heatmap),
                    domain: banner.banner.domain,
                }
            });
            grids.push(SavedGrid {
                grid_id: entry.banner.grid_id,
                display: log.config().common_size.unwrap_or(entry.display),
                banners: banners.collect(),
            });
        }
        Ok(Self {
            detection: detection.clone(),
            bin_size_px: log.config().bin_size_px,
            common_size: log.config().common_size,
            grids,
        })
    }

    /// Sets the bins of a log to those of the detector.
    pub fn configure(&self, log: &mut ClickLogConfig) {
        (log.bin_size_px, log.common_size) = (self.bin_size_px, self.common_size);
    }

    /// The settings of the detection.
    pub fn detection(&self) -> &LogDetectionConfig {
        &self.detection
    }

    /// Changes how banners are flagged: the share of false alarms, or a budget.
    pub fn decide_by(&mut self, decision: super::DecisionConfig) {
        self.detection.decision = decision;
    }

    /// Number of grids, counted once for each display size, and of saved banners.
    pub fn len(&self) -> (usize, usize) {
        (self.grids.len(), self.grids.iter().map(|grid| grid.banners.len()).sum())
    }

    /// Scores and flags the banners of `log`. What is `known` of them is used to evaluate the
    /// scores alone. `progress` is called with the number of banners scored so far, and stops the
    /// run by returning [`ControlFlow::Break`].
    ///
    /// # Errors
    /// When the log has other bins than the detector, or a grid that the detector has not; when it
    /// was read as a shard; when a temporary file of the log cannot be read, or `progress` returns
    /// [`ControlFlow::Break`].
    pub fn run(
        &self,
        log: &ClickLog,
        known: &BannerFacts,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<LogDetection> {
        self.check_bins(log.config())?;
        whole(log)?;
        let mut parts = PartsTable::of_all_parts();
        // The saved banners that are labelled stand behind those of the log, to be learned from.
        let mut learned = Vec::new();
        let mut grids = Vec::new();
        let mut fitted_to = Vec::new();
        let mut banners_left = log.banners();
        for (first, banners) in groups(log) {
            let entry = log.entry_at(first);
            let display = self.common_size.unwrap_or(entry.display);
            let (group, saved) = self.grid(&entry.banner.grid_id, display)?;
            let grid = log.config().grid_of(display)?;
            let heatmaps: Vec<Heatmap> = saved
                .banners
                .iter()
                .map(|banner| dense(&banner.clicks, grid))
                .collect::<Result<_>>()?;
            let candidates: Vec<Candidate<'_>> = saved
                .banners
                .iter()
                .zip(&heatmaps)
                .map(|(banner, map)| banner.candidate(map))
                .collect();
            let seed = self.detection.seed.wrapping_add(group.into());
            let fitted = self.detection.fit(&saved.grid_id, grid, &candidates, seed)?;
            fitted_to.push(candidates.len());
            if let Some(reference) = &fitted.reference {
                parts.push_samples(&reference.thinned, group);
                for &at in &reference.banners {
                    let scored = fitted.detector.parts(&heatmaps[at])?;
                    parts.push_reference(&scored, heatmaps[at].total(), group);
                }
            }
            for (at, candidate) in candidates.iter().enumerate() {
                let Some(broken) = candidate.broken.filter(|_| !fitted.withheld.contains(&at))
                else {
                    continue;
                };
                let scored = fitted.detector.parts(&heatmaps[at])?;
                learned.push((scored, heatmaps[at].total(), group, broken));
            }
            let (detector, layout) = fitted.into_layout(entry, display, first, banners, Vec::new());
            grids.push(layout);
            score_next(&detector, &mut banners_left, banners, &mut |banner, scored| {
                parts.push(&scored, banner.clicks as f64, group);
                going_on(progress(parts.len()))
            })?;
        }
        let scored = parts.len();
        let mut labels = vec![None; scored];
        for (row, clicks, group, broken) in learned {
            parts.push(&row, clicks, group);
            labels.push(Some(broken));
        }
        let good = vec![false; parts.len()];
        let inputs = DecisionInputs {
            labels: &labels,
            good: &good,
            metrics: &|_| Vec::new(),
            flaggable: scored,
        };
        let mut decision = self.detection.decision.decide(&parts, &inputs)?;
        decision.rule += &few_banners(fitted_to.into_iter());
        parts.truncate(scored);
        Ok(LogDetection {
            grids,
            parts,
            labels: log
                .keys()
                .map(|BannerEntry { banner, display, .. }| known.label(&banner, display))
                .collect(),
            in_anchor: vec![false; scored],
            decision: first_of(decision, scored),
        })
    }

    fn check_bins(&self, config: &ClickLogConfig) -> Result<()> {
        if (config.bin_size_px, config.common_size) == (self.bin_size_px, self.common_size) {
            return Ok(());
        }
        Err(Error::Data(format!(
            "the detector has bins of {} px{}, and the log other ones",
            self.bin_size_px,
            match self.common_size {
                Some(BannerSize { width_px, height_px }) => {
                    format!(" on a common size of {width_px} x {height_px} px")
                }
                None => String::new(),
            }
        )))
    }

    /// The number of a grid and the grid.
    fn grid(&self, grid_id: &str, display: BannerSize) -> Result<(u32, &SavedGrid)> {
        let is = |grid: &&SavedGrid| grid.grid_id == grid_id && grid.display == display;
        let found = (0..).zip(&self.grids).find(|(_, grid)| is(grid));
        found.ok_or_else(|| {
            let name = |grid: &SavedGrid| {
                let BannerSize { width_px, height_px } = grid.display;
                format!("`{}` in {width_px} x {height_px} px", grid.grid_id)
            };
            let first: Vec<String> = self.grids.iter().take(3).map(name).collect();
            let others = match self.grids.len() - first.len() {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            let BannerSize { width_px, height_px } = display;
            Error::Data(format!(
                "grid `{grid_id}` in {width_px} x {height_px} px is not in the detector, which has \
                 {}{others}",
                first.join(", ")
            ))
        })
    }
}

impl SavedBanner {
    fn candidate<'a>(&'a self, heatmap: &'a Heatmap) -> Candidate<'a> {
        Candidate {
            heatmap,
            domain: &self.domain,
            broken: self.broken,
            landing_rate: self.landing_rate,
            example: self.example,
        }
    }
}

/// The decision on the first banners alone.
fn first_of(mut decision: Decision, banners: usize) -> Decision {
    decision.scores.truncate(banners);
    decision.flagged.truncate(banners);
    decision
}

/// The bins with clicks and the number of clicks in each, by turns.
fn sparse(heatmap: &Heatmap) -> Vec<u64> {
    let bins = (0..).zip(heatmap.values()).filter(|(_, clicks)| **clicks > 0.0);
    bins.flat_map(|(bin, &clicks)| [bin, clicks as u64]).collect()
}

/// The heatmap of bins and clicks by turns.
fn dense(clicks: &[u64], grid: Grid) -> Result<Heatmap> {
    let mut values = vec![0.0; grid.len()];
    for pair in clicks.chunks(2) {
        let (&[bin, clicks], true) = (pair, pair.len() == 2) else {
            return Err(Error::Data("the detector has a bin without clicks".to_owned()));
        };
        let value = usize::try_from(bin).ok().and_then(|bin| values.get_mut(bin));
        *value.ok_or_else(|| {
            Error::Data(format!("the detector has a bin {bin} of {}", grid.len()))
        })? = clicks as f32;
    }
    Heatmap::from_values(grid, values)
}
