//! [`GridRecord`]: a grid in the file of a shard, with what was fitted to it.

use serde::{Deserialize, Serialize};

use super::banner_record::{bits, of_bits};
use crate::detect::{
    Anchor, ClickMap, DetectedGroup, DetectedLayout, FIT_PARTS, FitScores, GroupKind, Unlike,
};
use crate::{BannerSize, Error, Grid, Heatmap, Result};

/// A grid in one display size, but for its banners.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GridRecord {
    /// Its number in the log, from 0.
    pub(super) group: u32,
    pub(super) grid_id: String,
    pub(super) display: BannerSize,
    pub(super) first: usize,
    pub(super) banners: usize,
    anchor: AnchorRecord,
    fell_back: bool,
    compared: Vec<u32>,
    /// The probabilities of each map.
    layouts: Vec<Vec<f64>>,
    groups: Vec<GroupRecord>,
    undecided: Option<String>,
    /// The bits of scores of fit, and the clicks.
    thinned: Vec<([Option<u32>; FIT_PARTS.len()], f64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorRecord {
    map: Vec<f64>,
    banners: Vec<usize>,
    clicks: f64,
    description: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupRecord {
    kind: GroupKind,
    banners: usize,
    share: f64,
    domains: Vec<String>,
    heatmap: Vec<f32>,
    unlike: Unlike,
}

impl GridRecord {
    pub(super) fn of(group: u32, layout: DetectedLayout, thinned: &[(FitScores, f64)]) -> Self {
        let probabilities = |map: &ClickMap| map.probabilities().to_vec();
        let group_record = |group: DetectedGroup| GroupRecord {
            kind: group.kind,
            banners: group.banners,
            share: group.share,
            domains: group.domains,
            heatmap: group.heatmap.values().to_vec(),
            unlike: group.unlike,
        };
        Self {
            group,
            grid_id: layout.grid_id,
            display: layout.display,
            first: layout.first,
            banners: layout.banners,
            anchor: AnchorRecord {
                map: probabilities(&layout.anchor.map),
                banners: layout.anchor.banners,
                clicks: layout.anchor.clicks,
                description: layout.anchor.description,
            },
            fell_back: layout.fell_back,
            compared: layout.compared,
            layouts: layout.layouts.iter().map(probabilities).collect(),
            groups: layout.groups.into_iter().map(group_record).collect(),
            undecided: layout.undecided,
            thinned: thinned.iter().map(|&(fit, clicks)| (fit.map(bits), clicks)).collect(),
        }
    }

    /// The grid, whose heatmaps have these bins, and the scores of fit of its thinned banners.
    ///
    /// # Errors
    /// When a map or a heatmap has other bins, or numbers that none can have.
    pub(super) fn layout(self, grid: Grid) -> Result<(DetectedLayout, Vec<(FitScores, f64)>)> {
        let map = |probabilities| ClickMap::from_probabilities(grid, probabilities);
        let AnchorRecord { map: of_anchor, banners, clicks, description } = self.anchor;
        if !(0.0..=MAX_CLICKS).contains(&clicks) {
            return Err(Error::Data(format!(
                "grid {}: an anchor of {clicks} clicks",
                self.grid_id
            )));
        }
        let anchor = Anchor { map: map(of_anchor)?, banners, clicks, description };
        let group = |group: GroupRecord| {
            Ok(DetectedGroup {
                kind: group.kind,
                banners: group.banners,
                share: group.share,
                domains: group.domains,
                heatmap: Heatmap::from_values(grid, group.heatmap)?,
                unlike: group.unlike,
            })
        };
        let thinned = self.thinned.into_iter();
        let thinned = thinned.map(|(fit, clicks)| (fit.map(of_bits), clicks)).collect();
        let layout = DetectedLayout {
            grid_id: self.grid_id,
            display: self.display,
            first: self.first,
            banners: self.banners,
            anchor,
            fell_back: self.fell_back,
            compared: self.compared,
            layouts: self.layouts.into_iter().map(map).collect::<Result<_>>()?,
            groups: self.groups.into_iter().map(group).collect::<Result<_>>()?,
            undecided: self.undecided,
        };
        Ok((layout, thinned))
    }
}

/// More clicks than any log has, and few enough for the f32 of a heatmap.
const MAX_CLICKS: f64 = 1e30;
