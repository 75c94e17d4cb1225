//! Broken banners of the eight kinds seen in click logs: clicks land where no product is.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Cluster, Scene, Span, UniformClicks};
use crate::defect::Pattern;
use crate::{Grid, Point, Rect, Result};

/// Where the clicks of a broken banner land.
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
pub enum BrokenKind {
    /// All over the banner.
    Everywhere,
    /// One blob at the bottom left, on the close button.
    BottomLeft,
    /// One blob at the bottom right.
    BottomRight,
    /// One blob in the middle of the bottom.
    BottomMiddle,
    /// One blob in the middle of the right side.
    RightMiddle,
    /// One blob at the top right.
    TopRight,
    /// A strip along the left edge.
    LeftEdge,
    /// A band along a diagonal.
    Diagonal,
}

/// Configures broken banners of one kind: their number of clicks and how these scatter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broken {
    /// Where the clicks land.
    pub kind: BrokenKind,
    /// Clicks on the whole banner.
    pub clicks: Span<u32>,
    /// Standard deviation of a blob, or of the diagonal band across, as a share of the banner's
    /// width and height. The strip along the left edge is twice as wide.
    pub sigma: Span<f64>,
    /// Largest displacement of a blob as a share of the banner's width and height.
    pub jitter: f64,
    /// Share of the clicks, 0 to 1, that is noise spread evenly; it makes no difference for
    /// [`BrokenKind::Everywhere`].
    pub noise: Span<f64>,
}

impl BrokenKind {
    /// All kinds.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name in lower case with hyphens, as in a configuration.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the pattern of the clicks.
    pub fn pattern(self) -> Pattern {
        match self {
            Self::Everywhere => Pattern::Anywhere,
            Self::BottomLeft => Pattern::BottomLeft,
            Self::BottomRight => Pattern::BottomRight,
            Self::BottomMiddle => Pattern::BottomMiddle,
            Self::RightMiddle => Pattern::RightMiddle,
            Self::TopRight => Pattern::TopRight,
            Self::LeftEdge => Pattern::LeftEdge,
            Self::Diagonal => Pattern::Diagonal,
        }
    }

    /// Returns the middle of the blob as fractions of the banner's width and height, for the kinds
    /// that have one.
    pub fn place(self) -> Option<(f64, f64)> {
        self.pattern().place()
    }
}

impl Broken {
    /// Returns the usual configuration for this kind, with as much noise as a good banner has.
    pub fn usual(kind: BrokenKind, clicks: Span<u32>) -> Self {
        Self {
            kind,
            clicks,
            sigma: Span::new(0.015, 0.06),
            jitter: 0.03,
            noise: Span::new(0.02, 0.15),
        }
    }

    /// Checks the configuration.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used.
    pub fn check(&self) -> Result<()> {
        self.clicks.check("clicks", 0, 100_000_000)?;
        self.sigma.check("sigma", 0.0, 1.0)?;
        Span::only(self.jitter).check("jitter", 0.0, 0.05)?;
        self.noise.check("noise", 0.0, 1.0)
    }

    /// Draws the scene of one broken banner.
    pub fn scene(&self, grid: &Grid, rng: &mut impl Rng) -> Scene {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        let clicks = self.clicks.draw(rng);
        let noise = (f64::from(clicks) * self.noise.draw(rng)).round() as u32;
        let signal = clicks - noise;
        let uniform = |region, clicks| UniformClicks { region, clicks };
        let jitter = Span::new(-self.jitter, self.jitter);
        let mut scene = Scene::default();
        match self.kind {
            BrokenKind::Everywhere => scene.uniform.push(uniform(Rect::whole(grid), signal)),
            BrokenKind::LeftEdge => {
                let strip = 2.0 * self.sigma.draw(rng);
                scene.uniform.push(uniform(Rect::fraction(grid, 0.0, 0.0, strip, 1.0), signal));
            }
            BrokenKind::Diagonal => scene.clusters.push(self.diagonal(grid, signal, rng)),
            _ => {
                let (x, y) = self.kind.place().expect("every other kind is a blob");
                let centre =
                    Point { x: (x + jitter.draw(rng)) * width, y: (y + jitter.draw(rng)) * height };
                let (sigma_x, sigma_y) =
                    (self.sigma.draw(rng) * width, self.sigma.draw(rng) * height);
                scene.clusters.push(Cluster::axis_aligned(centre, sigma_x, sigma_y, signal));
            }
        }
        scene.uniform.push(uniform(Rect::whole(grid), noise));
        scene
    }

    /// A Gaussian stretched along one of the two diagonals, either with probability one half.
    fn diagonal(&self, grid: &Grid, clicks: u32, rng: &mut impl Rng) -> Cluster {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        let falling = if Span::new(0_u32, 1).draw(rng) == 0 { 1.0 } else { -1.0 };
        let (long, short) = (0.3_f64, self.sigma.draw(rng));
        // An axis-aligned Gaussian, turned by 45 degrees in the unit square and then stretched to
        // the banner.
        let (sum, difference) =
            ((long * long + short * short) / 2.0, (long * long - short * short) / 2.0);
        Cluster {
            centre: Point { x: width / 2.0, y: height / 2.0 },
            covariance: [
                sum * width * width,
                falling * difference * width * height,
                sum * height * height,
            ],
            clicks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Heatmap, sample_rng};

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn drawn(kind: BrokenKind, index: u64) -> Heatmap {
        let config = Broken { noise: Span::only(0.0), ..Broken::usual(kind, Span::only(5_000)) };
        config.check().unwrap();
        let mut rng = sample_rng(9, index);
        let rendered = config.scene(&GRID, &mut rng).render(GRID, &mut rng);
        assert_eq!((rendered.lost_clicks, rendered.heatmap.total()), (0, 5_000.0));
        rendered.heatmap
    }

    /// Share of the clicks in the region given by fractions.
    fn share(heatmap: &Heatmap, region: (f64, f64, f64, f64)) -> f64 {
        let region = Rect::fraction(&GRID, region.0, region.1, region.2, region.3);
        let mut inside = 0.0;
        for row in 0..GRID.rows {
            for column in 0..GRID.columns {
                if region.contains(Point { x: column as f64 + 0.5, y: row as f64 + 0.5 }) {
                    inside += f64::from(heatmap.get(row, column));
                }
            }
        }
        inside / heatmap.total()
    }

    #[test]
    fn each_kind_lands_where_its_name_says() {
        let regions = [
            (BrokenKind::BottomLeft, (0.0, 0.7, 0.3, 1.0)),
            (BrokenKind::BottomRight, (0.7, 0.7, 1.0, 1.0)),
            (BrokenKind::BottomMiddle, (0.2, 0.7, 0.8, 1.0)),
            (BrokenKind::RightMiddle, (0.7, 0.2, 1.0, 0.8)),
            (BrokenKind::TopRight, (0.7, 0.0, 1.0, 0.3)),
            (BrokenKind::LeftEdge, (0.0, 0.0, 0.15, 1.0)),
        ];
        for index in 0..20 {
            for (kind, region) in regions {
                assert!(share(&drawn(kind, index), region) > 0.99, "{kind:?}");
            }
        }
    }

    #[test]
    fn a_broken_close_button_is_where_good_banners_have_theirs() {
        assert_eq!(BrokenKind::BottomLeft.place(), Some(crate::synth::Products::CLOSE_BUTTON));
    }

    #[test]
    fn clicks_everywhere_are_even() {
        let heatmap = drawn(BrokenKind::Everywhere, 0);
        for region in
            [(0.0, 0.0, 0.5, 0.5), (0.5, 0.0, 1.0, 0.5), (0.0, 0.5, 0.5, 1.0), (0.5, 0.5, 1.0, 1.0)]
        {
            // Binomial(5,000, 1/4): standard deviation of the share 0.0061.
            assert!((share(&heatmap, region) - 0.25).abs() < 4.5 * 0.0061);
        }
    }

    #[test]
    fn diagonals_run_both_ways() {
        let falling = (0..200)
            .filter(|&i| {
                let heatmap = drawn(BrokenKind::Diagonal, i);
                let ends = |corners: [(f64, f64, f64, f64); 2]| {
                    share(&heatmap, corners[0]) + share(&heatmap, corners[1])
                };
                let down = ends([(0.0, 0.0, 0.4, 0.4), (0.6, 0.6, 1.0, 1.0)]);
                let up = ends([(0.6, 0.0, 1.0, 0.4), (0.0, 0.6, 0.4, 1.0)]);
                assert!((down - up).abs() > 0.3, "one of them holds the ends");
                down > up
            })
            .count();
        // Binomial(200, 1/2): standard deviation 7.1.
        assert!((68..=132).contains(&falling), "{falling}");
    }
}
