//! [`BannerMaps`]: a heatmap as the network sees it, sampled at the same relative points whatever
//! the size of the banner.

use crate::{Grid, Heatmap, Result};

use super::super::click_map::check_grid;
use super::super::smoothed_shares::{SeenWeights, seen_weights, spread_clicks};

/// Converts heatmaps with given rows and columns of bins into two maps of 25 x 30 points, at the
/// same fractions of every banner's height and width.
#[derive(Debug, Clone)]
pub struct BannerMaps {
    grid: Grid,
    /// The vertical and the horizontal axis, for each of the two kernels.
    axes: [[Axis; 2]; 2],
}

/// The kernel along one axis, from bins to points.
#[derive(Debug, Clone)]
struct Axis {
    /// For each bin, the first point that sees it, and its weight for that point and the next ones.
    weights: Vec<SeenWeights>,
}

impl BannerMaps {
    /// Number of points from top to bottom.
    pub const ROWS: usize = 25;
    /// Number of points from left to right.
    pub const COLUMNS: usize = 30;
    /// Number of points of one map.
    pub const POINTS: usize = Self::ROWS * Self::COLUMNS;
    /// Standard deviations of the two kernels, in distances between points: the fine one for small
    /// blobs, the wide one for few clicks.
    const SIGMAS: [f64; 2] = [0.6, 1.25];

    /// Prepares the conversion of heatmaps with the rows and columns of `grid`.
    pub fn new(grid: Grid) -> Self {
        let axes = |sigma| {
            [Axis::new(grid.rows, Self::ROWS, sigma), Axis::new(grid.columns, Self::COLUMNS, sigma)]
        };
        Self { grid, axes: Self::SIGMAS.map(axes) }
    }

    /// Returns the fine map and then the wide one, `[2, ROWS, COLUMNS]`: square roots of the
    /// smoothed shares, scaled so that uniform clicks give 1 everywhere; zeros without a click.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins.
    pub fn of(&self, heatmap: &Heatmap) -> Result<Vec<f32>> {
        check_grid(self.grid, heatmap)?;
        let mut maps = vec![0.0_f32; 2 * Self::POINTS];
        if self.grid.is_empty() {
            return Ok(maps);
        }
        for (map, [down, across]) in maps.chunks_exact_mut(Self::POINTS).zip(&self.axes) {
            spread_clicks(heatmap, &down.weights, &across.weights, Self::COLUMNS, map);
            let sum: f64 = map.iter().map(|&value| f64::from(value)).sum();
            if sum > 0.0 {
                let scale = Self::POINTS as f64 / sum;
                map.iter_mut().for_each(|value| *value = (f64::from(*value) * scale).sqrt() as f32);
            }
        }
        Ok(maps)
    }
}

impl Axis {
    fn new(bins: usize, points: usize, sigma: f64) -> Self {
        let bins_a_point = bins as f64 / points as f64;
        // Wide enough that no bin falls between two points.
        let sigma = (sigma * bins_a_point).max(0.4 * bins_a_point.max(1.0));
        let weight = |point: usize, bin: usize| {
            let z = ((point as f64 + 0.5) * bins_a_point - 0.5 - bin as f64) / sigma;
            if z.abs() < 4.0 { libm::exp(-0.5 * z * z) } else { 0.0 }
        };
        // Divided by the part of the kernel that lies on the banner, so that uniform clicks stay
        // uniform.
        let mass: Vec<f64> =
            (0..points).map(|point| (0..bins).map(|bin| weight(point, bin)).sum()).collect();
        let seen = |bin: usize| {
            let all: Vec<f32> =
                (0..points).map(|point| (weight(point, bin) / mass[point]) as f32).collect();
            seen_weights(&all)
        };
        Self { weights: (0..bins).map(seen).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grids() -> [Grid; 4] {
        [(50, 60), (18, 146), (120, 32), (3, 2)].map(|(rows, columns)| Grid {
            rows,
            columns,
            bin_size_px: 5.0,
        })
    }

    #[test]
    fn even_clicks_are_one_everywhere_on_a_banner_of_any_size() {
        for grid in grids() {
            let maps = BannerMaps::new(grid);
            assert!(
                maps.axes.iter().flatten().all(|axis| axis.weights.iter().all(|w| !w.1.is_empty()))
            );
            let even =
                maps.of(&Heatmap::from_values(grid, vec![2.0; grid.len()]).unwrap()).unwrap();
            assert_eq!(even.len(), 2 * BannerMaps::POINTS);
            assert!(even.iter().all(|value| (value - 1.0).abs() < 1e-5), "{grid:?}");
            assert!(maps.of(&Heatmap::zeros(grid)).unwrap().iter().all(|value| *value == 0.0));
            assert!(
                maps.of(&Heatmap::zeros(Grid { rows: 7, columns: 7, bin_size_px: 5.0 })).is_err()
            );
        }
    }

    #[test]
    fn one_place_is_the_same_point_of_a_large_and_of_a_small_banner() {
        let peak = |grid: Grid, row: usize, column: usize| {
            let mut values = vec![0.0; grid.len()];
            values[row * grid.columns + column] = 5.0;
            let maps =
                BannerMaps::new(grid).of(&Heatmap::from_values(grid, values).unwrap()).unwrap();
            let fine = &maps[..BannerMaps::POINTS];
            (0..fine.len()).fold(0, |best, at| if fine[at] > fine[best] { at } else { best })
        };
        let [usual, ..] = grids();
        let large = Grid { rows: 100, columns: 120, bin_size_px: 5.0 };
        let expected = 12 * BannerMaps::COLUMNS + 7;
        assert_eq!(peak(usual, 24, 14), expected);
        assert_eq!(peak(large, 49, 29), expected);
    }

    #[test]
    fn the_map_is_the_naive_sum() {
        let [grid, ..] = grids();
        let mut values = vec![0.0; grid.len()];
        for (bin, clicks) in [(0, 3.0), (59, 1.0), (1_530, 7.0), (2_999, 2.0)] {
            values[bin] = clicks;
        }
        let maps = BannerMaps::new(grid);
        let got = maps.of(&Heatmap::from_values(grid, values.clone()).unwrap()).unwrap();
        for (which, sigma) in BannerMaps::SIGMAS.into_iter().enumerate() {
            let weight = |z: f64| if z.abs() < 4.0 { (-0.5 * z * z).exp() } else { 0.0 };
            let axis = |point: usize, points: usize, bins: usize| -> Vec<f64> {
                let step = bins as f64 / points as f64;
                let at = (point as f64 + 0.5) * step - 0.5;
                let all: Vec<f64> =
                    (0..bins).map(|bin| weight((at - bin as f64) / (sigma * step))).collect();
                let sum: f64 = all.iter().sum();
                all.iter().map(|w| w / sum).collect()
            };
            let mut expected = Vec::new();
            for row in 0..BannerMaps::ROWS {
                for column in 0..BannerMaps::COLUMNS {
                    let (down, across) = (axis(row, 25, 50), axis(column, 30, 60));
                    let sum = |row: usize| -> f64 {
                        (0..60).map(|c| across[c] * f64::from(values[row * 60 + c])).sum()
                    };
                    expected.push((0..50).map(|row| down[row] * sum(row)).sum::<f64>());
                }
            }
            let sum: f64 = expected.iter().sum();
            for (got, expected) in got[which * BannerMaps::POINTS..].iter().zip(expected) {
                let expected = (expected / sum * 750.0).sqrt();
                assert!(
                    (f64::from(*got) - expected).abs() < 1e-5 * (1.0 + expected),
                    "{got} {expected}"
                );
            }
        }
    }
}
