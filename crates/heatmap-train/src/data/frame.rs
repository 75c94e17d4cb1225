//! [`ImageFrame`]: where the bins of a grid lie in an image.

use heatmap_core::{Grid, Point};

use crate::{Error, Result};

/// The position of a heatmap's grid in an image: the grid is centred, and each bin is a square
/// whose side is the largest whole number of px that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageFrame {
    /// Distance between the left edge of the image and the grid in px.
    pub left: usize,
    /// Distance between the top edge of the image and the grid in px.
    pub top: usize,
    /// Side of a bin in px.
    pub bin_px: usize,
    /// Width of the image in px.
    pub width: usize,
    /// Height of the image in px.
    pub height: usize,
}

impl ImageFrame {
    /// Centres `grid` in images of `[height, width]` px.
    ///
    /// # Errors
    /// Returns an error when the grid has more rows or columns than the image has px.
    pub fn new([height, width]: [usize; 2], grid: Grid) -> Result<Self> {
        let Grid { rows, columns, .. } = grid;
        let bin_px = (height / rows).min(width / columns);
        if bin_px == 0 {
            let size = format!("{height} x {width}");
            let reason = format!("smaller than a heatmap of {rows} x {columns} bins");
            return Err(Error::config("image_size", size, reason));
        }
        let (left, top) = ((width - columns * bin_px) / 2, (height - rows * bin_px) / 2);
        Ok(Self { left, top, bin_px, width, height })
    }

    /// Converts a point on the grid, in bins, to `[x, y]` in the image, as fractions of the image's
    /// width and height.
    pub fn to_unit(&self, place: Point) -> [f32; 2] {
        let px = |bins: f64, edge: usize| bins * self.bin_px as f64 + edge as f64;
        [
            (px(place.x, self.left) / self.width as f64) as f32,
            (px(place.y, self.top) / self.height as f64) as f32,
        ]
    }

    /// Converts `[x, y]` in the image, as fractions of its width and height, back to a point on the
    /// grid, in bins. It is the inverse of [`ImageFrame::to_unit`].
    pub fn to_bins(&self, [x, y]: [f32; 2]) -> Point {
        let bins = |unit: f32, length: usize, edge: usize| {
            (f64::from(unit) * length as f64 - edge as f64) / self.bin_px as f64
        };
        Point { x: bins(x, self.width, self.left), y: bins(y, self.height, self.top) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_go_there_and_back() {
        for side in [64, 128, 224] {
            let frame = ImageFrame::new([side, side], Grid::MEDIUM_RECTANGLE).expect("it fits");
            assert_eq!(frame.bin_px, side / 60);
            let middle = frame.to_unit(Point { x: 30.0, y: 25.0 });
            assert_eq!(middle, [0.5, 0.5]);
            for place in [Point { x: 0.0, y: 0.0 }, Point { x: 59.25, y: 12.5 }] {
                assert!(frame.to_bins(frame.to_unit(place)).distance(place) < 1e-4, "{side}");
            }
        }
    }
}
