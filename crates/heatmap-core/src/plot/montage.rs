//! Many heatmaps on one picture, each with a label.

use plotters::prelude::Text;

use super::heatmap::draw_bins;
use super::picture::{Canvas, Picture};
use super::style::{self, DrawResult};
use crate::{Error, Heatmap, Result};

/// A heatmap and the label above it.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// The label.
    pub label: &'a str,
    /// The heatmap.
    pub heatmap: &'a Heatmap,
}

const BIN_PX: i32 = 3;
const LABEL_PX: i32 = 20;
const TITLE_PX: i32 = 34;
/// Gap between tiles, and around all of them.
pub(super) const GAP_PX: i32 = 10;

/// Draws tiles in rows of `columns`, each scaled to its own maximum.
///
/// # Errors
/// Returns an error without tiles or columns, or when the picture cannot be drawn.
pub fn montage(title: &str, tiles: &[Tile<'_>], columns: usize) -> Result<Picture> {
    let layout = Layout::new(tiles, columns, BIN_PX, TITLE_PX)?;
    Picture::draw(layout.width_px, layout.height_px, |canvas| {
        canvas.draw(&Text::new(title.to_owned(), (GAP_PX, 8), style::text(18)))?;
        for (at, tile) in tiles.iter().enumerate() {
            layout.draw_tile(canvas, at, tile)?;
        }
        Ok(())
    })
}

/// Where the tiles of a montage lie, in px.
pub(super) struct Layout {
    columns: usize,
    bin_px: i32,
    title_px: i32,
    tile_width: i32,
    tile_height: i32,
    pub(super) width_px: u32,
    pub(super) height_px: u32,
}

impl Layout {
    /// Lays out rows of `columns` tiles below a title, each bin being a square of `bin_px`.
    pub(super) fn new(
        tiles: &[Tile<'_>],
        columns: usize,
        bin_px: i32,
        title_px: i32,
    ) -> Result<Self> {
        if tiles.is_empty() || columns == 0 {
            return Err(Error::Plot(format!(
                "a montage of {} tiles in rows of {columns}",
                tiles.len()
            )));
        }
        let columns = columns.min(tiles.len());
        let size = |of: fn(&Heatmap) -> usize| {
            tiles.iter().map(|tile| of(tile.heatmap)).max().unwrap_or(0) as i32
        };
        let tile_width = size(Heatmap::columns) * bin_px + GAP_PX;
        let tile_height = size(Heatmap::rows) * bin_px + LABEL_PX + GAP_PX;
        let rows = tiles.len().div_ceil(columns);
        let (width_px, height_px) =
            (GAP_PX + columns as i32 * tile_width, title_px + rows as i32 * tile_height);
        Ok(Self {
            columns,
            bin_px,
            title_px,
            tile_width,
            tile_height,
            width_px: width_px as u32,
            height_px: height_px as u32,
        })
    }

    /// Top-left corner of the bins of tile `at`.
    pub(super) fn bins_corner(&self, at: usize) -> (i32, i32) {
        let x = GAP_PX + (at % self.columns) as i32 * self.tile_width;
        let y = self.title_px + (at / self.columns) as i32 * self.tile_height;
        (x, y + LABEL_PX)
    }

    /// Draws tile `at` in its place.
    pub(super) fn draw_tile(&self, canvas: &Canvas<'_>, at: usize, tile: &Tile<'_>) -> DrawResult {
        let (x, y) = self.bins_corner(at);
        canvas.draw(&Text::new(tile.label.to_owned(), (x, y - LABEL_PX + 3), style::text(14)))?;
        draw_bins(canvas, tile.heatmap, (x, y), self.bin_px)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grid;

    #[test]
    fn rows_are_filled_one_after_another() {
        let heatmap = Heatmap::zeros(Grid::MEDIUM_RECTANGLE);
        let tiles = [Tile { label: "x", heatmap: &heatmap }; 5];
        let picture = montage("five", &tiles, 2).unwrap();
        assert_eq!(picture.width(), 10 + 2 * 190);
        assert_eq!(picture.height(), 34 + 3 * 180);
        // The last place of the last row stays white.
        assert_eq!(picture.pixel(200 + 50, 34 + 2 * 180 + 100), [255; 3]);
        assert_ne!(picture.pixel(10 + 50, 34 + 2 * 180 + 100), [255; 3]);
    }

    #[test]
    fn nothing_to_show_is_an_error() {
        assert!(montage("none", &[], 3).is_err());
    }
}
