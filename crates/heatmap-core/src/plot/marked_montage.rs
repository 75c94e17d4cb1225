//! Heatmaps with cluster centres marked on them: circles at the true centres, crosses where a
//! network predicts them.
//!
//! Markers are light with a dark rim, so that they show on both ends of the colour map, and a cross
//! fits into a circle: a centre that was found looks like a target.

use plotters::prelude::{Pixel, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, WHITE};

use super::montage::{GAP_PX, Layout, Tile};
use super::picture::{Canvas, Picture};
use super::style::{self, DrawResult};
use crate::{Error, Point, Result};

/// A heatmap with true and predicted cluster centres, in bins.
#[derive(Debug, Clone, Copy)]
pub struct MarkedTile<'a> {
    /// The heatmap and the label above it.
    pub tile: Tile<'a>,
    /// True centres: circles.
    pub truth: &'a [Point],
    /// Predicted centres: crosses.
    pub predicted: &'a [Point],
}

const BIN_PX: i32 = 5;
const TITLE_PX: i32 = 58;
const LEGEND_Y_PX: i32 = 42;
const LEGEND_WIDTH_PX: i32 = 290;
/// Centre of the circle in the legend, and of the cross.
const LEGEND_X_PX: [i32; 2] = [20, 145];
const CROSS_COLOR: RGBColor = RGBColor(255, 80, 60);
const CIRCLE_RADIUS_PX: f64 = 8.0;
const ARM_PX: f64 = 5.0;
/// How far a marker reaches at most from its centre; the gap around the tiles has room for it.
const REACH_PX: i32 = GAP_PX;

/// Draws tiles in rows of `columns`, each scaled to its own maximum, with their centres and a
/// legend. A centre outside the grid is drawn at its border.
///
/// # Errors
/// Returns an error without tiles or columns, when a centre is not finite, or when the picture
/// cannot be drawn.
pub fn marked_montage(title: &str, tiles: &[MarkedTile<'_>], columns: usize) -> Result<Picture> {
    for MarkedTile { tile, truth, predicted } in tiles {
        let mut points = truth.iter().chain(*predicted);
        if let Some(point) = points.find(|point| !(point.x.is_finite() && point.y.is_finite())) {
            return Err(Error::Plot(format!(
                "tile `{}`: ({}, {}) is no place",
                tile.label, point.x, point.y
            )));
        }
    }
    let plain: Vec<Tile<'_>> = tiles.iter().map(|marked| marked.tile).collect();
    let layout = Layout::new(&plain, columns, BIN_PX, TITLE_PX)?;
    Picture::draw(layout.width_px.max(LEGEND_WIDTH_PX as u32), layout.height_px, |canvas| {
        canvas.draw(&Text::new(title.to_owned(), (GAP_PX, 8), style::text(18)))?;
        draw_legend(canvas)?;
        for (at, marked) in tiles.iter().enumerate() {
            layout.draw_tile(canvas, at, &marked.tile)?;
            let (corner, grid) = (layout.bins_corner(at), marked.tile.heatmap.grid());
            let px = |bins: f64, length: usize| {
                (bins.clamp(0.0, length as f64) * f64::from(BIN_PX)) as i32
            };
            let place = |point: &Point| {
                (corner.0 + px(point.x, grid.columns), corner.1 + px(point.y, grid.rows))
            };
            for point in marked.truth {
                draw_circle(canvas, place(point))?;
            }
            for point in marked.predicted {
                draw_cross(canvas, place(point))?;
            }
        }
        Ok(())
    })
}

fn draw_legend(canvas: &Canvas<'_>) -> DrawResult {
    let [circle, cross] = LEGEND_X_PX;
    let words = |x: i32| (x + REACH_PX + GAP_PX / 2, LEGEND_Y_PX);
    let beside = style::text(14).pos(Pos::new(HPos::Left, VPos::Center));
    draw_circle(canvas, (circle, LEGEND_Y_PX))?;
    canvas.draw(&Text::new("true centre", words(circle), beside.clone()))?;
    draw_cross(canvas, (cross, LEGEND_Y_PX))?;
    canvas.draw(&Text::new("predicted centre", words(cross), beside))
}

fn draw_circle(canvas: &Canvas<'_>, at: (i32, i32)) -> DrawResult {
    draw_line(canvas, at, WHITE, |x, y| (x.hypot(y) - CIRCLE_RADIUS_PX).abs())
}

fn draw_cross(canvas: &Canvas<'_>, at: (i32, i32)) -> DrawResult {
    draw_line(canvas, at, CROSS_COLOR, |x, y| {
        // Turned by 45 degrees the arms lie along the axes.
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let (along, across) = (half * (x + y), half * (x - y));
        let to_arm = |along: f64, across: f64| (along.abs() - ARM_PX).max(0.0).hypot(across);
        to_arm(along, across).min(to_arm(across, along))
    })
}

/// Draws a line 2 px wide, with a dark rim of 1 px and smooth edges. `distance(x, y)` is how far
/// the pixel at (x, y) from `at` is from the line, in px.
fn draw_line(
    canvas: &Canvas<'_>,
    at: (i32, i32),
    color: RGBColor,
    distance: impl Fn(f64, f64) -> f64,
) -> DrawResult {
    for (half_width, color) in [(2.0, style::INK), (1.0, color)] {
        for dy in -REACH_PX..=REACH_PX {
            for dx in -REACH_PX..=REACH_PX {
                let cover =
                    (half_width + 0.5 - distance(f64::from(dx), f64::from(dy))).clamp(0.0, 1.0);
                if cover > 0.0 {
                    canvas.draw(&Pixel::new((at.0 + dx, at.1 + dy), color.mix(cover)))?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grid, Heatmap};

    const GRID: Grid = Grid { rows: 20, columns: 30, bin_size_px: 5.0 };
    const CENTRE: Point = Point { x: 15.5, y: 10.5 };

    fn draw(value: f32, truth: &[Point], predicted: &[Point]) -> Result<Picture> {
        let heatmap = Heatmap::from_values(GRID, vec![value; GRID.len()]).unwrap();
        marked_montage(
            "t",
            &[MarkedTile { tile: Tile { label: "x", heatmap: &heatmap }, truth, predicted }],
            1,
        )
    }

    /// Colour of the pixel so far from the bin in column `x` and row `y`.
    fn pixel(picture: &Picture, point: Point, dx: i32, dy: i32) -> [u8; 3] {
        let heatmap = Heatmap::zeros(GRID);
        let tile = Tile { label: "x", heatmap: &heatmap };
        let (left, top) = Layout::new(&[tile], 1, BIN_PX, TITLE_PX).unwrap().bins_corner(0);
        let px = |bins: f64| (bins * f64::from(BIN_PX)) as i32;
        picture.pixel((left + px(point.x) + dx) as u32, (top + px(point.y) + dy) as u32)
    }

    const CROSS: [u8; 3] = [CROSS_COLOR.0, CROSS_COLOR.1, CROSS_COLOR.2];
    const RIM: [u8; 3] = [style::INK.0, style::INK.1, style::INK.2];

    #[test]
    fn markers_show_on_dark_and_on_bright_bins() {
        for value in [0.0, 1.0] {
            let plain = draw(value, &[], &[]).unwrap();
            let bins = pixel(&plain, CENTRE, 0, 0);
            assert!(![[255; 3], CROSS, RIM].contains(&bins));

            let circle = draw(value, &[CENTRE], &[]).unwrap();
            for (dx, dy) in [(8, 0), (-8, 0), (0, 8), (0, -8)] {
                assert_eq!(pixel(&circle, CENTRE, dx, dy), [255; 3]);
            }
            assert_eq!(pixel(&circle, CENTRE, 0, 0), bins, "the circle is open");
            assert_ne!(pixel(&circle, CENTRE, 6, 0), bins, "the circle has a rim");

            let cross = draw(value, &[], &[CENTRE]).unwrap();
            for (dx, dy) in [(0, 0), (3, 3), (-3, 3), (3, -3), (-3, -3)] {
                assert_eq!(pixel(&cross, CENTRE, dx, dy), CROSS);
            }
            assert_eq!(pixel(&cross, CENTRE, 8, 0), bins);
        }
    }

    #[test]
    fn a_found_centre_is_a_cross_in_a_circle() {
        let both = draw(0.0, &[CENTRE], &[CENTRE]).unwrap();
        assert_eq!((pixel(&both, CENTRE, 0, 0), pixel(&both, CENTRE, 8, 0)), (CROSS, [255; 3]));
    }

    #[test]
    fn the_legend_shows_both_markers() {
        let picture = draw(0.0, &[], &[]).unwrap();
        assert_eq!(picture.pixel(LEGEND_X_PX[1] as u32, LEGEND_Y_PX as u32), CROSS);
        assert_ne!(picture.pixel(LEGEND_X_PX[0] as u32 + 6, LEGEND_Y_PX as u32), [255; 3]);
        assert_eq!(picture.width(), LEGEND_WIDTH_PX as u32);
    }

    #[test]
    fn a_centre_outside_is_drawn_at_the_border() {
        let (outside, border) = (Point { x: -7.0, y: 10.5 }, Point { x: 0.0, y: 10.5 });
        let far = draw(0.0, &[Point { x: 1e9, y: -1e9 }], &[outside]).unwrap();
        assert_eq!(pixel(&far, border, 0, 0), CROSS);
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        assert!(marked_montage("none", &[], 3).is_err());
        let error = draw(0.0, &[], &[Point { x: f64::NAN, y: 1.0 }]).unwrap_err();
        assert!(error.to_string().contains("tile `x`: (NaN, 1) is no place"), "{error}");
    }
}
