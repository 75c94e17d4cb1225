//! The synthetic logs of the benchmark: grids to learn from, and other grids to be scored.

use heatmap_core::detect::{
    Anchor, AnchorChoice, Candidate, ClickMap, DetectorConfig, GridDetector, KnownDefects, LikelihoodRatio, Score,
    Smoothing,
};
use heatmap_core::synth::{Defect, Layout, Population};
use heatmap_core::{Error, Heatmap, Result};
use rayon::prelude::*;
use serde::Serialize;

/// How much is drawn.
#[derive(Debug, Clone, Serialize)]
pub struct BenchmarkConfig {
    /// Worlds, each with layouts and banners of its own.
    pub seeds: Vec<u64>,
    /// Grids whose labels are known, and as many others that are scored.
    pub grids: u64,
    /// Banners of a grid.
    pub banners: u64,
    /// Clicks of every banner.
    pub budgets: Vec<u32>,
    /// Clicks of the one good banner that is each grid's anchor.
    pub anchor_clicks: u32,
    /// Resamples of the bootstrap.
    pub resamples: usize,
    /// False-alarm rate that the rule without labels states.
    pub false_alarms: f64,
    /// What banners are like.
    pub population: Population,
}

impl Default for BenchmarkConfig {
    fn default() -> Self {
        Self {
            seeds: vec![1, 2, 3],
            grids: 12,
            banners: 250,
            budgets: vec![25, 50, 100, 200, 500, 1_000, 5_000],
            anchor_clicks: 5_000,
            resamples: 500,
            false_alarms: 0.01,
            population: Population::default(),
        }
    }
}

/// The banners of one grid at one budget: their clicks and the truth.
pub struct GridWorld {
    /// Which (seed, grid) it is, for resampling whole grids.
    pub group: usize,
    /// Clicks.
    pub heatmaps: Vec<Heatmap>,
    /// Whether broken.
    pub broken: Vec<bool>,
    /// What is wrong with each, if anything is.
    pub defects: Vec<Option<Defect>>,
    /// The one good banner that is known.
    pub good: Heatmap,
    /// Its map.
    pub anchor: Anchor,
    /// What can be known without it: the mean of the bulk.
    pub bulk: Anchor,
}

/// Grids from here on are scored; those before are learned from.
const FIRST_SCORED: u64 = 1_000;

impl BenchmarkConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the one that cannot be used.
    pub fn check(&self) -> Result<()> {
        for (field, value) in
            [("seeds", self.seeds.len() as u64), ("grids", self.grids), ("clicks", self.budgets.len() as u64)]
        {
            if value == 0 {
                return Err(Error::config(field, 0, "must be positive"));
            }
        }
        if let Some(budget) = self.budgets.iter().find(|budget| !(1..=1_000_000).contains(*budget)) {
            return Err(Error::config("clicks", budget, "must be from 1 to 1,000,000"));
        }
        let broken = self.population.prevalence * self.banners as f64;
        if self.grids > FIRST_SCORED {
            return Err(Error::config("grids", self.grids, format!("must be at most {FIRST_SCORED}")));
        }
        if broken.min(self.banners as f64 - broken) < 6.0 {
            let reason = format!(
                "a share of {} leaves fewer than 6 broken or good banners of a grid",
                self.population.prevalence
            );
            return Err(Error::config("banners", self.banners, reason));
        }
        self.population.check()
    }

    /// The grids to learn from, at `budget` clicks.
    ///
    /// # Errors
    /// When a grid has too few banners for a bulk.
    pub fn known_grids(&self, seed: u64, budget: u32) -> Result<Vec<GridWorld>> {
        (0..self.grids).map(|grid| self.grid(seed, grid, budget)).collect()
    }

    /// The grids to score: other layouts, other banners.
    ///
    /// # Errors
    /// As above.
    pub fn scored_grids(&self, seed: u64, budget: u32) -> Result<Vec<GridWorld>> {
        (0..self.grids).map(|grid| self.grid(seed, FIRST_SCORED + grid, budget)).collect()
    }

    fn grid(&self, seed: u64, grid: u64, budget: u32) -> Result<GridWorld> {
        let layout = Layout::draw(seed, grid);
        let banners_seed = seed.wrapping_mul(1_000_003).wrapping_add(grid);
        let banners: Vec<_> = (0..self.banners)
            .into_par_iter()
            .map(|index| self.population.banner(&layout, banners_seed, index, budget))
            .collect();
        let defects: Vec<Option<Defect>> = banners.iter().map(|banner| banner.defect).collect();
        let broken = defects.iter().map(Option::is_some).collect();
        let heatmaps: Vec<Heatmap> = banners.into_iter().map(|banner| banner.heatmap).collect();
        // A banner that is none of those.
        let works = Population { prevalence: 0.0, ..self.population.clone() };
        let good = works.banner(&layout, banners_seed, self.banners, self.anchor_clicks).heatmap;
        let smoothing = Smoothing::default();
        let anchor = Anchor {
            map: ClickMap::of([&good], &smoothing)?,
            banners: Vec::new(),
            clicks: good.total(),
            how: "one good banner".to_owned(),
        };
        let candidates: Vec<Candidate<'_>> = heatmaps
            .iter()
            .map(|heatmap| Candidate { heatmap, domain: "", broken: None, landing_rate: None })
            .collect();
        let bulk = AnchorChoice::Bulk.choose(&candidates, self.population.grid, &smoothing, seed)?;
        let group = (seed * 10_000 + grid) as usize;
        Ok(GridWorld { group, heatmaps, broken, defects, good, anchor, bulk })
    }
}

/// Names of the parts beyond those of a detector with the one-shot anchor.
pub(super) const FURTHER_PARTS: [&str; 5] = [
    "likelihood_ratio_bulk",
    "known_defects_bulk",
    "likelihood_ratio_aggregated",
    "zero_shot_aggregated",
    "zero_shot_defects_aggregated",
];

impl GridWorld {
    /// The parts of every banner: those of the detector with the one good banner as its anchor, then [`FURTHER_PARTS`].
    ///
    /// # Errors
    /// When something cannot be fitted.
    pub(super) fn parts(&self, aggregated: &Aggregated) -> Result<Vec<Vec<Option<f64>>>> {
        // The bulk, as detection takes it: fitted to all, these scores would take the broken banners for usual.
        let population: Vec<&Heatmap> = self.bulk.banners.iter().map(|&at| &self.heatmaps[at]).collect();
        let config = DetectorConfig::default();
        let one_shot = GridDetector::fit(&config, &self.anchor, &population)?;
        let (bulk, Aggregated { good, bad }) = (&self.bulk.map, aggregated);
        let further: [&dyn Score<Heatmap>; 5] = [
            &LikelihoodRatio::new(FURTHER_PARTS[0], bulk.clone(), &ClickMap::uniform(bulk.grid()))?,
            &KnownDefects::new(FURTHER_PARTS[1], bulk),
            &LikelihoodRatio::new(FURTHER_PARTS[2], self.anchor.map.clone(), bad)?,
            &LikelihoodRatio::new(FURTHER_PARTS[3], good.clone(), bad)?,
            &KnownDefects::new(FURTHER_PARTS[4], good),
        ];
        let of = |heatmap: &Heatmap| {
            let mut parts = one_shot.parts(heatmap)?;
            for score in further {
                parts.push(Some(score.score(heatmap)?));
            }
            Ok(parts)
        };
        self.heatmaps.par_iter().map(of).collect()
    }

    /// Clicks of each banner.
    pub fn clicks(&self) -> Vec<f64> {
        self.heatmaps.iter().map(Heatmap::total).collect()
    }
}

/// The mean maps of the good and of the broken banners of grids whose labels are known.
pub(super) struct Aggregated {
    good: ClickMap,
    bad: ClickMap,
}

impl Aggregated {
    /// Of these grids.
    ///
    /// # Errors
    /// When a kind is missing.
    pub(super) fn of<'a>(grids: impl Iterator<Item = &'a GridWorld> + Clone) -> Result<Self> {
        let map = |wanted: bool| {
            let all = grids.clone().flat_map(|grid| grid.heatmaps.iter().zip(&grid.broken));
            let kind = all.filter(|(_, broken)| **broken == wanted).map(|(heatmap, _)| heatmap);
            ClickMap::of(kind, &Smoothing::default())
        };
        Ok(Self { good: map(false)?, bad: map(true)? })
    }
}
