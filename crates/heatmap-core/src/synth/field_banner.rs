//! [`FieldBanner`]: one banner of a [`FieldPopulation`], and the truth about it.

use rand::RngExt;

use super::field_bursts::{burst_lengths, render_bursts};
use super::field_draws::weighted;
use super::field_look::Look;
use super::{FieldDefect, FieldGrid, FieldPopulation};
use crate::{Heatmap, sample_rng};

/// A banner of a [`FieldPopulation`] together with the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldBanner {
    /// The defect of the banner; `None` when it works.
    pub defect: Option<FieldDefect>,
    /// Index of its layout in [`FieldGrid::layouts`]; for a broken banner, of the layout that it
    /// would have if it worked.
    pub layout: usize,
    /// Expected share of its clicks, 0 to 1, that the defect takes; 0 when the banner works.
    pub severity: f64,
    /// Clicks per bin.
    pub heatmap: Heatmap,
}

impl FieldPopulation {
    /// Draws banner `index` of the grid `field`, with `clicks` clicks.
    ///
    /// Whether the banner is broken, and how, does not depend on the number of clicks: the same
    /// banner can be looked at with few and with many.
    ///
    /// # Panics
    /// Panics when `field` has no layout.
    pub fn banner(&self, field: &FieldGrid, seed: u64, index: u64, clicks: u32) -> FieldBanner {
        let mut rng = sample_rng(seed ^ Self::STREAM, index);
        // A defect is drawn even where `shared` replaces it, so that which banners are broken does
        // not depend on `shared` either.
        let drawn = rng.random_bool(self.prevalence).then(|| field.draw_defect(&mut rng));
        let defect = drawn.map(|drawn| self.shared.unwrap_or(drawn));
        let severity = defect.map_or(0.0, |_| self.severity.draw(&mut rng));
        let layout = weighted(&field.shares, &mut rng).min(field.layouts.len() - 1);
        let look = Look::draw(self, field, &mut rng);
        let good = look.working(&field.layouts[layout], &mut rng);
        let broken = defect.map(|defect| defect.scene(&look, layout, &good, &mut rng));
        // The clicks come from a random stream of their own for every number of clicks, so that
        // this number changes nothing above.
        let mut rng = sample_rng(seed ^ Self::STREAM ^ u64::from(clicks).rotate_left(40), index);
        let bursts = burst_lengths(clicks, field.burstiness, &mut rng);
        let heatmap = render_bursts(good, broken, severity, &bursts, self.grid, &mut rng);
        FieldBanner { defect, layout, severity, heatmap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_budget_changes_neither_truth_nor_total() {
        let population = FieldPopulation { prevalence: 0.5, ..Default::default() };
        for index in 0..200 {
            let field = FieldGrid::draw(1, index);
            let few = population.banner(&field, 3, index, 25);
            let many = population.banner(&field, 3, index, 3_000);
            assert_eq!(
                (few.defect, few.layout, few.severity),
                (many.defect, many.layout, many.severity)
            );
            assert_eq!((few.heatmap.total(), many.heatmap.total()), (25.0, 3_000.0));
            assert_eq!(many, population.banner(&field, 3, index, 3_000));
            assert_eq!(population.banner(&field, 3, index, 0).heatmap.total(), 0.0);
        }
    }

    #[test]
    fn prevalence_is_kept_and_every_defect_and_layout_occurs() {
        let population = FieldPopulation { prevalence: 0.3, ..Default::default() };
        let (mut broken, mut kinds, mut layouts) = (0_u32, BTreeSet::new(), BTreeSet::new());
        for index in 0..3_000 {
            let field = FieldGrid::draw(1, index / 50);
            let banner = population.banner(&field, 4, index, 10);
            assert_eq!(banner.severity > 0.0, banner.defect.is_some());
            assert!(banner.defect.is_none() || (0.5..=1.0).contains(&banner.severity));
            broken += u32::from(banner.defect.is_some());
            kinds.extend(banner.defect);
            layouts.insert(banner.layout);
        }
        // Binomial(3,000, 0.3): standard deviation 25.
        assert!((f64::from(broken) - 900.0).abs() < 4.5 * 25.0, "{broken}");
        assert_eq!((kinds.len(), layouts.len()), (FieldDefect::ALL.len(), 4));
    }

    #[test]
    fn layouts_have_the_shares_of_their_grid() {
        let field =
            (0..).map(|grid| FieldGrid::draw(2, grid)).find(|f| f.layouts.len() == 3).unwrap();
        let mut found = [0.0; 3];
        for index in 0..2_000 {
            found[FieldPopulation::default().banner(&field, 5, index, 1).layout] += 1.0;
        }
        for (found, share) in found.into_iter().zip(&field.shares) {
            assert!(
                (found - 2_000.0 * share).abs() < 4.5 * (2_000.0 * share * (1.0 - share)).sqrt()
            );
        }
    }

    #[test]
    fn a_shared_defect_is_the_only_one_and_breaks_the_same_banners() {
        let mixed = FieldPopulation { prevalence: 0.4, ..Default::default() };
        let shared = FieldPopulation { shared: Some(FieldDefect::Foreign), ..mixed.clone() };
        let field = FieldGrid::draw(1, 0);
        for index in 0..300 {
            let defect = mixed.banner(&field, 6, index, 5).defect;
            assert_eq!(
                shared.banner(&field, 6, index, 5).defect,
                defect.map(|_| FieldDefect::Foreign)
            );
        }
    }

    #[test]
    fn bursts_make_bins_vary_more_than_poisson_counts() {
        let population = FieldPopulation { prevalence: 0.0, ..Default::default() };
        // Variance over mean of the same banner's bins, drawn again with nearly as many clicks.
        let ratio = |burstiness| {
            let field = FieldGrid { burstiness, ..FieldGrid::draw(1, 1) };
            let drawn: Vec<Heatmap> =
                (0..300).map(|k| population.banner(&field, 7, 0, 1_000 + k).heatmap).collect();
            let (mut means, mut variances) = (0.0, 0.0);
            for bin in 0..population.grid.len() {
                let values = || drawn.iter().map(|heatmap| f64::from(heatmap.values()[bin]));
                let mean = values().sum::<f64>() / 300.0;
                means += mean;
                variances += values().map(|v| (v - mean).powi(2)).sum::<f64>() / 299.0;
            }
            variances / means
        };
        let (once, twice) = (ratio(1.0), ratio(2.0));
        assert!((once - 1.0).abs() < 0.1 && (twice - 3.0).abs() < 0.3, "{once} and {twice}");
    }

    #[test]
    fn a_banner_never_changes() {
        let population = FieldPopulation { prevalence: 0.5, ..Default::default() };
        let hashes = [0, 1, 2].map(|index| {
            let field = FieldGrid::draw(11, index);
            let banner = population.banner(&field, 12, index, population.clicks(12, index));
            // FNV-1a over the counts.
            let hash =
                banner.heatmap.values().iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, &v| {
                    (hash ^ u64::from(v as u32)).wrapping_mul(0x0100_0000_01B3)
                });
            (banner.defect.map(FieldDefect::name), banner.layout, banner.heatmap.total(), hash)
        });
        let expected = [
            (Some("close-button"), 0, 672.0, 9_373_415_324_207_349_861),
            (None, 2, 434.0, 3_954_690_556_427_058_005),
            (None, 0, 245.0, 12_305_481_334_703_705_296),
        ];
        assert_eq!(hashes, expected);
    }
}
