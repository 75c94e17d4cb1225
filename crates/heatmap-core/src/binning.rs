//! Counts clicks in bins, which makes a heatmap of them.
//!
//! The rule for edges: a bin owns its left and top edge, so a click at x px falls in column floor(x
//! / bin size). A click exactly on the right or bottom edge of the banner belongs to the last bin:
//! browsers report it as a hit. Everything beyond the banner, and every coordinate that is not
//! finite, is outside: counted and reported, never clamped.

use crate::{BannerSize, Click, Grid, Heatmap, Result};

/// A heatmap together with the number of clicks that did not fit on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Binned {
    /// Clicks per bin.
    pub heatmap: Heatmap,
    /// Clicks outside the banner.
    pub outside_clicks: u64,
}

/// Counts `clicks` on the [`Grid`] that covers `banner` in bins of `bin_size_px`.
///
/// # Errors
/// Returns an error when the banner or the bin size is not positive.
pub fn bin_clicks<'a>(
    clicks: impl IntoIterator<Item = &'a Click>,
    banner: BannerSize,
    bin_size_px: f64,
) -> Result<Binned> {
    let grid = Grid::covering(banner, bin_size_px)?;
    let (width_px, height_px) = (f64::from(banner.width_px), f64::from(banner.height_px));
    // Counted in f64, exact to 2^53: f32 would stop growing at 2^24 clicks in a bin.
    let mut counts = vec![0.0_f64; grid.len()];
    let mut outside_clicks = 0;
    for click in clicks {
        let column = bin_of(click.x_px, width_px, bin_size_px, grid.columns);
        let row = bin_of(click.y_px, height_px, bin_size_px, grid.rows);
        match (row, column) {
            (Some(row), Some(column)) => counts[row * grid.columns + column] += click.count as f64,
            _ => outside_clicks += click.count,
        }
    }
    let values = counts.into_iter().map(|c| c as f32).collect();
    Ok(Binned { heatmap: Heatmap::from_values(grid, values)?, outside_clicks })
}

/// The bin of a coordinate by the rule in the module's head; `None` outside `0..=length_px`.
pub(crate) fn bin_of(at_px: f64, length_px: f64, bin_size_px: f64, bins: usize) -> Option<usize> {
    // Also false for NaN.
    let inside = (0.0..=length_px).contains(&at_px);
    inside.then(|| ((at_px / bin_size_px) as usize).min(bins - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BANNER: BannerSize = BannerSize { width_px: 300, height_px: 250 };

    fn bin_one(x_px: f64, y_px: f64) -> Binned {
        bin_clicks(&[Click::once(x_px, y_px)], BANNER, 5.0).unwrap()
    }

    #[test]
    fn a_bin_owns_its_left_and_top_edge() {
        assert_eq!(bin_one(5.0, 10.0).heatmap.get(2, 1), 1.0);
        assert_eq!(bin_one(4.999, 9.999).heatmap.get(1, 0), 1.0);
        assert_eq!(bin_one(0.0, 0.0).heatmap.get(0, 0), 1.0);
    }

    #[test]
    fn the_far_edge_belongs_to_the_last_bin() {
        assert_eq!(bin_one(300.0, 250.0).heatmap.get(49, 59), 1.0);
    }

    #[test]
    fn clicks_beyond_the_banner_are_reported() {
        for (x, y) in [
            (-0.1, 5.0),
            (300.1, 5.0),
            (5.0, -1.0),
            (5.0, 250.5),
            (f64::NAN, 5.0),
            (5.0, f64::INFINITY),
        ] {
            let binned = bin_one(x, y);
            assert_eq!((binned.heatmap.total(), binned.outside_clicks), (0.0, 1), "({x}, {y})");
        }
    }

    proptest! {
        #[test]
        fn no_click_is_lost(
            clicks in prop::collection::vec((-50.0..350.0_f64, -50.0..300.0_f64, 0..9_u64), 0..200),
        ) {
            let click = |&(x_px, y_px, count): &_| Click { x_px, y_px, count };
            let clicks: Vec<_> = clicks.iter().map(click).collect();
            let binned = bin_clicks(&clicks, BANNER, 5.0).unwrap();
            let all: u64 = clicks.iter().map(|c| c.count).sum();
            prop_assert_eq!(binned.heatmap.total() as u64 + binned.outside_clicks, all);
            prop_assert_eq!((binned.heatmap.rows(), binned.heatmap.columns()), (50, 60));
        }
    }
}
