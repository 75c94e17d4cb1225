//! [`LayoutBanners`]: good banners by layout, for as many layouts as are asked for, and broken
//! versions of them.
//!
//! From these a network can learn which banners show the same layout and work alike. A broken
//! banner of a layout is the nearest thing that does not belong to it; other layouts alone teach
//! little about that. A layout is the first one of a grid of either population, as in
//! [`super::ReferenceSets`], with noise and variation of its own.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::banner_world::BannerWorld;
use super::field_draws::log_uniform;
use super::look_alike::{LOOK_CLICKS, LOOKS, LookAlike};
use super::{SetBanner, Span};
use crate::{Error, Grid, Heatmap, Result, sample_rng};

/// Configures the banners: their bins, clicks, defects and populations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayoutBanners {
    /// Bins of every heatmap.
    pub grid: Grid,
    /// Number of clicks on a banner, uniform in its logarithm.
    pub clicks: Span<f64>,
    /// Share of a broken banner's clicks that the defect takes.
    pub severity: Span<f64>,
    /// Share of the layouts that come from a [`super::Population`]; the others come from a
    /// [`super::FieldPopulation`].
    pub usual: f64,
}

impl Default for LayoutBanners {
    fn default() -> Self {
        Self {
            grid: Grid::MEDIUM_RECTANGLE,
            clicks: Span::new(12.0, 3_000.0),
            severity: Span::new(0.2, 1.0),
            usual: 0.25,
        }
    }
}

/// One layout together with the seed of the banners that are drawn from it.
#[derive(Debug, Clone)]
pub struct BannerLayout {
    world: BannerWorld,
    clicks: Span<f64>,
    seed: u64,
    number: u64,
}

impl LayoutBanners {
    /// The first number of a layout that depends on the seed. Layouts 0 to 1,023 are the same for
    /// every seed and serve for measurements.
    pub const HELD_OUT: u64 = 1_024;
    /// Keeps the random streams of these banners apart from those of other generators under the
    /// same seed.
    const STREAM: u64 = 0x6C61_796F_7574_626E;

    /// Checks the configuration.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used.
    pub fn check(&self) -> Result<()> {
        if self.grid.is_empty() {
            return Err(Error::config("grid", format!("{:?}", self.grid), "has no bin"));
        }
        self.clicks.check("clicks", 1.0, 1e6)?;
        self.severity.check("severity", 0.0, 1.0)?;
        Span::only(self.usual).check("usual", 0.0, 1.0)
    }

    /// Returns layout `number`, with the banners of this `seed`.
    pub fn layout(&self, seed: u64, number: u64) -> BannerLayout {
        let world_seed = Self::STREAM ^ if number < Self::HELD_OUT { 0 } else { seed };
        let mut rng = sample_rng(world_seed, number);
        let world =
            BannerWorld::draw((self.grid, self.severity, self.usual), world_seed, number, &mut rng);
        let world = world.with_one_layout().with_banners(seed);
        BannerLayout { world, clicks: self.clicks, seed, number }
    }
}

impl BannerLayout {
    /// Index of the first broken banner of a layout among the banners of its grid.
    const BROKEN: u64 = 1 << 40;
    /// Index of the first of the good banners that a broken one is compared with.
    const LOOKS_FROM: u64 = 1 << 41;
    /// Tries after which a broken banner is taken even if it looks good: on some layouts defects
    /// hardly show.
    const ATTEMPTS: u64 = 8;

    /// Draws good banner `index`.
    pub fn good(&self, index: u64) -> Heatmap {
        self.world.banner(0.0, None, index, self.clicks(index)).heatmap
    }

    /// Draws broken banners of this layout, each of which looks broken at many clicks.
    pub fn broken(&self, indices: Range<u64>) -> Vec<SetBanner> {
        let look =
            |prevalence: f64, at: u64| self.world.banner(prevalence, None, at, LOOK_CLICKS).heatmap;
        let good: Vec<Heatmap> = (0..LOOKS).map(|at| look(0.0, Self::LOOKS_FROM + at)).collect();
        let alike = LookAlike::of(&good);
        let of = |index: u64| {
            let first = Self::BROKEN + index * Self::ATTEMPTS;
            let mut attempts = first..first + Self::ATTEMPTS;
            let at = attempts.find(|&at| !alike.is_like(&look(1.0, at))).unwrap_or(first);
            self.world.banner(1.0, None, at, self.clicks(at))
        };
        indices.map(of).collect()
    }

    fn clicks(&self, at: u64) -> u32 {
        let stream =
            self.seed ^ LayoutBanners::STREAM.rotate_left(24) ^ self.number.rotate_left(40);
        log_uniform(self.clicks, &mut sample_rng(stream, at)).round() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn banners_repeat_and_differ() {
        let banners = LayoutBanners::default();
        let layout = || banners.layout(1, 5);
        assert_eq!(layout().good(3), layout().good(3));
        assert_eq!(layout().broken(2..4), layout().broken(0..4)[2..]);
        let others = [layout().good(4), banners.layout(2, 5).good(3), banners.layout(1, 6).good(3)];
        assert!(others.iter().all(|other| *other != layout().good(3)));
    }

    /// How far apart the mean shares of two lists of good banners are: from 0 to 2.
    fn apart(a: &BannerLayout, b: &BannerLayout) -> f64 {
        let mean = |layout: &BannerLayout| -> Vec<f64> {
            let heatmaps: Vec<Heatmap> = (0..40).map(|index| layout.good(index)).collect();
            let totals: Vec<f64> = heatmaps.iter().map(Heatmap::total).collect();
            let maps = || heatmaps.iter().zip(&totals);
            let bin = |bin: usize| {
                maps().map(|(map, total)| f64::from(map.values()[bin]) / total).sum::<f64>()
            };
            (0..3_000).map(|at| bin(at) / 40.0).collect()
        };
        mean(a).iter().zip(mean(b)).map(|(a, b)| (a - b).abs()).sum()
    }

    #[test]
    fn held_out_layouts_are_the_same_for_all_seeds_and_others_are_not() {
        let banners = LayoutBanners { clicks: Span::only(2_000.0), ..Default::default() };
        for number in [0, 1, LayoutBanners::HELD_OUT - 1] {
            let same = apart(&banners.layout(1, number), &banners.layout(2, number));
            let other = apart(&banners.layout(1, number), &banners.layout(1, number + 1));
            assert!(same < 0.5 * other, "layout {number}: {same} and {other}");
        }
        let number = LayoutBanners::HELD_OUT;
        assert!(apart(&banners.layout(1, number), &banners.layout(2, number)) > 0.5);
    }

    #[test]
    fn broken_banners_have_all_defects_and_any_number_of_clicks() {
        let banners = LayoutBanners::default();
        let (mut kinds, mut clicks) = (BTreeSet::new(), Vec::new());
        for number in 0..40 {
            for banner in banners.layout(3, number).broken(0..8) {
                kinds.insert(banner.defect.expect("a broken banner"));
                clicks.push(banner.heatmap.total());
            }
        }
        assert!(kinds.len() >= 15, "{kinds:?}");
        assert!(clicks.iter().all(|&clicks| (12.0..=3_000.0).contains(&clicks)));
        let few = clicks.iter().filter(|&&clicks| clicks < 190.0).count();
        // Half of them: binomial(320, 0.5), standard deviation 9.
        assert!((120..=200).contains(&few), "{few}");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let error = |banners: LayoutBanners| banners.check().unwrap_err().to_string();
        assert!(error(LayoutBanners { usual: -0.1, ..Default::default() }).contains("usual"));
        assert!(
            error(LayoutBanners { clicks: Span::only(0.0), ..Default::default() })
                .contains("clicks")
        );
        assert!(
            error(LayoutBanners { severity: Span::only(2.0), ..Default::default() })
                .contains("severity")
        );
        assert!(LayoutBanners::default().check().is_ok());
    }
}
