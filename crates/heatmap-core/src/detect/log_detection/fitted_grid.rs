//! [`FittedGrid`]: everything that is fitted to the banners of one grid before they are scored.

use super::{DetectedLayout, LogDetectionConfig};
use crate::detect::detected_group::undecided;
use crate::detect::{
    Anchor, AnchorChoice, CLEAN_LANDING_RATE, Candidate, DetectedGroup, LayoutDetector, PartSet,
    Reference, Verdict,
};
use crate::table::BannerEntry;
use crate::{BannerSize, Error, Grid, Heatmap, Result};

/// What is fitted to one grid.
pub(in crate::detect) struct FittedGrid {
    /// All scores of a heatmap.
    pub(in crate::detect) detector: LayoutDetector,
    /// The mean map of good banners.
    pub(in crate::detect) anchor: Anchor,
    /// Whether the requested kind of anchor was not available.
    pub(in crate::detect) fell_back: bool,
    /// The banners that are taken for good; `None` if no banner has a click.
    pub(in crate::detect) reference: Option<Reference>,
    /// Groups of banners that look alike.
    pub(in crate::detect) groups: Vec<DetectedGroup>,
    /// The question on two large groups, if there is one.
    pub(in crate::detect) undecided: Option<String>,
    /// Positions of candidates whose label must not be learned from, because it made them part of
    /// the anchor or alone decided on their group.
    pub(in crate::detect) withheld: Vec<usize>,
}

impl FittedGrid {
    /// Splits it into what scores banners and what is told of the grid, whose banners begin at
    /// `first` in the log with `entry`; `compared` are the positions of those that the network
    /// compares others with.
    pub(in crate::detect) fn into_layout(
        self,
        entry: BannerEntry,
        display: BannerSize,
        first: usize,
        banners: usize,
        compared: Vec<u32>,
    ) -> (LayoutDetector, DetectedLayout) {
        let layouts = match &self.reference {
            Some(reference) if reference.layouts.len() > 1 => reference.layouts.clone(),
            _ => Vec::new(),
        };
        let layout = DetectedLayout {
            grid_id: entry.banner.grid_id,
            display,
            first,
            banners,
            compared,
            layouts,
            anchor: self.anchor,
            fell_back: self.fell_back,
            groups: self.groups,
            undecided: self.undecided,
        };
        (self.detector, layout)
    }
}

impl LogDetectionConfig {
    /// Fits everything to the candidates of one grid.
    pub(in crate::detect) fn fit(
        &self,
        grid_id: &str,
        grid: Grid,
        candidates: &[Candidate<'_>],
        seed: u64,
    ) -> Result<FittedGrid> {
        let reference = self.reference(candidates, seed)?;
        // The anchor and the population fit their own banners better than others. So these are
        // chosen without labels: otherwise the labels would leak into the scores.
        let blind_candidates: Vec<Candidate<'_>> = candidates
            .iter()
            .map(|&candidate| Candidate { broken: None, example: None, ..candidate })
            .collect();
        let labelled =
            candidates.iter().any(|candidate| candidate.broken.or(candidate.example).is_some());
        let blind =
            if labelled { self.reference(&blind_candidates, seed)? } else { reference.clone() };
        let chosen_from = blind.as_ref().map(|reference| (reference, &blind_candidates[..]));
        let (anchor, fell_back) = self.anchor(candidates, chosen_from, grid, seed)?;
        let population = population(blind.as_ref(), candidates);
        let detector =
            LayoutDetector::fit(&self.detector, &anchor, &population, reference.as_ref())?;
        let mut withheld = Vec::new();
        if matches!(self.anchor, Some(AnchorChoice::MeanOfGood | AnchorChoice::TwoGood))
            && !fell_back
        {
            withheld.extend(&anchor.banners);
        }
        let (mut groups, mut question) = (Vec::new(), None);
        if let Some(reference) = &reference {
            let considered = &reference.considered;
            let known: Vec<Option<Verdict>> =
                considered.iter().map(|&at| candidates[at].verdict()).collect();
            withheld.extend(
                reference.groups.decided_by_one(&known).into_iter().map(|at| considered[at]),
            );
            groups = DetectedGroup::all(reference, candidates)?;
            question = undecided(grid_id, &groups, considered.len());
        }
        Ok(FittedGrid {
            detector,
            anchor,
            fell_back,
            reference,
            groups,
            undecided: question,
            withheld,
        })
    }

    /// The banners that are taken for good; `None` if no banner has a click.
    fn reference(&self, candidates: &[Candidate<'_>], seed: u64) -> Result<Option<Reference>> {
        let heatmaps: Vec<&Heatmap> =
            candidates.iter().map(|candidate| candidate.heatmap).collect();
        let known: Vec<_> = candidates.iter().map(Candidate::verdict).collect();
        if heatmaps.iter().all(|heatmap| heatmap.total() == 0.0) {
            return Ok(None);
        }
        let config = match self.detector.parts {
            PartSet::All => self.reference,
            PartSet::Fast => self.reference.fast(),
        };
        config.choose(&heatmaps, &known, &self.smoothing, seed).map(Some)
    }

    /// The requested anchor, or the best one that the grid allows, and whether it is not the
    /// requested one; the description of the anchor then says why.
    fn anchor(
        &self,
        candidates: &[Candidate<'_>],
        reference: Option<(&Reference, &[Candidate<'_>])>,
        grid: Grid,
        seed: u64,
    ) -> Result<(Anchor, bool)> {
        let choose = |choice: &AnchorChoice| match (choice, reference) {
            (AnchorChoice::Bulk, Some((reference, chosen_from))) => {
                Anchor::of_reference(reference, chosen_from, &self.smoothing)
            }
            _ => choice.choose(candidates, grid, &self.smoothing, seed),
        };
        let by_landing = AnchorChoice::LandingRate(CLEAN_LANDING_RATE);
        let landed = candidates.iter().any(|candidate| candidate.landing_rate.is_some());
        let wanted =
            self.anchor.clone().unwrap_or(if landed { by_landing } else { AnchorChoice::Bulk });
        let mut reason = None;
        for choice in [wanted, AnchorChoice::Bulk, AnchorChoice::None] {
            match choose(&choice) {
                Ok(mut anchor) => {
                    if let Some(reason) = &reason {
                        anchor.description += &format!(" ({reason})");
                    }
                    return Ok((anchor, reason.is_some()));
                }
                // Too little data is not a failure: the next choice needs less.
                Err(Error::Data(said)) => reason = Some(said),
                Err(other) => return Err(other),
            }
        }
        Err(Error::Data("no anchor".to_owned()))
    }
}

/// The heatmaps that scores without labels are fitted to: those of the reference, which contains
/// few broken banners, or all if the reference is too small.
fn population<'a>(reference: Option<&Reference>, candidates: &[Candidate<'a>]) -> Vec<&'a Heatmap> {
    match reference {
        Some(reference) if reference.banners.len() >= LayoutDetector::MIN_POPULATION => {
            reference.banners.iter().map(|&at| candidates[at].heatmap).collect()
        }
        _ => candidates.iter().map(|candidate| candidate.heatmap).collect(),
    }
}
