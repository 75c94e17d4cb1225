//! [`LookAlike`]: whether a banner looks like the good ones of its grid, whether it is broken or
//! not.

use crate::Heatmap;

/// Number of clicks at which a broken banner is compared with good ones, to see whether it looks
/// broken.
pub(super) const LOOK_CLICKS: u32 = 2_000;
/// Number of good banners that it is compared with.
pub(super) const LOOKS: u64 = 12;

/// Good banners of one grid, with so many clicks that chance hardly matters.
pub(super) struct LookAlike {
    good: Vec<Vec<f64>>,
    /// A distance within which three in four good banners have another good one.
    usual: f64,
}

/// Bins along each side of the cells that are compared.
const CELL: usize = 5;

impl LookAlike {
    pub(super) fn of(good: &[Heatmap]) -> Self {
        let good: Vec<Vec<f64>> = good.iter().map(roots_of_cells).collect();
        let to_others = |at: usize| {
            let others = good.iter().enumerate().filter(|other| other.0 != at);
            others.map(|(_, other)| distance(&good[at], other)).fold(f64::INFINITY, f64::min)
        };
        let mut nearest: Vec<f64> = (0..good.len()).map(to_others).collect();
        nearest.sort_by(f64::total_cmp);
        let usual = nearest.get(3 * nearest.len() / 4).copied().unwrap_or(0.0);
        Self { good, usual }
    }

    /// Whether a heatmap is as near to a good banner as good banners are to one another.
    pub(super) fn is_like(&self, heatmap: &Heatmap) -> bool {
        let roots = roots_of_cells(heatmap);
        self.good.iter().any(|good| distance(good, &roots) <= self.usual)
    }
}

/// Returns the square roots of the shares of the clicks in cells of 5 x 5 bins.
fn roots_of_cells(heatmap: &Heatmap) -> Vec<f64> {
    let grid = heatmap.grid();
    let across = grid.columns.div_ceil(CELL);
    let mut cells = vec![0.0; across * grid.rows.div_ceil(CELL)];
    for (row, line) in heatmap.values().chunks_exact(grid.columns).enumerate() {
        for (column, value) in line.iter().enumerate() {
            cells[row / CELL * across + column / CELL] += f64::from(*value);
        }
    }
    let total = heatmap.total().max(1.0);
    cells.iter().map(|clicks| (clicks / total).sqrt()).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grid;

    fn heatmap(bins: &[(usize, f32)]) -> Heatmap {
        let mut values = vec![0.0; Grid::MEDIUM_RECTANGLE.len()];
        bins.iter().for_each(|&(bin, clicks)| values[bin] = clicks);
        Heatmap::from_values(Grid::MEDIUM_RECTANGLE, values).unwrap()
    }

    #[test]
    fn a_banner_is_like_those_with_its_pattern() {
        let good: Vec<Heatmap> =
            (0..8).map(|at| heatmap(&[(0, 50.0 + at as f32), (2_999, 50.0)])).collect();
        let alike = LookAlike::of(&good);
        assert!(alike.is_like(&heatmap(&[(0, 53.0), (2_999, 50.0)])));
        assert!(
            !alike.is_like(&heatmap(&[(0, 100.0)])) && !alike.is_like(&heatmap(&[(1_530, 100.0)]))
        );
    }
}
