//! Square matrices as colours, one panel beside the other, such as similarities between samples.

use plotters::prelude::{Rectangle, Text};
use plotters::style::Color;

use super::heatmap::draw_bar;
use super::picture::Picture;
use super::style;
use crate::{Error, Result};

/// A square matrix that fills one panel.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// Title of the panel.
    pub title: &'a str,
    /// The values, row by row; as many rows as columns.
    pub values: &'a [f64],
    /// The values that get the darkest and the lightest colour.
    pub range: [f64; 2],
}

const PANEL_PX: i32 = 560;
const RIGHT_PX: i32 = 190;
const MARGIN_PX: i32 = 46;

/// Draws panels side by side, as wide as those of [`scatters`](super::scatters), with `notes`
/// beside them.
///
/// # Errors
/// Returns an error when a panel is not square or holds a value that is not finite, or the picture
/// cannot be drawn.
pub fn matrices(title: &str, panels: &[Matrix<'_>], notes: &[&str]) -> Result<Picture> {
    for panel in panels {
        let side = panel.values.len().isqrt();
        let finite = panel.values.iter().chain(&panel.range).all(|value| value.is_finite());
        if side == 0 || side * side != panel.values.len() || !finite {
            return Err(Error::Plot(format!(
                "matrix `{}` needs finite values, as many rows as columns",
                panel.title
            )));
        }
    }
    let width = panels.len() as i32 * PANEL_PX + RIGHT_PX;
    Picture::draw(width as u32, PANEL_PX as u32 + 30, |canvas| {
        canvas.draw(&Text::new(title.to_owned(), (12, 6), style::text(20)))?;
        for (at, panel) in panels.iter().enumerate() {
            let side = panel.values.len().isqrt();
            let [low, high] = panel.range;
            let left = at as i32 * PANEL_PX + MARGIN_PX;
            canvas.draw(&Text::new(panel.title.to_owned(), (left, 36), style::text(16)))?;
            let edge = |index: usize| index as i32 * (PANEL_PX - 2 * MARGIN_PX) / side as i32;
            for (index, value) in panel.values.iter().enumerate() {
                let (row, column) = (index / side, index % side);
                let share = if high > low { (value - low) / (high - low) } else { 0.5 };
                let from = (left + edge(column), 62 + edge(row));
                let to = (left + edge(column + 1), 62 + edge(row + 1));
                canvas.draw(&Rectangle::new([from, to], style::heat(share as f32).filled()))?;
            }
            draw_bar(canvas, panel.range, 2, (left + edge(side) + 8, 62), edge(side))?;
        }
        for (at, note) in notes.iter().enumerate() {
            let place = (panels.len() as i32 * PANEL_PX + 6, 62 + at as i32 * 18);
            canvas.draw(&Text::new((*note).to_owned(), place, style::text(14)))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn high_values_are_light_and_low_ones_dark() {
        let values = [1.0, 0.0, 0.0, 1.0];
        let panel = Matrix { title: "m", values: &values, range: [0.0, 1.0] };
        let picture = matrices("t", &[panel], &["a note"]).unwrap();
        let at = |x: u32, y: u32| {
            picture.pixel(MARGIN_PX as u32 + x, 62 + y).map(u32::from).iter().sum::<u32>()
        };
        assert!(at(100, 100) > at(400, 100) && at(400, 400) > at(100, 400));
        let side = (PANEL_PX - 2 * MARGIN_PX) as u32;
        assert!(at(side + 15, 2) > at(side + 15, side - 2), "the bar is light at its upper end");
    }

    #[test]
    fn unfit_panels_are_errors() {
        for values in [&[][..], &[1.0, 2.0], &[f64::NAN]] {
            assert!(
                matrices("t", &[Matrix { title: "m", values, range: [0.0, 1.0] }], &[]).is_err()
            );
        }
    }
}
