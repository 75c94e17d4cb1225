//! [`DetectedGroup`]: a group of like banners as it is told to a person, and the question that only
//! a person can answer.

use super::explanation::whole_percent;
use super::{Candidate, ClickMap, GroupKind, LikelihoodRatio, Reference, Score, Smoothing, Unlike};
use crate::{Heatmap, Result};

/// Banners of one grid that look alike, and what they are taken for.
#[derive(Debug, Clone)]
pub struct DetectedGroup {
    /// What it shows.
    pub kind: GroupKind,
    /// Number of its banners among those that were looked at.
    pub banners: usize,
    /// Share of the banners that were looked at.
    pub share: f64,
    /// Domains of its most typical banners, to look at or to label.
    pub domains: Vec<String>,
    /// Where its banners are clicked, as a heatmap of their clicks added up, each banner counting
    /// alike.
    pub heatmap: Heatmap,
    /// How its clicks differ from those of all other banners of the grid.
    pub unlike: Unlike,
}

/// Domains that are named.
const MAX_DOMAINS: usize = 5;
/// Clicks that the picture of a group stands for.
const PICTURE_CLICKS: f64 = 5_000.0;
/// Share of the banners from which on two layouts are both large.
const LARGE: f64 = 0.35;

impl DetectedGroup {
    /// The groups of a reference that was chosen from `candidates`.
    ///
    /// # Errors
    /// None that heatmaps of one grid can cause.
    pub(super) fn all(reference: &Reference, candidates: &[Candidate<'_>]) -> Result<Vec<Self>> {
        let considered = &reference.considered;
        // A single layout is what the anchor shows, and a log may have many grids.
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
            // Those whose clicks the group's own map explains best stand for it.
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

    /// What the group is taken for and by which rule, in a sentence.
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

/// The sentence on two large groups of which nobody has said which works; none where one is plainly
/// the larger.
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
