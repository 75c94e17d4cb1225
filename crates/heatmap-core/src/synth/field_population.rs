//! [`FieldPopulation`]: banners that differ more than those of [`super::Population`], as logs do.
//!
//! The banners of a [`FieldGrid`] have one of several layouts, products of very unequal weight with
//! heavy tails, up to half of the clicks anywhere and thicker in places, and bins that vary more
//! than Poisson counts because people click a place repeatedly. One seed gives the same banners on
//! every machine.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::field_bursts::{burst_lengths, render_bursts};
use super::field_draws::{log_normal, weighted};
use super::field_look::Look;
use super::{FieldDefect, FieldGrid, Span};
use crate::{Error, Grid, Heatmap, Result, sample_rng};

/// Configuration of the population. Shares are shares of the clicks of a banner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldPopulation {
    /// Grid of every heatmap.
    pub grid: Grid,
    /// Share of broken banners.
    pub prevalence: f64,
    /// Share of a broken banner's clicks that the defect takes.
    pub severity: Span<f64>,
    /// The defect that all broken banners have; without it each has one in the shares of its grid.
    pub shared: Option<FieldDefect>,
    /// Share of noise, of which each grid has a part.
    pub noise: Span<f64>,
    /// Share on the close button.
    pub close_button: Span<f64>,
    /// How like the weights of the grid those of a banner are: the shape, drawn for each banner, of
    /// a gamma factor on each product. 1 leaves some products hardly a click.
    pub concentration: Span<f64>,
    /// Factor on the size of each product's blob, for each banner.
    pub spread: Span<f64>,
    /// Largest displacement of all products together as a share of the banner's width and height.
    pub shift: f64,
    /// Factor by which the products stand apart, along each axis.
    pub scale: Span<f64>,
    /// Median number of clicks on a banner, for [`FieldPopulation::clicks`].
    pub median_clicks: f64,
    /// Standard deviation of the logarithm of that number.
    pub clicks_sigma: f64,
}

impl Default for FieldPopulation {
    fn default() -> Self {
        Self {
            grid: Grid::MEDIUM_RECTANGLE,
            prevalence: 0.09,
            severity: Span::new(0.5, 1.0),
            shared: None,
            noise: Span::new(0.05, 0.5),
            close_button: Span::new(0.0, 0.15),
            concentration: Span::new(1.5, 12.0),
            spread: Span::new(0.75, 1.4),
            shift: 0.03,
            scale: Span::new(0.92, 1.08),
            median_clicks: 390.0,
            clicks_sigma: 0.5,
        }
    }
}

/// A banner and the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldBanner {
    /// What is wrong with it, if anything is.
    pub defect: Option<FieldDefect>,
    /// Which of its grid's layouts it has, or would have if it worked.
    pub layout: usize,
    /// Expected share of its clicks that the defect takes; 0 without one.
    pub severity: f64,
    /// Clicks per bin.
    pub heatmap: Heatmap,
}

impl FieldPopulation {
    /// Keeps the streams of this population apart from those of others under the same seed.
    const STREAM: u64 = 0x6669_656C_6462_616E;

    /// Checks the configuration.
    ///
    /// # Errors
    /// Names the field that cannot be used.
    pub fn check(&self) -> Result<()> {
        if self.grid.is_empty() {
            return Err(Error::config("grid", format!("{:?}", self.grid), "has no bin"));
        }
        Span::only(self.prevalence).check("prevalence", 0.0, 1.0)?;
        self.severity.check("severity", 0.0, 1.0)?;
        self.noise.check("noise", 0.0, 1.0)?;
        self.close_button.check("close_button", 0.0, 1.0)?;
        self.concentration.check("concentration", 1.0, 1e6)?;
        self.spread.check("spread", 1e-3, 10.0)?;
        Span::only(self.shift).check("shift", 0.0, 0.5)?;
        self.scale.check("scale", 0.1, 2.0)?;
        Span::only(self.median_clicks).check("median_clicks", 1.0, 1e6)?;
        Span::only(self.clicks_sigma).check("clicks_sigma", 0.0, 3.0)?;
        if self.close_button.max + self.noise.max > 1.0 {
            let both = self.close_button.max + self.noise.max;
            return Err(Error::config(
                "close_button + noise",
                both,
                "shares above 1 leave the products nothing",
            ));
        }
        Ok(())
    }

    /// A number of clicks as banners have it: log-normal, at least 1, from a stream of its own.
    pub fn clicks(&self, seed: u64, index: u64) -> u32 {
        let mut rng = sample_rng(seed ^ Self::STREAM.rotate_left(32), index);
        (self.median_clicks * log_normal(self.clicks_sigma, &mut rng)).round().clamp(1.0, 1e8)
            as u32
    }

    /// Banner `index` of this grid, with `clicks` clicks. Whether it is broken, and how, does not
    /// depend on the number of clicks: the same banner can be looked at with few and with many.
    ///
    /// # Panics
    /// When `field` has no layout.
    pub fn banner(&self, field: &FieldGrid, seed: u64, index: u64, clicks: u32) -> FieldBanner {
        let mut rng = sample_rng(seed ^ Self::STREAM, index);
        // Which banners are broken does not depend on `shared` either.
        let drawn = rng.random_bool(self.prevalence).then(|| field.draw_defect(&mut rng));
        let defect = drawn.map(|drawn| self.shared.unwrap_or(drawn));
        let severity = defect.map_or(0.0, |_| self.severity.draw(&mut rng));
        let layout = weighted(&field.shares, &mut rng).min(field.layouts.len() - 1);
        let look = Look::draw(self, field, &mut rng);
        let good = look.working(&field.layouts[layout], &mut rng);
        let broken = defect.map(|defect| defect.scene(&look, layout, &good, &mut rng));
        // The clicks of this budget are drawn by themselves.
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
    fn clicks_have_their_median_and_width() {
        let population = FieldPopulation::default();
        let mut clicks: Vec<u32> = (0..4_000).map(|index| population.clicks(8, index)).collect();
        clicks.sort_unstable();
        // 1 % is four standard deviations of a share near a half; quantiles of ln N(ln 390, 0.5).
        let at = |share: f64| f64::from(clicks[(share * 4_000.0) as usize]);
        assert!((at(0.5) / 390.0 - 1.0).abs() < 0.05, "{}", at(0.5));
        assert!((at(0.841) / at(0.159) / std::f64::consts::E - 1.0).abs() < 0.1);
    }

    #[test]
    fn a_wrong_field_is_named() {
        let usual = FieldPopulation::default();
        usual.check().unwrap();
        let wrong = [
            (
                "close_button + noise",
                FieldPopulation { noise: Span::new(0.0, 0.95), ..usual.clone() },
            ),
            ("`prevalence`", FieldPopulation { prevalence: 1.5, ..usual.clone() }),
            ("`severity`", FieldPopulation { severity: Span::new(0.9, 0.5), ..usual.clone() }),
            (
                "`concentration`",
                FieldPopulation { concentration: Span::only(0.5), ..usual.clone() },
            ),
            ("`shift`", FieldPopulation { shift: f64::NAN, ..usual.clone() }),
            ("`median_clicks`", FieldPopulation { median_clicks: 0.0, ..usual.clone() }),
            ("`grid`", FieldPopulation { grid: Grid { rows: 0, ..usual.grid }, ..usual.clone() }),
        ];
        for (field, population) in wrong {
            let error = population.check().unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn json_names_what_differs_from_the_default() {
        let json = r#"{"prevalence": 0.2, "shared": "one-product"}"#;
        let population: FieldPopulation = serde_json::from_str(json).unwrap();
        let expected = FieldPopulation {
            prevalence: 0.2,
            shared: Some(FieldDefect::OneProduct),
            ..Default::default()
        };
        assert_eq!(population, expected);
        assert!(serde_json::from_str::<FieldPopulation>(r#"{"prevalance": 0.2}"#).is_err());
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
