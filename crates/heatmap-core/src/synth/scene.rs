//! [`Scene`]: the explicit list of what is on one banner, and the drawing of its clicks.
//!
//! A click beside the banner or in a dead zone is never logged. So a cluster stands for its
//! Gaussian given that the click counts, and a click that does not is drawn again. The number of
//! clicks that comes out is therefore the number asked for.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::normal::Normal;
use crate::axis::Axis;
use crate::{Grid, Heatmap, Point, Rect};

/// A Gaussian blob of clicks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Mean of the Gaussian, in bins.
    pub centre: Point,
    /// Covariance (xx, xy, yy) in bins squared.
    pub covariance: [f64; 3],
    /// Number of clicks.
    pub clicks: u32,
}

/// Clicks spread evenly over a rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UniformClicks {
    /// The rectangle, in bins.
    pub region: Rect,
    /// Number of clicks.
    pub clicks: u32,
}

/// Everything that is on one banner: the truth from which a synthetic heatmap is drawn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// Blobs, whose centres are the true centres of the sample.
    pub clusters: Vec<Cluster>,
    /// Noise: clicks spread evenly over rectangles.
    pub uniform: Vec<UniformClicks>,
    /// Zones in which no click counts.
    pub dead: Vec<Rect>,
}

/// The heatmap that was drawn from a [`Scene`].
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Clicks per bin.
    pub heatmap: Heatmap,
    /// Clicks that found no place in [`Scene::MAX_DRAWS`] tries: 0 unless a cluster sits in a dead
    /// zone or off the grid.
    pub lost_clicks: u64,
}

impl Cluster {
    /// Makes a cluster from its standard deviations along the axes, in bins.
    pub fn axis_aligned(centre: Point, sigma_x: f64, sigma_y: f64, clicks: u32) -> Self {
        Self { centre, covariance: [sigma_x * sigma_x, 0.0, sigma_y * sigma_y], clicks }
    }
}

impl Scene {
    /// How often a click is drawn before it is given up as lost.
    pub const MAX_DRAWS: u32 = 1_000;

    /// Number of clicks from which on the tables of [`Axis`] save more time than they take to make.
    const MIN_CLICKS_FOR_AXES: u32 = 400;

    /// Sum of the clicks of all parts.
    pub fn total_clicks(&self) -> u64 {
        let clusters = self.clusters.iter().map(|c| u64::from(c.clicks));
        let uniform = self.uniform.iter().map(|u| u64::from(u.clicks));
        clusters.chain(uniform).sum()
    }

    /// Scales the clicks of all parts so that they sum to `total`, rounding by largest remainders.
    /// A scene without clicks stays empty.
    pub fn scale_to(&mut self, total: u32) {
        let before = self.total_clicks();
        if before == 0 {
            return;
        }
        let parts = self.clusters.iter_mut().map(|c| &mut c.clicks);
        let mut parts: Vec<&mut u32> =
            parts.chain(self.uniform.iter_mut().map(|u| &mut u.clicks)).collect();
        let mut left = u64::from(total);
        let mut remainders = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter_mut().enumerate() {
            let scaled = u64::from(**part) * u64::from(total);
            **part = (scaled / before) as u32;
            left -= scaled / before;
            remainders.push((scaled % before, at));
        }
        // Ties by position, so that the result does not depend on the sort.
        remainders.sort_by_key(|&(remainder, at)| (std::cmp::Reverse(remainder), at));
        for &(_, at) in remainders.iter().take(left as usize) {
            *parts[at] += 1;
        }
    }

    /// Draws every click on `grid` and counts them.
    pub fn render(&self, grid: Grid, rng: &mut impl Rng) -> Rendered {
        let mut counts = vec![0_u32; grid.len()];
        let mut lost_clicks = 0;
        // Places are on the grid, so a conversion by way of i32 loses nothing; it is three times as
        // fast as the direct one.
        let mut count =
            |x: f64, y: f64| counts[y as i32 as usize * grid.columns + x as i32 as usize] += 1;
        let mut by_axes = Vec::new();
        for cluster in &self.clusters {
            match self.cluster_axes(cluster, grid) {
                Some(axes) => by_axes.push((axes, cluster.clicks)),
                None => lost_clicks += self.draw_cluster(cluster, grid, rng, &mut count),
            }
        }
        for uniform in &self.uniform {
            match self.uniform_axes(uniform, grid) {
                Some(axes) => by_axes.push((axes, uniform.clicks)),
                None => lost_clicks += self.draw_uniform(uniform, grid, rng, &mut count),
            }
        }
        for ([columns, rows], clicks) in by_axes {
            for _ in 0..clicks {
                let random = rng.next_u64();
                let (column, row) = (columns.bin(random as u32), rows.bin((random >> 32) as u32));
                counts[row * grid.columns + column] += 1;
            }
        }
        Rendered { heatmap: Heatmap::from_counts(grid, &counts), lost_clicks }
    }

    /// Draws every click, calls `click` with its place in bins, and returns how many clicks found
    /// none. The distribution is that of [`Scene::render`], but the random numbers are others.
    pub fn for_each_click(
        &self,
        grid: Grid,
        rng: &mut impl Rng,
        mut click: impl FnMut(f64, f64),
    ) -> u64 {
        let mut lost = 0;
        for cluster in &self.clusters {
            lost += self.draw_cluster(cluster, grid, rng, &mut click);
        }
        for uniform in &self.uniform {
            lost += self.draw_uniform(uniform, grid, rng, &mut click);
        }
        lost
    }

    /// Tables for the columns and rows of a cluster, where these are independent and there are
    /// enough clicks to be worth the tables.
    fn cluster_axes(&self, cluster: &Cluster, grid: Grid) -> Option<[Axis; 2]> {
        let [xx, xy, yy] = cluster.covariance;
        if cluster.clicks < Self::MIN_CLICKS_FOR_AXES || xy != 0.0 || !self.dead.is_empty() {
            return None;
        }
        let columns = Axis::normal(grid.columns, cluster.centre.x, xx.sqrt())?;
        Some([columns, Axis::normal(grid.rows, cluster.centre.y, yy.sqrt())?])
    }

    fn uniform_axes(&self, uniform: &UniformClicks, grid: Grid) -> Option<[Axis; 2]> {
        if uniform.clicks < Self::MIN_CLICKS_FOR_AXES || !self.dead.is_empty() {
            return None;
        }
        let Rect { left, top, right, bottom } = uniform.region;
        let columns = Axis::uniform(grid.columns, left, right)?;
        Some([columns, Axis::uniform(grid.rows, top, bottom)?])
    }

    fn draw_cluster(
        &self,
        cluster: &Cluster,
        grid: Grid,
        rng: &mut impl Rng,
        click: &mut impl FnMut(f64, f64),
    ) -> u64 {
        // Cholesky factor of the covariance; a degenerate axis gives zeros.
        let [xx, xy, yy] = cluster.covariance;
        let lxx = xx.max(0.0).sqrt();
        let lyx = if lxx > 0.0 { xy / lxx } else { 0.0 };
        let lyy = (yy - lyx * lyx).max(0.0).sqrt();
        let Point { x: centre_x, y: centre_y } = cluster.centre;
        let normal = Normal::shared();
        self.draw_counted(cluster.clicks, grid, click, || {
            let (u, v) = normal.pair(rng);
            (centre_x + lxx * u, centre_y + lyx * u + lyy * v)
        })
    }

    fn draw_uniform(
        &self,
        uniform: &UniformClicks,
        grid: Grid,
        rng: &mut impl Rng,
        click: &mut impl FnMut(f64, f64),
    ) -> u64 {
        // One 64-bit draw gives both coordinates; 32 bits of each are far finer than a bin.
        let region = uniform.region;
        let (scale_x, scale_y) =
            (region.width() / 2_f64.powi(32), region.height() / 2_f64.powi(32));
        self.draw_counted(uniform.clicks, grid, click, || {
            let bits: u64 = rng.random();
            let x = region.left + scale_x * f64::from(bits as u32);
            let y = region.top + scale_y * f64::from((bits >> 32) as u32);
            (x, y)
        })
    }

    fn draw_counted(
        &self,
        clicks: u32,
        grid: Grid,
        click: &mut impl FnMut(f64, f64),
        mut draw: impl FnMut() -> (f64, f64),
    ) -> u64 {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        let mut lost = 0;
        for _ in 0..clicks {
            let mut found = false;
            for _ in 0..Self::MAX_DRAWS {
                let (x, y) = draw();
                let on_grid = x >= 0.0 && x < width && y >= 0.0 && y < height;
                if on_grid && !self.dead.iter().any(|zone| zone.contains(Point { x, y })) {
                    click(x, y);
                    found = true;
                    break;
                }
            }
            lost += u64::from(!found);
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use proptest::prelude::*;

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn clicks_of(scene: &Scene) -> Vec<(f64, f64)> {
        let mut clicks = Vec::new();
        let lost = scene.for_each_click(GRID, &mut sample_rng(11, 0), |x, y| clicks.push((x, y)));
        assert_eq!(lost, 0);
        clicks
    }

    #[test]
    fn a_cluster_has_the_mean_and_covariance_asked_for() {
        let n = 100_000;
        let cluster =
            Cluster { centre: Point { x: 30.0, y: 25.0 }, covariance: [9.0, 3.0, 4.0], clicks: n };
        let clicks = clicks_of(&Scene { clusters: vec![cluster], ..Default::default() });
        let mean = |f: &dyn Fn(f64, f64) -> f64| {
            clicks.iter().map(|&(x, y)| f(x - 30.0, y - 25.0)).sum::<f64>() / f64::from(n)
        };
        let root_n = f64::from(n).sqrt();
        assert!(mean(&|x, _| x).abs() < 4.0 * 3.0 / root_n);
        assert!(mean(&|_, y| y).abs() < 4.0 * 2.0 / root_n);
        // Standard error of a covariance: sqrt((s_xx s_yy + s_xy^2) / n).
        assert!((mean(&|x, _| x * x) - 9.0).abs() < 4.0 * (2.0_f64 * 81.0).sqrt() / root_n);
        assert!((mean(&|_, y| y * y) - 4.0).abs() < 4.0 * (2.0_f64 * 16.0).sqrt() / root_n);
        assert!((mean(&|x, y| x * y) - 3.0).abs() < 4.0 * (36.0_f64 + 9.0).sqrt() / root_n);
    }

    #[test]
    fn rendering_and_single_clicks_have_the_same_distribution() {
        let scene = Scene {
            clusters: vec![
                Cluster::axis_aligned(Point { x: 12.3, y: 40.0 }, 4.0, 7.0, 400_000),
                Cluster::axis_aligned(Point { x: 58.0, y: 3.0 }, 9.0, 5.0, 400_000),
            ],
            uniform: vec![UniformClicks {
                region: Rect::fraction(&GRID, 0.33, 0.0, 0.78, 0.5),
                clicks: 200_000,
            }],
            dead: Vec::new(),
        };
        let rendered = scene.render(GRID, &mut sample_rng(12, 0));
        assert_eq!((rendered.lost_clicks, rendered.heatmap.total()), (0, 1_000_000.0));
        let mut clicked = vec![0.0_f64; GRID.len()];
        for (x, y) in clicks_of(&scene) {
            clicked[y as usize * GRID.columns + x as usize] += 1.0;
        }
        // Two-sample chi squared over the bins that hold enough; both samples have the same size.
        let pairs = clicked.iter().zip(rendered.heatmap.values()).map(|(&a, &b)| (a, f64::from(b)));
        let terms: Vec<f64> =
            pairs.filter(|(a, b)| a + b >= 10.0).map(|(a, b)| (a - b).powi(2) / (a + b)).collect();
        let (chi2, n) = (terms.iter().sum::<f64>(), terms.len() as f64);
        assert!((chi2 - n).abs() < 4.0 * (2.0 * n).sqrt(), "chi squared {chi2} over {n} bins");
    }

    #[test]
    fn uniform_clicks_pass_a_chi_squared_test() {
        let uniform = UniformClicks { region: Rect::whole(&GRID), clicks: 300_000 };
        let scene = Scene { uniform: vec![uniform], ..Default::default() };
        let heatmap = scene.render(GRID, &mut sample_rng(11, 0)).heatmap;
        let chi2: f64 =
            heatmap.values().iter().map(|&v| (f64::from(v) - 100.0).powi(2) / 100.0).sum();
        // 2,999 degrees of freedom: mean 2,999, standard deviation sqrt(2 * 2,999) = 77.
        assert!((chi2 - 2_999.0).abs() < 4.0 * 77.0, "chi squared {chi2}");
    }

    #[test]
    fn dead_zones_stay_empty_and_cost_no_click() {
        let scene = Scene {
            clusters: vec![Cluster::axis_aligned(Point { x: 40.0, y: 30.0 }, 10.0, 10.0, 5_000)],
            uniform: vec![UniformClicks { region: Rect::whole(&GRID), clicks: 5_000 }],
            dead: vec![Rect::fraction(&GRID, 0.75, 0.75, 1.0, 1.0)],
        };
        let clicks = clicks_of(&scene);
        assert_eq!(clicks.len(), 10_000);
        assert!(clicks.iter().all(|&(x, y)| !(x >= 45.0 && y >= 37.5)));
    }

    #[test]
    fn a_cluster_that_nobody_can_see_is_reported_lost() {
        let far = Cluster::axis_aligned(Point { x: 500.0, y: 500.0 }, 1.0, 1.0, 3);
        let rendered =
            Scene { clusters: vec![far], ..Default::default() }.render(GRID, &mut sample_rng(0, 0));
        assert_eq!((rendered.lost_clicks, rendered.heatmap.total()), (3, 0.0));
    }

    proptest! {
        #[test]
        fn scaling_keeps_the_shares(
            clicks in prop::collection::vec(0..5_000_u32, 1..9), total in 0..50_000_u32,
        ) {
            let at = Point { x: 1.0, y: 1.0 };
            let cluster = |&clicks: &u32| Cluster::axis_aligned(at, 1.0, 1.0, clicks);
            let clusters = clicks.iter().map(cluster).collect();
            let mut scene = Scene { clusters, ..Default::default() };
            let before = scene.total_clicks();
            scene.scale_to(total);
            prop_assert_eq!(scene.total_clicks(), if before == 0 { 0 } else { u64::from(total) });
            for (after, &was) in scene.clusters.iter().zip(&clicks) {
                let exact = f64::from(was) * f64::from(total) / (before.max(1) as f64);
                prop_assert!((f64::from(after.clicks) - exact).abs() < 1.0);
            }
        }
    }
}
