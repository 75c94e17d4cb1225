//! Curves over steps: losses and scores.

use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::prelude::{LineSeries, PathElement, Text};
use plotters::style::{Color, ShapeStyle, WHITE};

use super::picture::Picture;
use super::style;
use crate::{Error, Result};

/// A curve through points (x, y), with its name.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// Name in the legend.
    pub name: &'a str,
    /// Points in the order of x.
    pub points: &'a [(f64, f64)],
}

const WIDTH_PX: u32 = 900;
const LEGEND_PX: u32 = 200;
const LINE_PX: i32 = 18;
/// A legend of more curves than this would hide them, and stands beside them.
const MOST_INSIDE: usize = 3;

/// Draws curves with axes and a legend. A curve of many points is drawn pale with its running mean
/// on top.
///
/// # Errors
/// Returns an error when no point is finite, or when the picture cannot be drawn.
pub fn curves(title: &str, x_label: &str, y_label: &str, curves: &[Curve<'_>]) -> Result<Picture> {
    let points = || {
        curves.iter().flat_map(|curve| curve.points).filter(|(x, y)| x.is_finite() && y.is_finite())
    };
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (x_min, x_max) = range(&mut points().map(|p| p.0));
    let (y_min, y_max) = range(&mut points().map(|p| p.1));
    if x_min > x_max {
        return Err(Error::Plot("a curve needs a finite point".to_owned()));
    }
    let x_pad = if x_max > x_min { 0.0 } else { 0.5 };
    let y_pad = if y_max > y_min { 0.05 * (y_max - y_min) } else { 0.5 };
    let beside = curves.len() > MOST_INSIDE;
    let legend_px = if beside { LEGEND_PX } else { 0 };
    Picture::draw(WIDTH_PX + legend_px, 540, |canvas| {
        let (area, legend) = canvas.split_horizontally(WIDTH_PX);
        let mut chart = ChartBuilder::on(&area)
            .caption(title, style::text(20))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(x_min - x_pad..x_max + x_pad, y_min - y_pad..y_max + y_pad)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(style::PALE.mix(0.6))
            .label_style(style::text(14))
            .axis_desc_style(style::text(16))
            .x_label_formatter(&|x| format!("{}", (x * 1e6).round() / 1e6))
            .x_desc(x_label)
            .y_desc(y_label)
            .draw()?;
        for (at, curve) in curves.iter().enumerate() {
            let color = style::class_color(at, curves.len());
            let strong: ShapeStyle = color.stroke_width(2);
            let line = curve.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite());
            let line: Vec<(f64, f64)> = line.collect();
            let window = line.len() / 40;
            let drawn = if window > 1 {
                chart.draw_series(LineSeries::new(line.iter().copied(), color.mix(0.25)))?;
                running_mean(&line, window)
            } else {
                line
            };
            chart
                .draw_series(LineSeries::new(drawn, strong))?
                .label(curve.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], strong));
        }
        if beside {
            for (at, curve) in curves.iter().enumerate() {
                let y = 48 + at as i32 * LINE_PX;
                let line = style::class_color(at, curves.len()).stroke_width(2);
                legend.draw(&PathElement::new([(0, y + 7), (18, y + 7)], line))?;
                legend.draw(&Text::new(curve.name.to_owned(), (24, y), style::text(14)))?;
            }
            return Ok(());
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(style::text(14))
            .background_style(WHITE.mix(0.85))
            .border_style(style::PALE)
            .draw()
    })
}

/// Mean over `window` points on either side, fewer at the ends.
fn running_mean(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    (0..points.len())
        .map(|at| {
            let around = &points[at.saturating_sub(window)..(at + window + 1).min(points.len())];
            (points[at].0, around.iter().map(|p| p.1).sum::<f64>() / around.len() as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_mean_keeps_a_line_and_flattens_a_saw() {
        let line: Vec<_> = (0..20).map(|i| (f64::from(i), 2.0 * f64::from(i))).collect();
        assert_eq!(running_mean(&line, 3)[5..15], line[5..15]);
        let saw: Vec<_> = (0..20).map(|i| (f64::from(i), f64::from(i % 2))).collect();
        assert!(running_mean(&saw, 4)[4..16].iter().all(|p| (p.1 - 0.5).abs() < 0.1));
    }

    #[test]
    fn one_point_and_holes_can_be_drawn_and_nothing_cannot() {
        let draw = |points| curves("t", "x", "y", &[Curve { name: "c", points }]);
        draw(&[(1.0, 1.0)]).unwrap();
        draw(&[(1.0, 1.0), (2.0, f64::NAN), (3.0, 2.0)]).unwrap();
        assert!(draw(&[]).is_err() && draw(&[(f64::NAN, 1.0)]).is_err());
    }

    #[test]
    fn a_legend_of_many_curves_stands_beside_them() {
        let points = [(0.0, 0.0), (1.0, 1.0)];
        let draw = |count: usize| {
            curves("t", "x", "y", &vec![Curve { name: "c", points: &points }; count]).unwrap()
        };
        assert_eq!((draw(3).width(), draw(4).width()), (WIDTH_PX, WIDTH_PX + LEGEND_PX));
        let row: Vec<_> = (0..18).map(|x| draw(4).pixel(WIDTH_PX + x, 55)).collect();
        assert!(row.iter().any(|pixel| *pixel != [255; 3]), "the first line of the legend");
    }
}
