//! [`Pattern`]: the ways in which the clicks of broken banners have been seen to fall, each with a
//! description, a place and a density.
//!
//! A pattern is stated, not fitted. The scores `known_defects` and `pattern_fit` try each of them
//! as an explanation of a banner. Whether a whole group of banners is a kind of defect is tested
//! with more and sharper shapes, in `detect/template.rs`.

use serde::{Deserialize, Serialize};

/// A typical distribution of the clicks of broken banners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Pattern {
    /// Evenly over the banner.
    Anywhere,
    /// In a wide cloud around the middle.
    Cloud,
    /// Along either diagonal.
    Diagonal,
    /// On one spot in the top left corner.
    TopLeft,
    /// On one spot in the middle of the top.
    TopMiddle,
    /// On one spot in the top right corner.
    TopRight,
    /// On one spot in the middle of the left side.
    LeftMiddle,
    /// On one spot in the middle of the right side.
    RightMiddle,
    /// On one spot in the bottom left corner, where many banners have a close button.
    BottomLeft,
    /// On one spot in the middle of the bottom.
    BottomMiddle,
    /// On one spot in the bottom right corner.
    BottomRight,
    /// In a strip along the left edge.
    LeftEdge,
    /// In a strip along the right edge.
    RightEdge,
    /// In a strip along the top edge.
    TopEdge,
    /// In a strip along the bottom edge.
    BottomEdge,
}

/// The shape of a pattern; places are fractions of the banner's width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Even,
    /// Around the middle.
    Cloud,
    /// Along both diagonals.
    Diagonal,
    /// Around this place.
    Spot(f64, f64),
    LeftStrip,
    RightStrip,
    TopStrip,
    BottomStrip,
}

/// Every pattern with its words and its shape; a new one is a line here.
const PATTERNS: [(Pattern, &str, Shape); 15] = [
    (Pattern::Anywhere, "anywhere on the banner", Shape::Even),
    (Pattern::Cloud, "in a wide cloud around the middle", Shape::Cloud),
    (Pattern::Diagonal, "along a diagonal", Shape::Diagonal),
    (Pattern::TopLeft, "at the top left", Shape::Spot(0.05, 0.06)),
    (Pattern::TopMiddle, "in the middle of the top", Shape::Spot(0.5, 0.06)),
    (Pattern::TopRight, "at the top right", Shape::Spot(0.94, 0.06)),
    (Pattern::LeftMiddle, "in the middle of the left side", Shape::Spot(0.06, 0.5)),
    (Pattern::RightMiddle, "in the middle of the right side", Shape::Spot(0.94, 0.5)),
    (Pattern::BottomLeft, "at the bottom left", Shape::Spot(0.05, 0.94)),
    (Pattern::BottomMiddle, "in the middle of the bottom", Shape::Spot(0.5, 0.94)),
    (Pattern::BottomRight, "at the bottom right", Shape::Spot(0.94, 0.94)),
    (Pattern::LeftEdge, "along the left edge", Shape::LeftStrip),
    (Pattern::RightEdge, "along the right edge", Shape::RightStrip),
    (Pattern::TopEdge, "along the top edge", Shape::TopStrip),
    (Pattern::BottomEdge, "along the bottom edge", Shape::BottomStrip),
];

/// Standard deviation of a spot, or of a strip across its width, as a share of the banner's width
/// and height.
const SIGMA: f64 = 0.07;
/// Standard deviation of the cloud, as a share of the banner's width and height.
const CLOUD_SIGMA: f64 = 0.15;
/// Density added everywhere, so that no place is impossible; the pattern itself peaks at 1.
const FLOOR: f64 = 0.02;

impl Pattern {
    /// All patterns, in the order of their declaration.
    pub const ALL: [Self; PATTERNS.len()] = {
        let mut all = [Self::Anywhere; PATTERNS.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = PATTERNS[at].0;
            at += 1;
        }
        all
    };

    fn shape(self) -> Shape {
        PATTERNS[self as usize].2
    }

    /// Returns where the clicks fall, in words that end a sentence on clicks.
    pub fn words(self) -> &'static str {
        PATTERNS[self as usize].1
    }

    /// Returns the centre of the spot as fractions of width and height, for patterns that are a
    /// spot.
    pub fn place(self) -> Option<(f64, f64)> {
        match self.shape() {
            Shape::Spot(x, y) => Some((x, y)),
            _ => None,
        }
    }

    /// Returns the relative density at fractions of width and height; it is above 0 everywhere.
    pub fn density(self, x: f64, y: f64) -> f64 {
        let (across, sigma) = match self.shape() {
            Shape::Even => (0.0, SIGMA),
            Shape::Cloud => ((x - 0.5).powi(2) + (y - 0.5).powi(2), CLOUD_SIGMA),
            Shape::Diagonal => ((x - y).abs().min((x + y - 1.0).abs()).powi(2) / 2.0, SIGMA),
            Shape::Spot(at_x, at_y) => ((x - at_x).powi(2) + (y - at_y).powi(2), SIGMA),
            Shape::LeftStrip => (x * x, SIGMA),
            Shape::RightStrip => ((1.0 - x).powi(2), SIGMA),
            Shape::TopStrip => (y * y, SIGMA),
            Shape::BottomStrip => ((1.0 - y).powi(2), SIGMA),
        };
        (-across / (2.0 * sigma * sigma)).exp() + FLOOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_the_declaration() {
        for (at, (pattern, words, _)) in PATTERNS.into_iter().enumerate() {
            assert_eq!((pattern as usize, pattern.words()), (at, words), "{pattern:?}");
        }
    }

    #[test]
    fn densities_peak_where_the_words_say() {
        let far = |pattern: Pattern| pattern.density(0.5, 0.5);
        for pattern in Pattern::ALL {
            if let Some((x, y)) = pattern.place() {
                assert!(pattern.density(x, y) > 10.0 * far(pattern), "{pattern:?}");
            }
        }
        assert!(Pattern::LeftEdge.density(0.01, 0.5) > 10.0 * far(Pattern::LeftEdge));
        assert!(Pattern::RightEdge.density(0.99, 0.5) > 10.0 * far(Pattern::RightEdge));
        assert!(Pattern::TopEdge.density(0.5, 0.01) > 10.0 * far(Pattern::TopEdge));
        assert!(Pattern::BottomEdge.density(0.5, 0.99) > 10.0 * far(Pattern::BottomEdge));
        assert!(Pattern::Diagonal.density(0.2, 0.8) > 10.0 * Pattern::Diagonal.density(0.0, 0.5));
        assert_eq!(Pattern::Anywhere.density(0.1, 0.9), Pattern::Anywhere.density(0.7, 0.2));
    }
}
