//! Sizes and places: banners in px, grids in bins, points and rectangles on a grid.
//!
//! x runs to the right along the columns, y runs down along the rows; (0, 0) is the top-left
//! corner.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Size of a banner in px.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BannerSize {
    /// Width in px.
    pub width_px: u32,
    /// Height in px.
    pub height_px: u32,
}

/// The raster of a heatmap: rows and columns of square bins that cover a banner.
///
/// It has nothing to do with the `grid_id` of a click log, which names a layout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Number of rows (height).
    pub rows: usize,
    /// Number of columns (width).
    pub columns: usize,
    /// Edge of a square bin in px.
    pub bin_size_px: f64,
}

impl Grid {
    /// The usual grid: 300 x 250 px in 5 x 5 px bins, 50 rows of 60 columns.
    pub const MEDIUM_RECTANGLE: Self = Self { rows: 50, columns: 60, bin_size_px: 5.0 };

    /// Makes the grid that covers `banner`. A last row or column that the banner fills only in part
    /// counts as a full one.
    ///
    /// # Errors
    /// Returns an error when a side of the banner or the bin size is not positive.
    pub fn covering(banner: BannerSize, bin_size_px: f64) -> Result<Self> {
        if !(bin_size_px.is_finite() && bin_size_px > 0.0) {
            return Err(Error::config("bin_size_px", bin_size_px, "must be a positive number"));
        }
        let bins = |field: &str, length_px: u32| match (f64::from(length_px) / bin_size_px).ceil() {
            0.0 => Err(Error::config(field, length_px, "must be positive")),
            bins => Ok(bins as usize),
        };
        Ok(Self {
            rows: bins("height_px", banner.height_px)?,
            columns: bins("width_px", banner.width_px)?,
            bin_size_px,
        })
    }

    /// Number of bins.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether the grid has no bin.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A place on a grid, in bins: the middle of the top-left bin is (0.5, 0.5).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Distance from the left edge in bins.
    pub x: f64,
    /// Distance from the top edge in bins.
    pub y: f64,
}

impl Point {
    /// Euclidean distance to `other` in bins.
    pub fn distance(self, other: Self) -> f64 {
        libm::hypot(self.x - other.x, self.y - other.y)
    }
}

/// An axis-parallel rectangle on a grid, in bins; left and top edges belong to it, right and bottom
/// edges do not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Bottom edge.
    pub bottom: f64,
}

impl Rect {
    /// Returns the rectangle that covers all of `grid`.
    pub fn whole(grid: &Grid) -> Self {
        Self { left: 0.0, top: 0.0, right: grid.columns as f64, bottom: grid.rows as f64 }
    }

    /// Returns a part of `grid` whose edges are given as fractions of its width and height.
    pub fn fraction(grid: &Grid, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        Self {
            left: left * width,
            top: top * height,
            right: right * width,
            bottom: bottom * height,
        }
    }

    /// Whether `point` lies in the rectangle.
    pub fn contains(&self, point: Point) -> bool {
        (self.left..self.right).contains(&point.x) && (self.top..self.bottom).contains(&point.y)
    }

    /// Width in bins.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Height in bins.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medium_rectangle_covers_300_by_250() {
        let banner = BannerSize { width_px: 300, height_px: 250 };
        assert_eq!(Grid::covering(banner, 5.0).unwrap(), Grid::MEDIUM_RECTANGLE);
    }

    #[test]
    fn a_partly_filled_last_bin_counts() {
        let banner = BannerSize { width_px: 301, height_px: 249 };
        let grid = Grid::covering(banner, 5.0).unwrap();
        assert_eq!((grid.rows, grid.columns), (50, 61));
    }

    #[test]
    fn impossible_sizes_are_errors() {
        let banner = BannerSize { width_px: 0, height_px: 250 };
        assert!(Grid::covering(banner, 5.0).unwrap_err().to_string().contains("width_px"));
        for bin_size_px in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let banner = BannerSize { width_px: 300, height_px: 250 };
            assert!(Grid::covering(banner, bin_size_px).is_err());
        }
    }
}
