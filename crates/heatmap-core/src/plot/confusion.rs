//! A confusion matrix: which class is taken for which.
//!
//! The true class runs down and the predicted class across. A cell is coloured by its share of the
//! row, since classes are seldom equally frequent, and the share is written in it in percent, so
//! the picture needs no colour bar.

use plotters::prelude::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, WHITE};

use super::picture::{Canvas, Picture};
use super::style::{self, DrawResult};
use crate::{Error, Result};

/// Side of the matrix, which its cells share as far as the limits of their size allow.
const MATRIX_PX: i32 = 600;
const MIN_CELL_PX: i32 = 34;
const MAX_CELL_PX: i32 = 64;
const TITLE_PX: i32 = 56;
const MARGIN_PX: i32 = 12;
const GAP_PX: i32 = 6;
/// Height of the name of an axis, and of a class where it is not turned.
const NAME_PX: i32 = 22;
/// Width that a letter of a class's name or of the title is assumed to have, rather too large than
/// too small.
const LETTER_PX: i32 = 7;
const TITLE_LETTER_PX: i32 = 9;
const NOTE: &str = "percent of the true class";

/// Draws a confusion matrix of `counts` by true class (outer, down) and predicted class (inner,
/// across), each row divided by its sum.
///
/// A share below 0.5 % has no number, and a class that never occurs has a grey row.
///
/// # Errors
/// Returns an error when there are no classes, when `counts` does not have a row and a column for
/// each of `names`, or when the picture cannot be drawn.
pub fn confusion(title: &str, names: &[&str], counts: &[Vec<u64>]) -> Result<Picture> {
    let classes = names.len();
    if classes == 0 || counts.len() != classes || counts.iter().any(|row| row.len() != classes) {
        return Err(Error::Plot(format!(
            "a confusion of {classes} classes needs a row and a column for each"
        )));
    }
    let layout = Layout::new(title, names);
    let Layout { cell_px, left, side, .. } = layout;
    Picture::draw(layout.width as u32, layout.height as u32, |canvas| {
        let name = |horizontal, vertical| style::text(14).pos(Pos::new(horizontal, vertical));
        let axis = style::text(16).pos(Pos::new(HPos::Center, VPos::Center));
        let (bottom, middle) = (TITLE_PX + side, side / 2);
        canvas.draw(&Text::new(title.to_owned(), (MARGIN_PX, 8), style::text(18)))?;
        canvas.draw(&Text::new(NOTE, (MARGIN_PX, 32), style::text(14)))?;
        let turned_axis = axis.transform(FontTransform::Rotate270);
        canvas.draw(&Text::new(
            "truth",
            (MARGIN_PX + NAME_PX / 2, TITLE_PX + middle),
            turned_axis,
        ))?;
        canvas.draw(&Text::new(
            "predicted",
            (left + middle, layout.height - MARGIN_PX - NAME_PX / 2),
            axis,
        ))?;
        for (at, class) in names.iter().enumerate() {
            let along = at as i32 * cell_px + cell_px / 2;
            let beside = name(HPos::Right, VPos::Center);
            canvas.draw(&Text::new(
                (*class).to_owned(),
                (left - GAP_PX, TITLE_PX + along),
                beside,
            ))?;
            let below = if layout.turned {
                name(HPos::Right, VPos::Center).transform(FontTransform::Rotate270)
            } else {
                name(HPos::Center, VPos::Top)
            };
            canvas.draw(&Text::new((*class).to_owned(), (left + along, bottom + GAP_PX), below))?;
        }
        for (row, counts) in counts.iter().enumerate() {
            let total: u64 = counts.iter().sum();
            for (column, count) in counts.iter().enumerate() {
                let share = (total > 0).then_some(*count as f64 / total as f64);
                draw_cell(canvas, layout.corner(row, column), cell_px, share)?;
            }
        }
        Ok(())
    })
}

/// Draws one cell with its share of the row, which is `None` when the row is empty.
fn draw_cell(canvas: &Canvas<'_>, at: (i32, i32), cell_px: i32, share: Option<f64>) -> DrawResult {
    // A white line stays between the cells.
    let square = [at, (at.0 + cell_px - 1, at.1 + cell_px - 1)];
    let Some(share) = share else {
        return canvas.draw(&Rectangle::new(square, style::PALE.filled()));
    };
    canvas.draw(&Rectangle::new(square, style::heat(share as f32).filled()))?;
    let percent = 100.0 * share;
    if percent >= 0.5 {
        // Large shares have bright colours, on which white would not show.
        let ink = if share > 0.6 { &style::INK } else { &WHITE };
        let number = style::text(14).color(ink).pos(Pos::new(HPos::Center, VPos::Center));
        let middle = (at.0 + cell_px / 2, at.1 + cell_px / 2);
        canvas.draw(&Text::new(percent.round().to_string(), middle, number))?;
    }
    Ok(())
}

/// Where the parts of the picture lie, in px.
struct Layout {
    cell_px: i32,
    /// Left edge of the matrix; its upper edge is at [`TITLE_PX`].
    left: i32,
    /// Side of the matrix.
    side: i32,
    /// Whether the names below the matrix are turned because they are wider than a cell.
    turned: bool,
    width: i32,
    height: i32,
}

impl Layout {
    fn new(title: &str, names: &[&str]) -> Self {
        let letters = |text: &str| text.chars().count() as i32;
        let classes = names.len() as i32;
        let cell_px = (MATRIX_PX / classes).clamp(MIN_CELL_PX, MAX_CELL_PX);
        let side = classes * cell_px;
        let name_px = LETTER_PX * names.iter().map(|name| letters(name)).max().unwrap_or(0);
        let turned = name_px > cell_px;
        let below = if turned { name_px } else { NAME_PX };
        let left = MARGIN_PX + NAME_PX + name_px + GAP_PX;
        let words = (TITLE_LETTER_PX * letters(title)).max(LETTER_PX * letters(NOTE));
        Self {
            cell_px,
            left,
            side,
            turned,
            width: MARGIN_PX + (left + side).max(MARGIN_PX + words),
            height: TITLE_PX + side + GAP_PX + below + NAME_PX + MARGIN_PX,
        }
    }

    /// Top-left corner of a cell.
    fn corner(&self, row: usize, column: usize) -> (i32, i32) {
        (self.left + column as i32 * self.cell_px, TITLE_PX + row as i32 * self.cell_px)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::style::RGBColor;

    const NAMES: [&str; 3] = ["a", "b", "c"];

    fn draw(counts: &[[u64; 3]; 3]) -> Picture {
        confusion("t", &NAMES, &counts.map(|row| row.to_vec())).unwrap()
    }

    /// Colour of a cell near its corner, beside the number.
    fn cell(picture: &Picture, row: usize, column: usize) -> [u8; 3] {
        let (x, y) = Layout::new("t", &NAMES).corner(row, column);
        picture.pixel(x as u32 + 2, y as u32 + 2)
    }

    fn rgb(RGBColor(r, g, b): RGBColor) -> [u8; 3] {
        [r, g, b]
    }

    #[test]
    fn a_cell_has_the_colour_of_its_share_of_the_row() {
        let picture = draw(&[[3, 1, 0], [0, 0, 0], [0, 0, 500]]);
        let row = |row: usize| [0, 1, 2].map(|column| cell(&picture, row, column));
        assert_eq!(row(0), [0.75, 0.25, 0.0].map(|share| rgb(style::heat(share))));
        assert_eq!(row(1), [rgb(style::PALE); 3]);
        assert_eq!(row(2), [0.0, 0.0, 1.0].map(|share| rgb(style::heat(share))));
    }

    #[test]
    fn only_shares_within_a_row_count() {
        let (few, many) = ([[3, 1, 0], [0, 2, 2], [1, 0, 0]], [[30, 10, 0], [0, 1, 1], [7, 0, 0]]);
        assert!(draw(&few) == draw(&many));
        assert!(draw(&few) != draw(&[[1, 3, 0], [0, 2, 2], [1, 0, 0]]));
    }

    #[test]
    fn shares_below_half_a_percent_have_no_number() {
        let picture = draw(&[[996, 4, 0], [994, 6, 0], [1, 0, 0]]);
        let layout = Layout::new("t", &NAMES);
        let has_number = |row: usize, column: usize| {
            let (x, y) = layout.corner(row, column);
            let inside = 1..layout.cell_px - 2;
            let fill = cell(&picture, row, column);
            let differs =
                |dx: i32, dy: i32| picture.pixel((x + dx) as u32, (y + dy) as u32) != fill;
            inside.clone().any(|dy| inside.clone().any(|dx| differs(dx, dy)))
        };
        assert_eq!([0, 1, 2].map(|column| has_number(0, column)), [true, false, false]);
        assert_eq!([0, 1, 2].map(|column| has_number(1, column)), [true, true, false]);
    }

    #[test]
    fn seven_and_twenty_one_classes_can_be_drawn() {
        for (classes, cell_px) in [(1, 64), (7, 64), (21, 34)] {
            for name in ["", " clusters on a banner"] {
                let names: Vec<String> =
                    (0..classes).map(|class| format!("{class}{name}")).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let counts: Vec<Vec<u64>> =
                    (0..classes).map(|row| (0..classes).map(|at| row * at).collect()).collect();
                let picture = confusion("counts", &names, &counts).unwrap();
                assert!(
                    picture.width() > classes as u32 * cell_px
                        && picture.height() > classes as u32 * cell_px
                );
            }
        }
    }

    #[test]
    fn what_is_no_square_of_the_classes_is_an_error() {
        assert!(confusion("t", &[], &[]).is_err());
        assert!(confusion("t", &["a"], &[vec![1, 2]]).is_err());
        assert!(confusion("t", &["a", "b"], &[vec![1, 2]]).is_err());
    }
}
