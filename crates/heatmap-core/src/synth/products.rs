//! Product layouts: what a banner that works looks like.
//!
//! One blob of clicks per product, a small blob on the close button at the bottom left, a little
//! noise, and a dead bottom-right corner. Places are fractions of the banner, so every size of
//! banner works.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Cluster, Scene, Span, UniformClicks};
use crate::{Error, Grid, Point, Rect, Result};

/// How the products of a banner are arranged.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
pub enum Arrangement {
    /// Three side by side.
    ThreeInLine,
    /// One above two.
    Triangle,
    /// Two rows of two.
    Four,
    /// Three above two.
    Five,
    /// Two rows of three.
    Six,
}

/// Configures banners that work, with products in one arrangement. Shares are from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Products {
    /// How the products of the banner are arranged.
    pub arrangement: Arrangement,
    /// Clicks on the whole banner.
    pub clicks: Span<u32>,
    /// Standard deviation of a product's blob as a share of the banner's width and height.
    pub sigma: Span<f64>,
    /// Largest displacement of a product as a share of the banner's width and height.
    pub jitter: f64,
    /// Popularity of a product relative to the others.
    pub popularity: Span<f64>,
    /// Share of the clicks on the close button.
    pub close_button: Span<f64>,
    /// Share of the clicks spread evenly.
    pub noise: Span<f64>,
    /// Side of the dead bottom-right corner as a share of the banner's width and height; 0 for
    /// none.
    pub dead_corner: f64,
}

impl Arrangement {
    /// All arrangements.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the middles of the products as fractions of the banner's width and height.
    pub fn places(self) -> &'static [(f64, f64)] {
        match self {
            Self::ThreeInLine => &[(0.18, 0.45), (0.50, 0.45), (0.82, 0.45)],
            Self::Triangle => &[(0.50, 0.25), (0.26, 0.66), (0.70, 0.66)],
            Self::Four => &[(0.28, 0.26), (0.72, 0.26), (0.28, 0.68), (0.68, 0.68)],
            Self::Five => &[(0.18, 0.26), (0.50, 0.26), (0.82, 0.26), (0.32, 0.68), (0.66, 0.68)],
            Self::Six => &[
                (0.18, 0.26),
                (0.50, 0.26),
                (0.82, 0.26),
                (0.18, 0.68),
                (0.48, 0.68),
                (0.76, 0.66),
            ],
        }
    }

    /// The name in lower case with hyphens, as in a configuration.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl Products {
    /// Middle of the close button as fractions of width and height.
    pub const CLOSE_BUTTON: (f64, f64) = (0.05, 0.94);

    /// Returns the usual configuration for this arrangement.
    pub fn usual(arrangement: Arrangement, clicks: Span<u32>) -> Self {
        Self {
            arrangement,
            clicks,
            sigma: Span::new(0.04, 0.08),
            jitter: 0.03,
            popularity: Span::new(0.5, 1.5),
            close_button: Span::new(0.02, 0.08),
            noise: Span::new(0.02, 0.15),
            dead_corner: 0.12,
        }
    }

    /// Checks the configuration.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used.
    pub fn check(&self) -> Result<()> {
        self.clicks.check("clicks", 0, 100_000_000)?;
        self.sigma.check("sigma", 0.0, 1.0)?;
        Span::only(self.jitter).check("jitter", 0.0, 0.15)?;
        self.popularity.check("popularity", 0.0, 1_000.0)?;
        self.close_button.check("close_button", 0.0, 1.0)?;
        self.noise.check("noise", 0.0, 1.0)?;
        // The products of every arrangement, displaced by the largest jitter, stand clear of a
        // corner up to this side.
        Span::only(self.dead_corner).check("dead_corner", 0.0, 0.15)?;
        if self.popularity.max == 0.0 {
            return Err(Error::config("popularity", "[0, 0]", "no product would get a click"));
        }
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

    /// Draws the scene of one banner that works.
    pub fn scene(&self, grid: &Grid, rng: &mut impl Rng) -> Scene {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        let clicks = f64::from(self.clicks.draw(rng));
        let close_share = self.close_button.draw(rng);
        let noise_share = self.noise.draw(rng);
        let places = self.arrangement.places();
        let popularity: Vec<f64> = places.iter().map(|_| self.popularity.draw(rng)).collect();
        let total: f64 = popularity.iter().sum();
        let share = |part: f64| (clicks * part).round() as u32;
        let jitter = Span::new(-self.jitter, self.jitter);
        let mut clusters: Vec<Cluster> = places
            .iter()
            .zip(&popularity)
            .map(|(&(x, y), popularity)| {
                let centre =
                    Point { x: (x + jitter.draw(rng)) * width, y: (y + jitter.draw(rng)) * height };
                let (sigma_x, sigma_y) =
                    (self.sigma.draw(rng) * width, self.sigma.draw(rng) * height);
                let product_share =
                    (1.0 - close_share - noise_share) * popularity / total.max(f64::MIN_POSITIVE);
                Cluster::axis_aligned(centre, sigma_x, sigma_y, share(product_share))
            })
            .collect();
        let (x, y) = Self::CLOSE_BUTTON;
        let button = Point { x: x * width, y: y * height };
        clusters.push(Cluster::axis_aligned(
            button,
            0.015 * width,
            0.015 * height,
            share(close_share),
        ));
        let corner = 1.0 - self.dead_corner;
        Scene {
            clusters,
            uniform: vec![UniformClicks { region: Rect::whole(grid), clicks: share(noise_share) }],
            dead: vec![Rect::fraction(grid, corner, corner, 1.0, 1.0)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BannerSize, sample_rng};

    fn grids() -> [Grid; 2] {
        let tall = BannerSize { width_px: 300, height_px: 600 };
        [Grid::MEDIUM_RECTANGLE, Grid::covering(tall, 5.0).unwrap()]
    }

    #[test]
    fn there_is_a_blob_per_product_and_one_close_button() {
        let products = [3, 3, 4, 5, 6];
        for grid in grids() {
            for (&arrangement, products) in Arrangement::ALL.iter().zip(products) {
                let config = Products::usual(arrangement, Span::only(100_000));
                config.check().unwrap();
                let scene = config.scene(&grid, &mut sample_rng(1, 1));
                assert_eq!(scene.clusters.len(), products + 1, "{arrangement:?}");
                let total = scene.total_clicks() as f64;
                assert!((total - 100_000.0).abs() < 10.0, "rounding only: {total}");
                let close = f64::from(scene.clusters[products].clicks) / total;
                assert!((0.019..=0.081).contains(&close), "{close}");
            }
        }
    }

    #[test]
    fn nobody_clicks_in_the_dead_corner() {
        for grid in grids() {
            for &arrangement in Arrangement::ALL {
                let config = Products {
                    noise: Span::only(0.5),
                    ..Products::usual(arrangement, Span::only(5_000))
                };
                let mut rng = sample_rng(1, 2);
                let rendered = config.scene(&grid, &mut rng).render(grid, &mut rng);
                assert_eq!(rendered.lost_clicks, 0);
                let first = |bins: usize| (0.88 * bins as f64).ceil() as usize;
                for row in first(grid.rows)..grid.rows {
                    for column in first(grid.columns)..grid.columns {
                        assert_eq!(rendered.heatmap.get(row, column), 0.0);
                    }
                }
            }
        }
    }

    #[test]
    fn wrong_shares_are_named() {
        let usual = Products::usual(Arrangement::Four, Span::only(100));
        let config = Products { noise: Span::new(0.0, 0.95), ..usual.clone() };
        assert!(config.check().unwrap_err().to_string().contains("close_button + noise"));
        let config = Products { dead_corner: 0.5, ..usual };
        assert!(config.check().unwrap_err().to_string().contains("`dead_corner`"));
    }
}
