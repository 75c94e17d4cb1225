//! One heatmap with a colour bar.

use plotters::prelude::{Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::picture::{Canvas, Picture};
use super::style::{self, DrawResult};
use crate::{Heatmap, Result};

const BIN_PX: i32 = 8;
const TITLE_PX: i32 = 28;
const MARGIN_PX: i32 = 10;
const BAR_PX: i32 = 14;
const SCALE_PX: i32 = 70;

/// Draws `heatmap` with a colour bar from 0 to its maximum, and a `title` above.
///
/// # Errors
/// Returns an error when the picture cannot be drawn.
pub fn heatmap(title: &str, heatmap: &Heatmap) -> Result<Picture> {
    let (width, height) = (heatmap.columns() as i32 * BIN_PX, heatmap.rows() as i32 * BIN_PX);
    let picture_width = (3 * MARGIN_PX + width + BAR_PX + SCALE_PX) as u32;
    Picture::draw(picture_width, (TITLE_PX + height + MARGIN_PX) as u32, |canvas| {
        canvas.draw(&Text::new(title.to_owned(), (MARGIN_PX, 6), style::text(16)))?;
        draw_bins(canvas, heatmap, (MARGIN_PX, TITLE_PX), BIN_PX)?;
        let max = heatmap.max();
        let digits = if max >= 100.0 || max.fract() == 0.0 { 0 } else { 3 };
        let range = [0.0, f64::from(max)];
        draw_bar(canvas, range, digits, (2 * MARGIN_PX + width, TITLE_PX), height)
    })
}

/// Draws every bin as a square of `bin_px`, coloured by its share of the maximum, with the top-left
/// corner of the heatmap at `at`.
pub(super) fn draw_bins(
    canvas: &Canvas<'_>,
    heatmap: &Heatmap,
    at: (i32, i32),
    bin_px: i32,
) -> DrawResult {
    let max = heatmap.max().max(f32::MIN_POSITIVE);
    for row in 0..heatmap.rows() {
        for column in 0..heatmap.columns() {
            let color = style::heat(heatmap.get(row, column) / max);
            let (x, y) = (at.0 + column as i32 * bin_px, at.1 + row as i32 * bin_px);
            canvas.draw(&Rectangle::new([(x, y), (x + bin_px, y + bin_px)], color.filled()))?;
        }
    }
    Ok(())
}

/// Draws a colour bar with its corner at `at`, and beside it its ends and its middle with so many
/// decimal digits.
pub(super) fn draw_bar(
    canvas: &Canvas<'_>,
    [low, high]: [f64; 2],
    digits: usize,
    at: (i32, i32),
    height: i32,
) -> DrawResult {
    for step in 0..height {
        let value = 1.0 - step as f32 / (height - 1).max(1) as f32;
        // A filled rectangle ends before its second corner: with equal ones nothing is drawn.
        let corners = [(at.0, at.1 + step), (at.0 + BAR_PX, at.1 + step + 1)];
        canvas.draw(&Rectangle::new(corners, style::heat(value).filled()))?;
    }
    for share in [1.0, 0.5, 0.0] {
        let anchor = Pos::new(HPos::Left, if share == 1.0 { VPos::Top } else { VPos::Bottom });
        let y = at.1 + ((1.0 - share) * f64::from(height)) as i32;
        let label = format!("{:.digits$}", low + share * (high - low));
        canvas.draw(&Text::new(label, (at.0 + BAR_PX + 5, y), style::text(13).pos(anchor)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grid;

    #[test]
    fn the_brightest_bin_is_the_brightest_square() {
        let grid = Grid { rows: 3, columns: 4, bin_size_px: 5.0 };
        let mut values = vec![0.0; 12];
        values[6] = 9.0;
        let picture = super::heatmap("x", &Heatmap::from_values(grid, values).unwrap()).unwrap();
        let at = |row: i32, column: i32| {
            let (x, y) =
                (MARGIN_PX + column * BIN_PX + BIN_PX / 2, TITLE_PX + row * BIN_PX + BIN_PX / 2);
            picture.pixel(x as u32, y as u32)
        };
        let brightness = |[r, g, b]: [u8; 3]| u32::from(r) + u32::from(g) + u32::from(b);
        for row in 0..3 {
            for column in 0..4 {
                if (row, column) != (1, 2) {
                    assert!(brightness(at(row, column)) < brightness(at(1, 2)));
                }
            }
        }
    }

    #[test]
    fn the_bar_has_the_colours_of_the_values_beside_it() {
        let heatmap = Heatmap::zeros(Grid { rows: 10, columns: 4, bin_size_px: 5.0 });
        let picture = super::heatmap("x", &heatmap).unwrap();
        let (x, height) = (2 * MARGIN_PX + 4 * BIN_PX + BAR_PX / 2, 10 * BIN_PX);
        for (step, value) in [(0, 1.0), (height - 1, 0.0)] {
            let color = style::heat(value);
            let pixel = picture.pixel(x as u32, (TITLE_PX + step) as u32);
            assert_eq!(pixel, [color.0, color.1, color.2], "{value}");
        }
    }

    #[test]
    fn an_empty_heatmap_can_be_drawn() {
        super::heatmap("nothing", &Heatmap::zeros(Grid::MEDIUM_RECTANGLE)).unwrap();
    }
}
