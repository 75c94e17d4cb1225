//! The synthetic logs of the benchmark: grids to learn from, and other grids to score.

use crate::detect::{
    Anchor, BannerMaps, Candidate, ClickMap, DecisionConfig, DecisionInputs, DetectorConfig,
    KnownDefects, LayoutDetector, LikelihoodRatio, PARTS, PartsTable, Reference, ReferenceConfig,
    Score, SetNetwork, SetScore, Smoothing,
};
use crate::synth::{FieldGrid, FieldPopulation, Layout, Population};
use crate::{Error, Heatmap, Result};
use rayon::prelude::*;
use serde::Serialize;

/// What the benchmark draws: populations of banners, numbers of grids and banners, click budgets.
#[derive(Debug, Clone, Serialize)]
pub struct BenchmarkConfig {
    /// Seeds; each draws its own layouts and banners.
    pub seeds: Vec<u64>,
    /// Number of grids to learn from, whose labels are known; the same number of other grids is
    /// scored.
    pub grids: u64,
    /// Number of banners in each grid.
    pub banners: u64,
    /// Click budgets: the benchmark is repeated with each of these numbers of clicks for every
    /// banner.
    pub budgets: Vec<u32>,
    /// Number of clicks of the one good banner that serves as each grid's anchor.
    pub anchor_clicks: u32,
    /// Number of bootstrap resamples.
    pub resamples: usize,
    /// False-alarm rate (0 to 1) that the rules without labels are asked to keep.
    pub false_alarms: f64,
    /// Which of the two populations is drawn.
    pub world: World,
    /// Settings of the usual population.
    pub population: Population,
    /// Settings of the field population.
    pub field: FieldPopulation,
}

/// The population that banners are drawn from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// A [`Population`]: one layout per grid, uniform noise, ten equally frequent defects.
    #[default]
    Usual,
    /// A [`FieldPopulation`]: several layouts per grid, bursts of repeated clicks, noise that is
    /// denser in some places, defects that take at least half of the clicks, and a different mix of
    /// defects in each grid.
    Field,
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
            world: World::default(),
            population: Population::default(),
            field: FieldPopulation::default(),
        }
    }
}

/// The banners of one grid at one click budget, with their true labels and what is fitted to them.
pub struct BenchmarkGrid {
    /// Id of the grid, unique over all seeds; the bootstrap resamples whole grids by it.
    pub group: usize,
    /// Clicks of each banner.
    pub heatmaps: Vec<Heatmap>,
    /// Whether each banner is broken.
    pub broken: Vec<bool>,
    /// The defect of each broken banner by name; `None` for good ones.
    pub defects: Vec<Option<&'static str>>,
    /// Clicks of the one banner that is known to be good.
    pub good: Heatmap,
    /// The one-shot anchor: the smoothed map of `good`.
    pub anchor: Anchor,
    /// The anchor that needs no known good banner: the mean map of `reference`.
    pub bulk: Anchor,
    /// The banners that are taken for good without labels.
    pub reference: Reference,
}

/// Index of the first scored grid; grids with smaller indices are learned from.
const FIRST_SCORED: u64 = 1_000;

impl BenchmarkConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// When a setting cannot be used; the error names it.
    pub fn check(&self) -> Result<()> {
        for (field, value) in [
            ("seeds", self.seeds.len() as u64),
            ("grids", self.grids),
            ("budgets", self.budgets.len() as u64),
        ] {
            if value == 0 {
                return Err(Error::config(field, 0, "must be positive"));
            }
        }
        if let Some(budget) = self.budgets.iter().find(|budget| !(1..=1_000_000).contains(*budget))
        {
            return Err(Error::config("budgets", budget, "must be from 1 to 1,000,000"));
        }
        let prevalence = match self.world {
            World::Usual => self.population.prevalence,
            World::Field => self.field.prevalence,
        };
        let broken = prevalence * self.banners as f64;
        if self.grids > FIRST_SCORED {
            return Err(Error::config(
                "grids",
                self.grids,
                format!("must be at most {FIRST_SCORED}"),
            ));
        }
        if broken.min(self.banners as f64 - broken) < 6.0 {
            let reason = format!(
                "a share of {prevalence} leaves fewer than 6 broken or good banners of a grid"
            );
            return Err(Error::config("banners", self.banners, reason));
        }
        self.population.check()?;
        self.field.check()
    }

    /// Draws the grids of `seed` to learn from, with `budget` clicks for every banner.
    ///
    /// # Errors
    /// When a grid has too few banners to choose a reference from.
    pub fn known_grids(&self, seed: u64, budget: u32) -> Result<Vec<BenchmarkGrid>> {
        (0..self.grids).map(|grid| self.grid(seed, grid, budget)).collect()
    }

    /// Draws the grids of `seed` to score, with `budget` clicks for every banner. They have other
    /// layouts and banners than the known grids.
    ///
    /// # Errors
    /// When a grid has too few banners to choose a reference from.
    pub fn scored_grids(&self, seed: u64, budget: u32) -> Result<Vec<BenchmarkGrid>> {
        (0..self.grids).map(|grid| self.grid(seed, FIRST_SCORED + grid, budget)).collect()
    }

    fn grid(&self, seed: u64, grid: u64, budget: u32) -> Result<BenchmarkGrid> {
        let banners_seed = seed.wrapping_mul(1_000_003).wrapping_add(grid);
        let (banners, good) = match self.world {
            World::Usual => {
                let layout = Layout::draw(seed, grid);
                let banner = |index| {
                    let banner = self.population.banner(&layout, banners_seed, index, budget);
                    (banner.heatmap, banner.defect.map(|defect| defect.name()))
                };
                // The index after the last banner of the grid, so the anchor is none of the banners
                // that are scored.
                let works = Population { prevalence: 0.0, ..self.population.clone() };
                let good =
                    works.banner(&layout, banners_seed, self.banners, self.anchor_clicks).heatmap;
                ((0..self.banners).into_par_iter().map(banner).collect::<Vec<_>>(), good)
            }
            World::Field => {
                let layouts = FieldGrid::draw(seed, grid);
                let banner = |index| {
                    let banner = self.field.banner(&layouts, banners_seed, index, budget);
                    (banner.heatmap, banner.defect.map(|defect| defect.name()))
                };
                let works = FieldPopulation { prevalence: 0.0, ..self.field.clone() };
                let good =
                    works.banner(&layouts, banners_seed, self.banners, self.anchor_clicks).heatmap;
                ((0..self.banners).into_par_iter().map(banner).collect::<Vec<_>>(), good)
            }
        };
        let (heatmaps, defects): (Vec<Heatmap>, Vec<Option<&'static str>>) =
            banners.into_iter().unzip();
        let broken = defects.iter().map(Option::is_some).collect();
        let smoothing = Smoothing::default();
        let anchor = Anchor {
            map: ClickMap::of([&good], &smoothing)?,
            banners: Vec::new(),
            clicks: good.total(),
            description: "one good banner".to_owned(),
        };
        let candidates: Vec<Candidate<'_>> = heatmaps
            .iter()
            .map(|heatmap| Candidate {
                heatmap,
                domain: "",
                broken: None,
                landing_rate: None,
                example: None,
            })
            .collect();
        let reference = ReferenceConfig::default().choose(
            &heatmaps.iter().collect::<Vec<_>>(),
            &vec![None; heatmaps.len()],
            &smoothing,
            seed,
        )?;
        let bulk = Anchor::of_reference(&reference, &candidates, &smoothing)?;
        let group = (seed * 10_000 + grid) as usize;
        Ok(BenchmarkGrid { group, heatmaps, broken, defects, good, anchor, bulk, reference })
    }
}

/// Names of the parts that the benchmark adds to those of a detector with the one-shot anchor.
pub(super) const FURTHER_PARTS: [&str; 7] = [
    "likelihood_ratio_bulk",
    "known_defects_bulk",
    "likelihood_ratio_aggregated",
    "zero_shot_aggregated",
    "zero_shot_defects_aggregated",
    "set_network_one_good",
    "set_network_alone",
];

impl BenchmarkGrid {
    /// Computes the parts of every banner: those of a detector with the one good banner as its
    /// anchor, then [`FURTHER_PARTS`].
    ///
    /// # Errors
    /// When a score cannot be fitted.
    pub(super) fn parts(&self, aggregated: &Aggregated) -> Result<Vec<Vec<Option<f64>>>> {
        // As in detection, the population is the reference alone: fitted to all banners, these
        // scores would take defects for normal.
        let population: Vec<&Heatmap> =
            self.bulk.banners.iter().map(|&at| &self.heatmaps[at]).collect();
        let config = DetectorConfig::default();
        let one_shot =
            LayoutDetector::fit(&config, &self.anchor, &population, Some(&self.reference))?;
        let (bulk, Aggregated { good, bad }) = (&self.bulk.map, aggregated);
        let network = |references: &[&Heatmap]| {
            SetScore::new(SetNetwork::embedded(), BannerMaps::new(bulk.grid()), references)
        };
        let further: [&dyn Score<Heatmap>; FURTHER_PARTS.len()] = [
            &LikelihoodRatio::new(FURTHER_PARTS[0], bulk.clone(), &ClickMap::uniform(bulk.grid()))?,
            &KnownDefects::new(FURTHER_PARTS[1], bulk),
            &LikelihoodRatio::new(FURTHER_PARTS[2], self.anchor.map.clone(), bad)?,
            &LikelihoodRatio::new(FURTHER_PARTS[3], good.clone(), bad)?,
            &KnownDefects::new(FURTHER_PARTS[4], good),
            &network(&[&self.good])?,
            &network(&[])?,
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

    /// Returns the z score that `detect` gives each banner without labels, from its `parts`.
    ///
    /// # Errors
    /// When a part is infinite.
    pub(super) fn detected(&self, parts: &[Vec<Option<f64>>]) -> Result<Vec<f64>> {
        let mut table = PartsTable::new(PARTS.iter().map(|part| part.name.to_owned()).collect());
        for (parts, clicks) in parts.iter().zip(self.clicks()) {
            table.push(&parts[..PARTS.len()], clicks, 0);
        }
        for &at in &self.reference.banners {
            table.push_reference(&parts[at][..PARTS.len()], self.heatmaps[at].total(), 0);
        }
        table.push_samples(&self.reference.thinned, 0);
        let nothing = vec![None; parts.len()];
        let evidence = DecisionInputs {
            labels: &nothing,
            good: &vec![false; parts.len()],
            metrics: &|_| Vec::new(),
            flaggable: parts.len(),
        };
        Ok(DecisionConfig::default().decide(&table, &evidence)?.scores)
    }

    /// Returns the number of clicks of each banner.
    pub fn clicks(&self) -> Vec<f64> {
        self.heatmaps.iter().map(Heatmap::total).collect()
    }
}

/// The mean map of the good and that of the broken banners of grids whose labels are known.
pub(super) struct Aggregated {
    good: ClickMap,
    bad: ClickMap,
}

impl Aggregated {
    /// Averages the banners of `grids`.
    ///
    /// # Errors
    /// When there is no good or no broken banner.
    pub(super) fn of<'a>(grids: impl Iterator<Item = &'a BenchmarkGrid> + Clone) -> Result<Self> {
        let map = |wanted: bool| {
            let all = grids.clone().flat_map(|grid| grid.heatmaps.iter().zip(&grid.broken));
            let kind = all.filter(|(_, broken)| **broken == wanted).map(|(heatmap, _)| heatmap);
            ClickMap::of(kind, &Smoothing::default())
        };
        Ok(Self { good: map(false)?, bad: map(true)? })
    }
}
