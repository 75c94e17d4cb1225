//! [`FieldPopulation`]: banners that differ more than those of [`super::Population`], as they do in
//! logs.
//!
//! The banners of a [`super::FieldGrid`] have one of several layouts, products of very unequal
//! weight with heavy tails, and up to half of their clicks anywhere, denser in some places. Their
//! bins vary more than Poisson counts because people click one place repeatedly. One seed gives the
//! same banners on every machine.

use serde::{Deserialize, Serialize};

use super::field_draws::log_normal;
use super::{FieldDefect, Span};
use crate::{Error, Grid, Result, sample_rng};

/// Configures a population of banners. Shares, 0 to 1, are of the clicks of a banner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldPopulation {
    /// Bins of every heatmap.
    pub grid: Grid,
    /// Share of banners that are broken.
    pub prevalence: f64,
    /// Share of a broken banner's clicks that the defect takes.
    pub severity: Span<f64>,
    /// The defect that all broken banners have; `None` draws one for each by the shares of its
    /// grid.
    pub shared: Option<FieldDefect>,
    /// Share of noise over all grids; each grid uses only a part of this range.
    pub noise: Span<f64>,
    /// Share of the clicks on the close button.
    pub close_button: Span<f64>,
    /// How alike the product weights of a banner and of its grid are: the shape, drawn for each
    /// banner, of a gamma factor on the weight of each product. A shape of 1 leaves some products
    /// hardly a click.
    pub concentration: Span<f64>,
    /// Factor on the size of each product's blob, for each banner.
    pub spread: Span<f64>,
    /// Largest displacement of all products together as a share of the banner's width and height.
    pub shift: f64,
    /// Factor on the distances between products, along each axis.
    pub scale: Span<f64>,
    /// Median number of clicks on a banner, used by [`FieldPopulation::clicks`].
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

impl FieldPopulation {
    /// Keeps the random streams of this population apart from those of other generators under the
    /// same seed.
    pub(super) const STREAM: u64 = 0x6669_656C_6462_616E;

    /// Checks the configuration.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used.
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

    /// Draws a realistic number of clicks for banner `index`: log-normal, at least 1, from a random
    /// stream of its own.
    pub fn clicks(&self, seed: u64, index: u64) -> u32 {
        let mut rng = sample_rng(seed ^ Self::STREAM.rotate_left(32), index);
        (self.median_clicks * log_normal(self.clicks_sigma, &mut rng)).round().clamp(1.0, 1e8)
            as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
