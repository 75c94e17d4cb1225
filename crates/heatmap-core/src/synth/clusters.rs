//! Gaussian blobs of clicks at random places: the layouts of the count and location tasks.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::normal::Normal;
use super::{Cluster, Scene, Span, UniformClicks};
use crate::{Error, Grid, Point, Rect, Result};

/// How far a cluster spreads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// One standard deviation for both axes, drawn from this range, in bins.
    SigmaBins(Span<f64>),
    /// A variance for each axis by itself, drawn from this range, in bins squared: the covariance
    /// is diagonal.
    VarianceBins2(Span<f64>),
}

/// How the centres of clusters are distributed over the banner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CentrePlacement {
    /// Uniform over all places at least this many bins from the border.
    Uniform {
        /// Distance from the border in bins.
        margin_bins: f64,
    },
    /// Gaussian around the middle of the banner with this standard deviation per axis, drawn again
    /// until it lands on the banner.
    Normal {
        /// Standard deviation per axis in bins.
        sigma_bins: f64,
    },
}

/// Configures a layout of Gaussian clusters at random places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clusters {
    /// Number of clusters.
    pub count: Span<u32>,
    /// Distribution of the centres.
    pub centres: CentrePlacement,
    /// Spread of a cluster.
    pub spread: Spread,
    /// Clicks of one cluster.
    pub clicks_per_cluster: Span<u32>,
    /// Clicks spread evenly over the banner.
    pub noise_clicks: Span<u32>,
    /// Smallest distance between two centres in bins; 0 for no limit.
    #[serde(default)]
    pub min_separation_bins: f64,
}

impl Clusters {
    /// Checks the configuration against the grid.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used.
    pub fn check(&self, grid: &Grid) -> Result<()> {
        self.count.check("count", 0, 1_000)?;
        self.clicks_per_cluster.check("clicks_per_cluster", 0, 100_000_000)?;
        self.noise_clicks.check("noise_clicks", 0, 100_000_000)?;
        match self.spread {
            Spread::SigmaBins(span) => span.check("sigma_bins", 0.0, 1_000.0)?,
            Spread::VarianceBins2(span) => span.check("variance_bins2", 0.0, 1_000_000.0)?,
        }
        let region = Rect::whole(grid);
        let area = match self.centres {
            CentrePlacement::Uniform { margin_bins } => {
                let most = region.width().min(region.height()) / 2.0;
                Span::only(margin_bins).check("margin_bins", 0.0, most)?;
                (region.width() - 2.0 * margin_bins) * (region.height() - 2.0 * margin_bins)
            }
            CentrePlacement::Normal { sigma_bins } => {
                Span::only(sigma_bins).check(
                    "centres.sigma_bins",
                    0.0,
                    region.width().max(region.height()),
                )?;
                // Nearly all centres fall within two standard deviations.
                (16.0 * sigma_bins * sigma_bins).min(region.width() * region.height())
            }
        };
        Span::only(self.min_separation_bins).check("min_separation_bins", 0.0, f64::MAX)?;
        // Discs placed one after another at random jam at 0.547 of the area (Renyi); below 0.45
        // placing ends quickly.
        let discs =
            std::f64::consts::PI * self.min_separation_bins * self.min_separation_bins / 4.0;
        if self.count.max > 1 && discs * f64::from(self.count.max) > 0.45 * area {
            let reason =
                format!("{} centres this far apart do not fit on the grid", self.count.max);
            return Err(Error::config("min_separation_bins", self.min_separation_bins, reason));
        }
        Ok(())
    }

    /// Draws the scene of one banner with these clusters.
    pub fn scene(&self, grid: &Grid, rng: &mut impl Rng) -> Scene {
        let count = self.count.draw(rng);
        let centres = self.draw_centres(count, grid, rng);
        let clusters = centres.into_iter().map(|centre| {
            let (sigma_x, sigma_y) = self.spread.draw(rng);
            Cluster::axis_aligned(centre, sigma_x, sigma_y, self.clicks_per_cluster.draw(rng))
        });
        Scene {
            clusters: clusters.collect(),
            uniform: vec![UniformClicks {
                region: Rect::whole(grid),
                clicks: self.noise_clicks.draw(rng),
            }],
            dead: Vec::new(),
        }
    }

    fn draw_centres(&self, count: u32, grid: &Grid, rng: &mut impl Rng) -> Vec<Point> {
        let mut centres: Vec<Point> = Vec::with_capacity(count as usize);
        let mut failures = 0;
        while centres.len() < count as usize {
            let centre = self.centres.draw(grid, rng);
            if centres.iter().all(|c| c.distance(centre) >= self.min_separation_bins) {
                centres.push(centre);
            } else {
                failures += 1;
                // The first centres may leave no room for the rest; then begin again.
                if failures % 1_000 == 0 {
                    centres.clear();
                }
            }
        }
        centres
    }
}

impl CentrePlacement {
    fn draw(&self, grid: &Grid, rng: &mut impl Rng) -> Point {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        match *self {
            Self::Uniform { margin_bins: m } => Point {
                x: Span::new(m, width - m).draw(rng),
                y: Span::new(m, height - m).draw(rng),
            },
            Self::Normal { sigma_bins } => loop {
                let (u, v) = Normal::shared().pair(rng);
                let centre =
                    Point { x: width / 2.0 + sigma_bins * u, y: height / 2.0 + sigma_bins * v };
                if Rect::whole(grid).contains(centre) {
                    break centre;
                }
            },
        }
    }
}

impl Spread {
    /// Draws the standard deviations along x and y, in bins.
    fn draw(&self, rng: &mut impl Rng) -> (f64, f64) {
        match self {
            Self::SigmaBins(span) => {
                let sigma = span.draw(rng);
                (sigma, sigma)
            }
            Self::VarianceBins2(span) => (span.draw(rng).sqrt(), span.draw(rng).sqrt()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn clusters() -> Clusters {
        Clusters {
            count: Span::new(0, 20),
            centres: CentrePlacement::Uniform { margin_bins: 0.0 },
            spread: Spread::VarianceBins2(Span::new(0.0, 30.0)),
            clicks_per_cluster: Span::new(1, 2_000),
            noise_clicks: Span::new(0, 10_000),
            min_separation_bins: 0.0,
        }
    }

    /// Checks that values are uniform on a span by their mean and variance.
    fn assert_uniform(what: &str, values: &[f64], min: f64, max: f64) {
        let n = values.len() as f64;
        let (width, mean) = (max - min, values.iter().sum::<f64>() / n);
        assert!(values.iter().all(|v| (min..=max).contains(v)), "{what} outside {min} to {max}");
        let sigma = width / 12_f64.sqrt();
        assert!((mean - (min + max) / 2.0).abs() < 4.5 * sigma / n.sqrt(), "{what}: mean {mean}");
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        // Kurtosis 1.8 of the uniform distribution gives variance^2 * 0.8 / n.
        assert!(
            (variance / (sigma * sigma) - 1.0).abs() < 4.5 * (0.8 / n).sqrt(),
            "{what}: variance {variance}"
        );
    }

    #[test]
    fn every_field_is_distributed_as_asked() {
        let scenes: Vec<Scene> =
            (0..4_000).map(|i| clusters().scene(&GRID, &mut sample_rng(2, i))).collect();
        let all = || scenes.iter().flat_map(|s| &s.clusters);
        let of = |f: fn(&Cluster) -> f64| all().map(f).collect::<Vec<_>>();
        assert_uniform("x", &of(|c| c.centre.x), 0.0, 60.0);
        assert_uniform("y", &of(|c| c.centre.y), 0.0, 50.0);
        assert_uniform("variance x", &of(|c| c.covariance[0]), 0.0, 30.0);
        assert_uniform("variance y", &of(|c| c.covariance[2]), 0.0, 30.0);
        assert_uniform("clicks", &of(|c| f64::from(c.clicks)), 1.0, 2_000.0);
        let noise: Vec<f64> = scenes.iter().map(|s| f64::from(s.uniform[0].clicks)).collect();
        assert_uniform("noise", &noise, 0.0, 10_000.0);
        for count in 0..=20 {
            let share =
                scenes.iter().filter(|s| s.clusters.len() == count).count() as f64 / 4_000.0;
            // Binomial with p = 1/21: standard deviation 0.0034.
            assert!((share - 1.0 / 21.0).abs() < 4.5 * 0.0034, "count {count}: share {share}");
        }
    }

    #[test]
    fn the_axes_of_a_covariance_are_independent() {
        let config = Clusters { count: Span::only(5), ..clusters() };
        let mean = (0..2_000)
            .flat_map(|i| config.scene(&GRID, &mut sample_rng(2, i)).clusters)
            .map(|c| (c.covariance[0] - 15.0) * (c.covariance[2] - 15.0))
            .sum::<f64>()
            / 10_000.0;
        // Product of two centred uniforms of variance 75: standard error 75 / sqrt(n).
        assert!(mean.abs() < 4.5 * 75.0 / 100.0, "{mean}");
    }

    #[test]
    fn centres_keep_their_distance() {
        let config = Clusters {
            count: Span::only(20),
            centres: CentrePlacement::Uniform { margin_bins: 2.0 },
            min_separation_bins: 8.0,
            ..clusters()
        };
        config.check(&GRID).unwrap();
        for i in 0..200 {
            let scene = config.scene(&GRID, &mut sample_rng(4, i));
            for (at, a) in scene.clusters.iter().enumerate() {
                assert!((2.0..=58.0).contains(&a.centre.x) && (2.0..=48.0).contains(&a.centre.y));
                assert!(scene.clusters[..at].iter().all(|b| a.centre.distance(b.centre) >= 8.0));
            }
        }
    }

    #[test]
    fn normal_centres_gather_in_the_middle() {
        let config = Clusters {
            count: Span::only(10),
            centres: CentrePlacement::Normal { sigma_bins: 4.0 },
            ..clusters()
        };
        let x: Vec<f64> = (0..1_000)
            .flat_map(|i| config.scene(&GRID, &mut sample_rng(4, i)).clusters)
            .map(|c| c.centre.x - 30.0)
            .collect();
        let variance = x.iter().map(|x| x * x).sum::<f64>() / 10_000.0;
        assert!((variance - 16.0).abs() < 4.5 * 16.0 * (2.0 / 10_000.0_f64).sqrt(), "{variance}");
    }

    #[test]
    fn an_impossible_configuration_names_its_field() {
        let wrong = [
            ("count", Clusters { count: Span::new(5, 2), ..clusters() }),
            ("min_separation_bins", Clusters { min_separation_bins: 20.0, ..clusters() }),
            (
                "margin_bins",
                Clusters { centres: CentrePlacement::Uniform { margin_bins: 26.0 }, ..clusters() },
            ),
            (
                "sigma_bins",
                Clusters { spread: Spread::SigmaBins(Span::new(-1.0, 2.0)), ..clusters() },
            ),
        ];
        for (field, config) in wrong {
            let error = config.check(&GRID).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}`")), "{error}");
        }
    }
}
