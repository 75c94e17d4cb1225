//! Lines of clusters: several clusters share a column (vertical) or a row (horizontal).

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Cluster, Scene, Span, UniformClicks};
use crate::{Error, Grid, Point, Rect, Result};

/// Which way a line runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Orientation {
    /// Clusters one above the other.
    Vertical,
    /// Clusters side by side.
    Horizontal,
}

/// Configures a layout of clusters that stand in lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// Which way the lines run.
    pub orientation: Orientation,
    /// Number of lines.
    pub lines: Span<u32>,
    /// Clusters on one line, spread evenly over its length.
    pub clusters_per_line: Span<u32>,
    /// Standard deviation of a cluster, both axes, in bins.
    pub sigma_bins: Span<f64>,
    /// Largest displacement of a cluster along its line, as a share of the distance to its
    /// neighbour.
    pub jitter: f64,
    /// Smallest distance between two lines in bins.
    pub min_line_distance_bins: f64,
    /// Clicks of one cluster.
    pub clicks_per_cluster: Span<u32>,
    /// Clicks spread evenly over the banner.
    pub noise_clicks: Span<u32>,
}

impl Lines {
    /// Checks the configuration against the grid.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used.
    pub fn check(&self, grid: &Grid) -> Result<()> {
        self.lines.check("lines", 0, 1_000)?;
        self.clusters_per_line.check("clusters_per_line", 1, 1_000)?;
        self.sigma_bins.check("sigma_bins", 0.0, 1_000.0)?;
        self.clicks_per_cluster.check("clicks_per_cluster", 0, 100_000_000)?;
        self.noise_clicks.check("noise_clicks", 0, 100_000_000)?;
        Span::only(self.jitter).check("jitter", 0.0, 0.5)?;
        Span::only(self.min_line_distance_bins).check("min_line_distance_bins", 0.0, f64::MAX)?;
        let (_, across) = self.extent(grid);
        if f64::from(self.lines.max.saturating_sub(1)) * self.min_line_distance_bins > across {
            return Err(Error::config(
                "min_line_distance_bins",
                self.min_line_distance_bins,
                format!("{} lines this far apart do not fit on the grid", self.lines.max),
            ));
        }
        Ok(())
    }

    /// Draws the scene of one banner with these lines.
    pub fn scene(&self, grid: &Grid, rng: &mut impl Rng) -> Scene {
        let (along, across) = self.extent(grid);
        let lines = self.lines.draw(rng);
        let mut clusters = Vec::new();
        for place in self.draw_places(lines, across, rng) {
            let count = self.clusters_per_line.draw(rng);
            let step = along / f64::from(count);
            for i in 0..count {
                let jitter = Span::new(-self.jitter, self.jitter).draw(rng);
                let at = (f64::from(i) + 0.5 + jitter) * step;
                let centre = match self.orientation {
                    Orientation::Vertical => Point { x: place, y: at },
                    Orientation::Horizontal => Point { x: at, y: place },
                };
                let sigma = self.sigma_bins.draw(rng);
                clusters.push(Cluster::axis_aligned(
                    centre,
                    sigma,
                    sigma,
                    self.clicks_per_cluster.draw(rng),
                ));
            }
        }
        Scene {
            clusters,
            uniform: vec![UniformClicks {
                region: Rect::whole(grid),
                clicks: self.noise_clicks.draw(rng),
            }],
            dead: Vec::new(),
        }
    }

    /// Length of a line and room across the lines, in bins.
    fn extent(&self, grid: &Grid) -> (f64, f64) {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        match self.orientation {
            Orientation::Vertical => (height, width),
            Orientation::Horizontal => (width, height),
        }
    }

    /// Draws the places of the lines, uniform among all that keep the distance: uniform places in
    /// the room that the distances leave, sorted, each then shifted by the distances before it.
    /// This is exact and needs no rejection.
    fn draw_places(&self, lines: u32, across: f64, rng: &mut impl Rng) -> Vec<f64> {
        let free = across - f64::from(lines.saturating_sub(1)) * self.min_line_distance_bins;
        let mut places: Vec<f64> = (0..lines).map(|_| Span::new(0.0, free).draw(rng)).collect();
        places.sort_by(f64::total_cmp);
        places
            .into_iter()
            .enumerate()
            .map(|(i, place)| place + i as f64 * self.min_line_distance_bins)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn lines(orientation: Orientation) -> Lines {
        Lines {
            orientation,
            lines: Span::only(3),
            clusters_per_line: Span::only(4),
            sigma_bins: Span::new(1.0, 2.0),
            jitter: 0.2,
            min_line_distance_bins: 10.0,
            clicks_per_cluster: Span::only(100),
            noise_clicks: Span::only(0),
        }
    }

    #[test]
    fn clusters_of_a_line_share_a_column_or_a_row() {
        for i in 0..100 {
            let vertical = lines(Orientation::Vertical).scene(&GRID, &mut sample_rng(0, i));
            let horizontal = lines(Orientation::Horizontal).scene(&GRID, &mut sample_rng(0, i));
            assert_eq!((vertical.clusters.len(), horizontal.clusters.len()), (12, 12));
            for (v, h) in vertical.clusters.chunks(4).zip(horizontal.clusters.chunks(4)) {
                assert!(v.iter().all(|c| c.centre.x == v[0].centre.x));
                assert!(h.iter().all(|c| c.centre.y == h[0].centre.y));
                // Evenly spread: neighbours are at least 1 - 2 * jitter steps apart.
                assert!(
                    v.windows(2).all(|w| w[1].centre.y - w[0].centre.y >= 0.6 * 50.0 / 4.0 - 1e-9)
                );
                assert!(
                    h.windows(2).all(|w| w[1].centre.x - w[0].centre.x >= 0.6 * 60.0 / 4.0 - 1e-9)
                );
            }
            for pair in vertical.clusters.chunks(4).collect::<Vec<_>>().windows(2) {
                assert!(pair[1][0].centre.x - pair[0][0].centre.x >= 10.0 - 1e-9);
            }
        }
    }

    #[test]
    fn a_single_line_falls_anywhere_alike() {
        let config = Lines { lines: Span::only(1), ..lines(Orientation::Vertical) };
        let n = 4_000;
        let x: Vec<f64> = (0..n)
            .map(|i| config.scene(&GRID, &mut sample_rng(0, i)).clusters[0].centre.x)
            .collect();
        let mean = x.iter().sum::<f64>() / n as f64;
        assert!((mean - 30.0).abs() < 4.5 * 60.0 / 12_f64.sqrt() / (n as f64).sqrt(), "{mean}");
    }

    #[test]
    fn lines_that_do_not_fit_are_an_error() {
        let config = Lines { lines: Span::only(8), ..lines(Orientation::Vertical) };
        assert!(config.check(&GRID).unwrap_err().to_string().contains("`min_line_distance_bins`"));
        let config = Lines { clusters_per_line: Span::new(0, 2), ..lines(Orientation::Vertical) };
        assert!(config.check(&GRID).unwrap_err().to_string().contains("`clusters_per_line`"));
    }
}
