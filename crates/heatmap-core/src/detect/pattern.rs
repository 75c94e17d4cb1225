//! [`Pattern`]: the ways in which the clicks of broken banners have been seen to fall, each with a
//! description, a place and a density.
//!
//! A pattern is stated, not fitted. [`super::KnownDefects`] and the score `pattern_fit` try each of
//! them as an explanation of a banner. Whether a whole group of banners is a kind of defect is
//! tested with more and sharper shapes, in `template.rs`.

use serde::{Deserialize, Serialize};

use super::ClickMap;
use crate::Grid;
use crate::synth::BrokenKind;

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

/// Standard deviation of a spot, or of a strip across its width, as a share of the banner's width
/// and height.
const SIGMA: f64 = 0.07;
/// Standard deviation of the cloud, as a share of the banner's width and height.
const CLOUD_SIGMA: f64 = 0.15;
/// Density added everywhere, so that no place is impossible; the pattern itself peaks at 1.
const FLOOR: f64 = 0.02;

impl Pattern {
    /// All patterns.
    pub const ALL: [Self; 15] = [
        Self::Anywhere,
        Self::Cloud,
        Self::Diagonal,
        Self::TopLeft,
        Self::TopMiddle,
        Self::TopRight,
        Self::LeftMiddle,
        Self::RightMiddle,
        Self::BottomLeft,
        Self::BottomMiddle,
        Self::BottomRight,
        Self::LeftEdge,
        Self::RightEdge,
        Self::TopEdge,
        Self::BottomEdge,
    ];

    /// Returns where the clicks fall, in words that end a sentence on clicks.
    pub fn words(self) -> &'static str {
        match self {
            Self::Anywhere => "anywhere on the banner",
            Self::Cloud => "in a wide cloud around the middle",
            Self::Diagonal => "along a diagonal",
            Self::TopLeft => "at the top left",
            Self::TopMiddle => "in the middle of the top",
            Self::TopRight => "at the top right",
            Self::LeftMiddle => "in the middle of the left side",
            Self::RightMiddle => "in the middle of the right side",
            Self::BottomLeft => "at the bottom left",
            Self::BottomMiddle => "in the middle of the bottom",
            Self::BottomRight => "at the bottom right",
            Self::LeftEdge => "along the left edge",
            Self::RightEdge => "along the right edge",
            Self::TopEdge => "along the top edge",
            Self::BottomEdge => "along the bottom edge",
        }
    }

    /// Returns the centre of the spot as fractions of width and height, for patterns that are a
    /// spot.
    pub fn place(self) -> Option<(f64, f64)> {
        match self {
            Self::TopLeft => Some((0.05, 0.06)),
            Self::TopMiddle => Some((0.5, 0.06)),
            Self::TopRight => Some((0.94, 0.06)),
            Self::LeftMiddle => Some((0.06, 0.5)),
            Self::RightMiddle => Some((0.94, 0.5)),
            Self::BottomLeft => Some((0.05, 0.94)),
            Self::BottomMiddle => Some((0.5, 0.94)),
            Self::BottomRight => Some((0.94, 0.94)),
            _ => None,
        }
    }

    /// Returns the map of the pattern: the probability of each bin.
    pub fn map(self, grid: Grid) -> ClickMap {
        ClickMap::from_density(grid, |x, y| self.density(x, y))
    }

    /// Relative density at fractions of width and height.
    fn density(self, x: f64, y: f64) -> f64 {
        let (across, sigma) = match (self, self.place()) {
            (_, Some((at_x, at_y))) => ((x - at_x).powi(2) + (y - at_y).powi(2), SIGMA),
            (Self::Cloud, _) => ((x - 0.5).powi(2) + (y - 0.5).powi(2), CLOUD_SIGMA),
            (Self::Diagonal, _) => ((x - y).abs().min((x + y - 1.0).abs()).powi(2) / 2.0, SIGMA),
            (Self::LeftEdge, _) => (x * x, SIGMA),
            (Self::RightEdge, _) => ((1.0 - x).powi(2), SIGMA),
            (Self::TopEdge, _) => (y * y, SIGMA),
            (Self::BottomEdge, _) => ((1.0 - y).powi(2), SIGMA),
            // Only `Anywhere` is left, whose density is uniform.
            _ => (0.0, SIGMA),
        };
        (-across / (2.0 * sigma * sigma)).exp() + FLOOR
    }
}

impl From<BrokenKind> for Pattern {
    fn from(kind: BrokenKind) -> Self {
        match kind {
            BrokenKind::Everywhere => Self::Anywhere,
            BrokenKind::BottomLeft => Self::BottomLeft,
            BrokenKind::BottomRight => Self::BottomRight,
            BrokenKind::BottomMiddle => Self::BottomMiddle,
            BrokenKind::RightMiddle => Self::RightMiddle,
            BrokenKind::TopRight => Self::TopRight,
            BrokenKind::LeftEdge => Self::LeftEdge,
            BrokenKind::Diagonal => Self::Diagonal,
        }
    }
}

/// Describes a place on the banner, given as fractions of its width and height.
pub(super) fn place_in_words(x: f64, y: f64) -> &'static str {
    let third = |at: f64| if at < 0.25 { 0 } else { 1 + usize::from(at > 0.75) };
    [
        ["at the top left", "at the top", "at the top right"],
        ["on the left side", "in the middle", "on the right side"],
        ["at the bottom left", "at the bottom", "at the bottom right"],
    ][third(y)][third(x)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_a_map_whose_peak_is_where_its_words_say() {
        let grid = Grid::MEDIUM_RECTANGLE;
        for pattern in Pattern::ALL {
            let map = pattern.map(grid);
            let p = map.probabilities();
            assert!(
                (p.iter().sum::<f64>() - 1.0).abs() < 1e-9 && p.iter().all(|p| *p > 0.0),
                "{pattern:?}"
            );
            let peak = (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap();
            if let Some((x, y)) = pattern.place() {
                let at = ((peak % 60) as f64 / 60.0, (peak / 60) as f64 / 50.0);
                assert!((at.0 - x).abs() < 0.03 && (at.1 - y).abs() < 0.03, "{pattern:?}: {at:?}");
            }
        }
        let even = Pattern::Anywhere.map(grid);
        assert!(even.probabilities().iter().all(|p| (p - 1.0 / 3_000.0).abs() < 1e-12));
    }

    #[test]
    fn edges_lie_where_they_should_and_kinds_of_the_generator_have_a_pattern() {
        let grid = Grid::MEDIUM_RECTANGLE;
        let at = |pattern: Pattern, row: usize, column: usize| {
            pattern.map(grid).probabilities()[row * 60 + column]
        };
        assert!(at(Pattern::LeftEdge, 25, 0) > 10.0 * at(Pattern::LeftEdge, 25, 30));
        assert!(at(Pattern::RightEdge, 25, 59) > 10.0 * at(Pattern::RightEdge, 25, 30));
        assert!(at(Pattern::TopEdge, 0, 30) > 10.0 * at(Pattern::TopEdge, 25, 30));
        assert!(at(Pattern::BottomEdge, 49, 30) > 10.0 * at(Pattern::BottomEdge, 25, 30));
        for kind in BrokenKind::ALL {
            assert_eq!(Pattern::from(kind).place().is_some(), kind.place().is_some(), "{kind:?}");
        }
    }

    #[test]
    fn places_have_words() {
        assert_eq!(place_in_words(0.02, 0.02), "at the top left");
        assert_eq!(place_in_words(0.5, 0.5), "in the middle");
        assert_eq!(place_in_words(0.9, 0.5), "on the right side");
        assert_eq!(place_in_words(0.5, 0.99), "at the bottom");
    }
}
