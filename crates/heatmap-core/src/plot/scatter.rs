//! Scatter plots of points coloured by class, one panel beside the other.

use plotters::chart::ChartBuilder;
use plotters::prelude::{Circle, Rectangle, Text};
use plotters::style::{Color, WHITE};

use super::picture::Picture;
use super::style;
use crate::{Error, Result};

/// A scatter plot that fills one panel.
#[derive(Debug, Clone, Copy)]
pub struct Scatter<'a> {
    /// Title of the panel.
    pub title: &'a str,
    /// Names of the axes.
    pub axes: [&'a str; 2],
    /// Points (x, y).
    pub points: &'a [(f64, f64)],
    /// Class of each point.
    pub classes: &'a [usize],
}

const PANEL_PX: u32 = 560;
const LEGEND_PX: u32 = 190;
const LINE_PX: i32 = 18;

/// Draws panels side by side with one legend of those `class_names` that occur.
///
/// # Errors
/// Returns an error when a panel has no point, a value that is not finite, or a class without a
/// name, or when the picture cannot be drawn.
pub fn scatters(title: &str, panels: &[Scatter<'_>], class_names: &[&str]) -> Result<Picture> {
    for panel in panels {
        let finite = panel.points.iter().all(|(x, y)| x.is_finite() && y.is_finite());
        let named = panel.classes.iter().all(|&class| class < class_names.len());
        if panel.points.is_empty() || panel.points.len() != panel.classes.len() || !finite || !named
        {
            return Err(Error::Plot(format!(
                "scatter `{}` needs finite points, each of a named class",
                panel.title
            )));
        }
    }
    let width = panels.len() as u32 * PANEL_PX + LEGEND_PX;
    let height = PANEL_PX.max(80 + (class_names.len() as i32 * LINE_PX) as u32);
    Picture::draw(width, height, |canvas| {
        let canvas = canvas.margin(8, 0, 0, 0).titled(title, style::text(20))?;
        let (plots, legend) = canvas.split_horizontally(panels.len() as u32 * PANEL_PX);
        for (area, panel) in plots.split_evenly((1, panels.len())).iter().zip(panels) {
            let span = |values: &dyn Fn(&(f64, f64)) -> f64| {
                let low = panel.points.iter().map(values).fold(f64::INFINITY, f64::min);
                let high = panel.points.iter().map(values).fold(f64::NEG_INFINITY, f64::max);
                let pad = if high > low { 0.05 * (high - low) } else { 0.5 };
                low - pad..high + pad
            };
            let mut chart = ChartBuilder::on(area)
                .caption(panel.title, style::text(16))
                .margin(12)
                .x_label_area_size(40)
                .y_label_area_size(54)
                .build_cartesian_2d(span(&|p| p.0), span(&|p| p.1))?;
            chart
                .configure_mesh()
                .light_line_style(WHITE)
                .bold_line_style(style::PALE.mix(0.5))
                .x_labels(6)
                .y_labels(6)
                .label_style(style::text(13))
                .axis_desc_style(style::text(14))
                .x_desc(panel.axes[0])
                .y_desc(panel.axes[1])
                .draw()?;
            let dot = |(&point, &class)| {
                Circle::new(
                    point,
                    3,
                    style::class_color(class, class_names.len()).mix(0.7).filled(),
                )
            };
            chart.draw_series(panel.points.iter().zip(panel.classes).map(dot))?;
        }
        let occurs = |at: &usize| panels.iter().any(|panel| panel.classes.contains(at));
        for (line, at) in (0..class_names.len()).filter(occurs).enumerate() {
            let (y, name) = (40 + line as i32 * LINE_PX, class_names[at]);
            let color = style::class_color(at, class_names.len());
            legend.draw(&Rectangle::new([(6, y), (16, y + 10)], color.filled()))?;
            legend.draw(&Text::new(name.to_owned(), (24, y - 3), style::text(14)))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel<'a>(points: &'a [(f64, f64)], classes: &'a [usize]) -> Scatter<'a> {
        Scatter { title: "p", axes: ["PC 1", "PC 2"], points, classes }
    }

    #[test]
    fn many_classes_and_single_points_can_be_drawn() {
        let names: Vec<String> = (0..33).map(|i| format!("class {i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let picture = scatters("t", &[panel(&[(0.0, 0.0)], &[32]); 2], &names).unwrap();
        assert_eq!(picture.width(), 2 * PANEL_PX + LEGEND_PX);
    }

    #[test]
    fn unfit_panels_are_errors() {
        for (points, classes) in [
            (&[][..], &[][..]),
            (&[(0.0, f64::NAN)], &[0]),
            (&[(0.0, 0.0)], &[1]),
            (&[(0.0, 0.0)], &[]),
        ] {
            assert!(scatters("t", &[panel(points, classes)], &["only"]).is_err());
        }
    }

    #[test]
    fn classes_have_colours_of_their_own() {
        for count in [8, 33] {
            let colors: std::collections::HashSet<_> = (0..count)
                .map(|at| {
                    let color = style::class_color(at, count);
                    (color.0, color.1, color.2)
                })
                .collect();
            assert_eq!(colors.len(), count);
        }
    }
}
