//! Fonts and colours shared by all pictures.

use std::sync::Once;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{ColorMap, FontStyle, RGBColor, ViridisRGB};
use plotters::style::{IntoFont, TextStyle, register_font as register};

pub(super) type DrawError = DrawingAreaErrorKind<plotters_error::BitMapError>;
pub(super) type DrawResult = Result<(), DrawError>;

/// The error of the bitmap backend, which plotters names only through a trait.
mod plotters_error {
    pub(crate) type BitMapError =
        <plotters::prelude::BitMapBackend<'static> as plotters::backend::DrawingBackend>::ErrorType;
}

const FONT: &str = "sans-serif";

pub(super) const INK: RGBColor = RGBColor(40, 40, 40);
pub(super) const PALE: RGBColor = RGBColor(205, 205, 205);

/// Makes the font known to plotters, once.
pub(super) fn register_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The font is part of the program; if it could not be parsed, the test of every picture
        // would fail.
        assert!(
            register(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok(),
            "the built-in font is a font"
        );
    });
}

/// Text of this height in px.
pub(super) fn text(height_px: u32) -> TextStyle<'static> {
    TextStyle::from((FONT, f64::from(height_px)).into_font()).with_color_of(INK)
}

/// Colour of a value from 0 to 1.
pub(super) fn heat(value: f32) -> RGBColor {
    ViridisRGB.get_color(value.clamp(0.0, 1.0))
}

/// Returns the colour of class `at` of `count`: from a palette, or distinct hues around the circle.
pub(super) fn class_color(at: usize, count: usize) -> RGBColor {
    // Okabe and Ito's palette, which colour-blind people can tell apart too, for up to eight
    // classes.
    const DISTINCT: [RGBColor; 8] = [
        RGBColor(0, 114, 178),
        RGBColor(230, 159, 0),
        RGBColor(0, 158, 115),
        RGBColor(213, 94, 0),
        RGBColor(204, 121, 167),
        RGBColor(86, 180, 233),
        RGBColor(170, 160, 30),
        RGBColor(60, 60, 60),
    ];
    if count <= DISTINCT.len() {
        return DISTINCT[at % DISTINCT.len()];
    }
    let hue = at as f64 / count as f64;
    let lightness = if at.is_multiple_of(2) { 0.42 } else { 0.6 };
    let (r, g, b) =
        plotters::style::Color::to_backend_color(&plotters::style::HSLColor(hue, 0.75, lightness))
            .rgb;
    RGBColor(r, g, b)
}

trait WithColor {
    fn with_color_of(self, color: RGBColor) -> Self;
}

impl WithColor for TextStyle<'static> {
    fn with_color_of(self, color: RGBColor) -> Self {
        use plotters::style::Color;
        TextStyle { color: color.to_backend_color(), ..self }
    }
}
