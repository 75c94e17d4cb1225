//! [`BannerWorld`]: one grid (a `grid_id`) of either population, and the banners on it.

use rand::RngExt;

use super::{FieldDefect, FieldGrid, FieldPopulation, Layout, Population, SetBanner, Span};
use crate::{Grid, SampleRng};

/// The generator of the banners of one grid: a population, what all banners of the grid share, and
/// the seed of the banners.
#[derive(Debug, Clone)]
pub(super) enum BannerWorld {
    Field(Box<FieldPopulation>, Box<FieldGrid>, u64),
    Usual(Population, Layout, u64),
}

impl BannerWorld {
    /// Draws grid `index` of this `seed`: with probability `usual` a grid of a [`Population`],
    /// otherwise a grid of a [`FieldPopulation`] with settings of its own. `severity` is the share
    /// of a broken banner's clicks that the defect takes.
    pub(super) fn draw(
        (grid, severity, usual): (Grid, Span<f64>, f64),
        seed: u64,
        index: u64,
        rng: &mut SampleRng,
    ) -> Self {
        let banners = rng.random();
        if rng.random_bool(usual) {
            return Self::Usual(
                Population { grid, severity, ..Default::default() },
                Layout::draw(seed, index),
                banners,
            );
        }
        let most = Span::new(0.1, 0.5).draw(rng);
        let noise = Span::new(0.02, most);
        let least = Span::new(1.2, 6.0).draw(rng);
        let concentration = Span::new(least, least * Span::new(1.0, 4.0).draw(rng));
        let population =
            FieldPopulation { grid, severity, noise, concentration, ..Default::default() };
        Self::Field(Box::new(population), Box::new(FieldGrid::draw(seed, index)), banners)
    }

    /// Returns the same grid with its first layout alone, which all good banners then have.
    pub(super) fn with_one_layout(self) -> Self {
        match self {
            Self::Field(population, mut field, seed) => {
                field.layouts.truncate(1);
                field.shares = vec![1.0];
                Self::Field(population, field, seed)
            }
            usual @ Self::Usual(..) => usual,
        }
    }

    /// Returns the same grid with other banners, those of another seed.
    pub(super) fn with_banners(self, banners: u64) -> Self {
        match self {
            Self::Field(population, field, seed) => Self::Field(population, field, seed ^ banners),
            Self::Usual(population, layout, seed) => {
                Self::Usual(population, layout, seed ^ banners)
            }
        }
    }

    /// Draws banner `at` of the grid, broken with probability `prevalence`. In a field population,
    /// `shared` is the defect of all broken banners, if given; the usual population ignores it.
    pub(super) fn banner(
        &self,
        prevalence: f64,
        shared: Option<FieldDefect>,
        at: u64,
        clicks: u32,
    ) -> SetBanner {
        match self {
            Self::Field(population, field, seed) => {
                let population = FieldPopulation { prevalence, shared, ..(**population).clone() };
                let banner = population.banner(field, *seed, at, clicks);
                SetBanner { heatmap: banner.heatmap, defect: banner.defect.map(FieldDefect::name) }
            }
            Self::Usual(population, layout, seed) => {
                let population = Population { prevalence, ..population.clone() };
                let banner = population.banner(layout, *seed, at, clicks);
                SetBanner {
                    heatmap: banner.heatmap,
                    defect: banner.defect.map(super::Defect::name),
                }
            }
        }
    }
}
