//! [`ReferenceSets`]: banners of one grid, most of them good, and other banners to be compared with
//! them.
//!
//! A set is what a detector of broken banners meets in a log, with the truth known: nobody says
//! which of the other banners of the grid work, and the grid shows layouts that the detector has
//! never seen. Most sets are grids of a [`super::FieldPopulation`], the others of a
//! [`super::Population`].

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::banner_world::BannerWorld;
use super::field_draws::{log_normal, log_uniform};
use super::look_alike::{LOOK_CLICKS, LOOKS, LookAlike};
use super::{FieldDefect, SetBanner, Span};
use crate::{Error, Grid, Heatmap, Result, SampleRng, sample_rng};

/// Configures sets of reference and query banners. Shares are from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReferenceSets {
    /// Bins of every heatmap.
    pub grid: Grid,
    /// Number of references: the banners of a set that the queries are compared with.
    pub references: Span<u32>,
    /// Number of queries: the banners of a set that are to be judged. About half of them are
    /// broken.
    pub queries: usize,
    /// Share of broken banners among the references.
    pub prevalence: Span<f64>,
    /// Share of the sets that are flooded: more of their references are broken than `prevalence`
    /// says.
    pub flooded: f64,
    /// Share of broken banners among the references of a flooded set; in half of these sets all of
    /// them have the same defect.
    pub flood: Span<f64>,
    /// Median number of clicks on the banners of a set, drawn uniformly in its logarithm.
    pub clicks: Span<f64>,
    /// Standard deviation of the logarithm of the number of clicks within a set.
    pub clicks_sigma: Span<f64>,
    /// Share of the queries whose number of clicks is drawn from all of `clicks`, whatever the
    /// other banners of the set have.
    pub any_clicks: f64,
    /// Share of a broken banner's clicks that the defect takes.
    pub severity: Span<f64>,
    /// Share of the sets whose grid comes from a [`super::Population`].
    pub usual: f64,
}

impl Default for ReferenceSets {
    fn default() -> Self {
        Self {
            grid: Grid::MEDIUM_RECTANGLE,
            references: Span::new(24, 96),
            queries: 32,
            prevalence: Span::new(0.0, 0.16),
            flooded: 0.15,
            flood: Span::new(0.16, 0.45),
            clicks: Span::new(12.0, 3_000.0),
            clicks_sigma: Span::new(0.2, 1.2),
            any_clicks: 0.3,
            severity: Span::new(0.2, 1.0),
            usual: 0.25,
        }
    }
}

/// References and queries of one grid, with the truth about each banner.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceSet {
    /// Banners that the queries can be compared with, good and broken.
    pub references: Vec<SetBanner>,
    /// Banners to be judged, none of which is among the references.
    pub queries: Vec<SetBanner>,
}

impl ReferenceSets {
    /// Keeps the random streams of these sets apart from those of other generators under the same
    /// seed.
    const STREAM: u64 = 0x7265_6665_7265_6E63;
    /// Index of the first query of a set among the banners of its grid.
    const QUERIES: u64 = 1 << 20;
    /// Index of the first of the good banners that a broken query is compared with.
    const GOOD: u64 = 1 << 21;

    /// Checks the configuration.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used.
    pub fn check(&self) -> Result<()> {
        if self.grid.is_empty() {
            return Err(Error::config("grid", format!("{:?}", self.grid), "has no bin"));
        }
        self.references.check("references", 1, 10_000)?;
        if self.queries == 0 {
            return Err(Error::config("queries", 0, "must be positive"));
        }
        self.prevalence.check("prevalence", 0.0, 1.0)?;
        Span::only(self.flooded).check("flooded", 0.0, 1.0)?;
        self.flood.check("flood", 0.0, 1.0)?;
        self.clicks.check("clicks", 1.0, 1e6)?;
        self.clicks_sigma.check("clicks_sigma", 0.0, 3.0)?;
        Span::only(self.any_clicks).check("any_clicks", 0.0, 1.0)?;
        self.severity.check("severity", 0.0, 1.0)?;
        Span::only(self.usual).check("usual", 0.0, 1.0)
    }

    /// Draws set `index` of this `seed`. A broken query is one that looks broken, at many clicks,
    /// beside good banners of its grid: a defect that leaves a banner as it was teaches nothing.
    pub fn set(&self, seed: u64, index: u64) -> ReferenceSet {
        let mut rng = sample_rng(seed ^ Self::STREAM, index);
        let rng = &mut rng;
        let world = BannerWorld::draw((self.grid, self.severity, self.usual), seed, index, rng);
        let flooded = rng.random_bool(self.flooded);
        let prevalence = if flooded { self.flood } else { self.prevalence }.draw(rng);
        let shared = (flooded && rng.random_bool(0.5))
            .then(|| FieldDefect::ALL[rng.random_range(0..FieldDefect::ALL.len())]);
        let references = rng.random_range(self.references.min..=self.references.max);
        let clicks = Clicks::draw(self, rng);
        let mirror = [rng.random_bool(0.5), rng.random_bool(0.5)];
        let banner = |mut banner: SetBanner| {
            banner.heatmap = mirrored(&banner.heatmap, mirror);
            banner
        };
        let references = (0..u64::from(references))
            .map(|at| banner(world.banner(prevalence, shared, at, clicks.usual(rng))))
            .collect();
        let look = |prevalence: f64, at: u64| world.banner(prevalence, None, at, LOOK_CLICKS);
        let good: Vec<Heatmap> = (0..LOOKS).map(|at| look(0.0, Self::GOOD + at).heatmap).collect();
        let alike = LookAlike::of(&good);
        let mut queries = Vec::with_capacity(self.queries);
        // The number of tries is limited because on some grids hardly any defect shows.
        for at in Self::QUERIES..Self::QUERIES + 8 * self.queries as u64 {
            if queries.len() == self.queries {
                break;
            }
            let drawn = world.banner(0.5, None, at, clicks.any(rng));
            if drawn.defect.is_none() || !alike.is_like(&look(0.5, at).heatmap) {
                queries.push(banner(drawn));
            }
        }
        ReferenceSet { references, queries }
    }
}

/// The distribution of the number of clicks on the banners of one set.
struct Clicks {
    all: Span<f64>,
    any: f64,
    median: f64,
    sigma: f64,
}

impl Clicks {
    /// Bounds of the log-normal number of clicks; the lower one holds for every number.
    const LIMITS: Span<f64> = Span::new(8.0, 5_000.0);

    fn draw(sets: &ReferenceSets, rng: &mut SampleRng) -> Self {
        let median = log_uniform(sets.clicks, rng);
        Self { all: sets.clicks, any: sets.any_clicks, median, sigma: sets.clicks_sigma.draw(rng) }
    }

    fn usual(&self, rng: &mut SampleRng) -> u32 {
        (self.median * log_normal(self.sigma, rng))
            .round()
            .clamp(Self::LIMITS.min, Self::LIMITS.max) as u32
    }

    /// Draws the clicks of a query: as the other banners of the set have them, or any number.
    fn any(&self, rng: &mut SampleRng) -> u32 {
        if rng.random_bool(self.any) {
            log_uniform(self.all, rng).max(Self::LIMITS.min) as u32
        } else {
            self.usual(rng)
        }
    }
}

/// Mirrors a heatmap from left to right, from top to bottom, or both.
fn mirrored(heatmap: &Heatmap, [across, down]: [bool; 2]) -> Heatmap {
    let grid = heatmap.grid();
    let mut values = Vec::with_capacity(grid.len());
    for row in 0..grid.rows {
        let row = if down { grid.rows - 1 - row } else { row };
        let line = &heatmap.values()[row * grid.columns..(row + 1) * grid.columns];
        if across { values.extend(line.iter().rev()) } else { values.extend(line) }
    }
    Heatmap::from_values(grid, values).expect("the values of a heatmap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_repeat_and_differ() {
        let sets = ReferenceSets { queries: 4, references: Span::new(3, 5), ..Default::default() };
        assert_eq!(sets.set(1, 2), sets.set(1, 2));
        assert_ne!(sets.set(1, 2), sets.set(1, 3));
        assert_ne!(sets.set(1, 2), sets.set(2, 2));
    }

    #[test]
    fn about_half_of_the_queries_and_few_of_the_references_are_broken() {
        let sets =
            ReferenceSets { flooded: 0.0, clicks: Span::new(12.0, 100.0), ..Default::default() };
        let share = |banners: &[SetBanner]| {
            let broken = banners.iter().filter(|banner| banner.defect.is_some()).count();
            (broken, banners.len())
        };
        let (mut references, mut queries, mut kinds) =
            ((0, 0), (0, 0), std::collections::BTreeSet::new());
        for index in 0..60 {
            let set = sets.set(3, index);
            assert!((24..=96).contains(&set.references.len()) && set.queries.len() == 32);
            for (sum, part) in [(&mut references, &set.references), (&mut queries, &set.queries)] {
                let (broken, all) = share(part);
                *sum = (sum.0 + broken, sum.1 + all);
                kinds.extend(part.iter().filter_map(|banner| banner.defect));
            }
        }
        let of = |(broken, all): (usize, usize)| broken as f64 / all as f64;
        assert!(
            (0.05..0.11).contains(&of(references)) && (0.4..0.52).contains(&of(queries)),
            "{references:?} {queries:?}"
        );
        assert!(kinds.len() >= 15, "{kinds:?}");
    }

    #[test]
    fn a_mirror_image_of_a_mirror_image_is_the_map() {
        let set = ReferenceSets { queries: 1, ..Default::default() }.set(5, 0);
        let heatmap = &set.queries[0].heatmap;
        for mirror in [[true, false], [false, true], [true, true]] {
            assert_eq!(&mirrored(&mirrored(heatmap, mirror), mirror), heatmap);
            assert_ne!(&mirrored(heatmap, mirror), heatmap);
        }
        let corner = mirrored(heatmap, [true, true]).get(49, 59);
        assert_eq!(corner, heatmap.get(0, 0));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let error = |sets: ReferenceSets| sets.check().unwrap_err().to_string();
        assert!(error(ReferenceSets { queries: 0, ..Default::default() }).contains("queries"));
        assert!(error(ReferenceSets { usual: 1.5, ..Default::default() }).contains("usual"));
        assert!(
            error(ReferenceSets { references: Span::new(3, 2), ..Default::default() })
                .contains("references")
        );
        assert!(
            error(ReferenceSets { references: Span::new(0, 2), ..Default::default() })
                .contains("references")
        );
        assert!(ReferenceSets::default().check().is_ok());
    }
}
