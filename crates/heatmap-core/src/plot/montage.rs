//! Many heatmaps on one picture, each with a label.

use plotters::prelude::Text;

use super::heatmap::draw_bins;
use super::picture::Picture;
use super::style;
use crate::{Error, Heatmap, Result};

/// A heatmap and the words above it.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// The words.
    pub label: &'a str,
    /// The heatmap.
    pub heatmap: &'a Heatmap,
}

const BIN_PX: i32 = 3;
const LABEL_PX: i32 = 20;
const GAP_PX: i32 = 10;
const TITLE_PX: i32 = 34;

/// Draws tiles in rows of `columns`, each scaled to its own maximum.
///
/// # Errors
/// Without tiles or columns, or when the picture cannot be drawn.
pub fn montage(title: &str, tiles: &[Tile<'_>], columns: usize) -> Result<Picture> {
    if tiles.is_empty() || columns == 0 {
        return Err(Error::Plot(format!("a montage of {} tiles in rows of {columns}", tiles.len())));
    }
    let columns = columns.min(tiles.len());
    let size = |of: fn(&Heatmap) -> usize| tiles.iter().map(|tile| of(tile.heatmap)).max().unwrap_or(0) as i32;
    let tile_width = size(Heatmap::columns) * BIN_PX + GAP_PX;
    let tile_height = size(Heatmap::rows) * BIN_PX + LABEL_PX + GAP_PX;
    let rows = tiles.len().div_ceil(columns);
    let (width, height) = (GAP_PX + columns as i32 * tile_width, TITLE_PX + rows as i32 * tile_height);
    Picture::draw(width as u32, height as u32, |canvas| {
        canvas.draw(&Text::new(title.to_owned(), (GAP_PX, 8), style::text(18)))?;
        for (at, tile) in tiles.iter().enumerate() {
            let x = GAP_PX + (at % columns) as i32 * tile_width;
            let y = TITLE_PX + (at / columns) as i32 * tile_height;
            canvas.draw(&Text::new(tile.label.to_owned(), (x, y + 3), style::text(14)))?;
            draw_bins(canvas, tile.heatmap, (x, y + LABEL_PX), BIN_PX)?;
        }
        Ok(())
    })
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
