//! [`DetectedGroup`]: a group of similar banners as it is shown to a person, and the question that
//! only a person can answer.

use super::explanation::whole_percent;
use super::{Candidate, ClickMap, GroupKind, LikelihoodRatio, Reference, Score, Smoothing, Unlike};
use crate::{Heatmap, Result};

/// A group of banners of one grid that look alike, with what it is taken for and examples to look
/// at.
#[derive(Debug, Clone)]
pub struct DetectedGroup {
    /// Whether it shows a layout or a kind of defect.
    pub kind: GroupKind,
    /// Number of its banners, counted among those that were compared.
    pub banners: usize,
    /// Its share of the banners that were compared (0 to 1).
    pub share: f64,
    /// Domains of its most typical banners, to look at or to label.
    pub domains: Vec<String>,
    /// Mean heatmap of its banners, each of which weighs the same.
    pub heatmap: Heatmap,
    /// How its clicks differ from those of all other banners of the grid.
    pub unlike: Unlike,
}

/// Largest number of domains that are named for a group.
const MAX_DOMAINS: usize = 5;
/// Total number of clicks in the heatmap of a group.
const PICTURE_CLICKS: f64 = 5_000.0;
/// Share of the banners from which on the second of two groups is too large to be ignored.
const LARGE: f64 = 0.35;

impl DetectedGroup {
    /// Describes the groups of `reference`, which was chosen from `candidates`.
    ///
    /// # Errors
    /// None are expected as long as all heatmaps have the same bins.
    pub(super) fn all(reference: &Reference, candidates: &[Candidate<'_>]) -> Result<Vec<Self>> {
        let considered = &reference.considered;
        // A single layout needs no card of its own: it is what the anchor shows, and a log may have
        // many grids.
        if let [only] = &reference.groups.groups[..]
            && only.kind == GroupKind::Layout
        {
            return Ok(Vec::new());
        }
        let of = |group: &super::BannerGroup| {
            let members = || group.banners.iter().map(|&at| &candidates[considered[at]]);
            let grid = candidates[considered[0]].heatmap.grid();
            let mut values = vec![0.0_f32; grid.len()];
            for member in members() {
                let scale =
                    PICTURE_CLICKS / member.heatmap.total().max(1.0) / group.banners.len() as f64;
                let bins = values.iter_mut().zip(member.heatmap.values());
                bins.for_each(|(sum, &clicks)| *sum += (f64::from(clicks) * scale) as f32);
            }
            let heatmap = Heatmap::from_values(grid, values)?;
            // The most typical banners are those whose clicks the group's own map explains best.
            let ratio =
                LikelihoodRatio::one_shot(ClickMap::of([&heatmap], &Smoothing::default())?)?;
            let mut typical = members()
                .map(|member| Ok((ratio.score(member.heatmap)?, member.domain)))
                .collect::<Result<Vec<_>>>()?;
            typical.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
            Ok(Self {
                kind: group.kind,
                banners: group.banners.len(),
                share: group.banners.len() as f64 / considered.len() as f64,
                domains: typical
                    .iter()
                    .take(MAX_DOMAINS)
                    .map(|(_, domain)| (*domain).to_owned())
                    .collect(),
                heatmap,
                unlike: group.unlike,
            })
        };
        reference.groups.groups.iter().map(of).collect()
    }

    /// Returns a sentence on what the group is taken for and by which rule.
    pub fn verdict(&self) -> String {
        match self.kind {
            GroupKind::KnownLayout => "Taken for good: that is known of one of its banners or \
                                       more."
                .to_owned(),
            GroupKind::KnownDefect => "Taken for broken: that is known of one of its banners or \
                                       more."
                .to_owned(),
            GroupKind::Defect => format!(
                "Taken for broken: about {} of the clicks {} {}, and that explains {} of how the \
                 group differs from the other banners.",
                whole_percent(self.unlike.share),
                if self.unlike.is_spot() { "lie in one spot" } else { "lie" },
                self.unlike.words(),
                whole_percent(self.unlike.explained)
            ),
            GroupKind::Layout => {
                "Taken for a layout of the grid: no single spot, strip or cloud of clicks sets it \
                 apart."
                    .to_owned()
            }
        }
    }
}

/// The question that a person should answer where two groups are large and nothing says which of
/// them works; `None` if one is clearly larger or a layout is known.
pub(super) fn undecided(grid_id: &str, groups: &[DetectedGroup], banners: usize) -> Option<String> {
    let open: Vec<&DetectedGroup> = groups
        .iter()
        .filter(|group| matches!(group.kind, GroupKind::Layout | GroupKind::Defect))
        .collect();
    let [first, second, ..] = open[..] else { return None };
    if second.share < LARGE
        || groups.iter().any(|group| matches!(group.kind, GroupKind::KnownLayout))
    {
        return None;
    }
    let example = |group: &DetectedGroup| {
        format!("{grid_id}/{}", group.domains.first().map_or("", String::as_str))
    };
    let taken = |group: &DetectedGroup| if group.kind.is_defect() { "broken" } else { "good" };
    Some(format!(
        "Two groups in grid {grid_id}: {} and {} of {banners} banners; which is right? Taken for \
         {} and {}. \
         --good-like {} or --broken-like {} decides (or --broken-like {} and --good-like {}).",
        first.banners,
        second.banners,
        taken(first),
        taken(second),
        example(first),
        example(second),
        example(first),
        example(second),
    ))
}
