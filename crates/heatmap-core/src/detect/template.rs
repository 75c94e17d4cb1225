//! [`Templates`]: whether one simple pattern of clicks is all that sets one map apart from another.
//!
//! D is the map of all other banners and M that of a group. The question is how much of KL(M || D)
//! disappears when D is mixed with the best of many patterns at the best share. The patterns are
//! smoothed in the same way as the maps. A spot is tried where M exceeds D most, in nine sizes.

use serde::{Deserialize, Serialize};

use super::ClickMap;
use super::smoothed_shares::SmoothedShares;
use crate::Grid;
use crate::defect::place_in_words;

/// The patterns to try, sampled at the points of smoothed shares.
#[derive(Debug, Clone)]
pub(super) struct Templates {
    shares: SmoothedShares,
    fixed: Vec<(Shape, Vec<f64>)>,
}

/// The kind of pattern that best explains how banners differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shape {
    Anywhere,
    Cloud,
    LeftEdge,
    RightEdge,
    TopEdge,
    BottomEdge,
    Diagonal,
    Spot,
}

/// How the map of some banners differs from that of others, and the pattern that best explains it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Unlike {
    /// Kullback-Leibler divergence from the other map, in nats per click.
    pub divergence: f64,
    /// Share of the divergence that the pattern explains (0 to 1).
    pub explained: f64,
    /// Share of the clicks that the pattern takes (0 to 1).
    pub share: f64,
    /// The place with the largest excess of clicks over the other map, in fractions of the banner's
    /// width and height.
    pub place: (f64, f64),
    shape: Shape,
}

/// Standard deviations of spots along each axis, in bins.
const SPOTS: [f64; 3] = [0.8, 1.8, 3.5];
/// Standard deviations of strips and diagonals across their width, as shares of the banner.
const STRIPS: [f64; 2] = [0.03, 0.08];
/// Standard deviations of clouds, as shares of the banner.
const CLOUDS: [f64; 2] = [0.12, 0.18];
/// Standard deviation along a diagonal that does not reach the corners.
const DIAGONAL: f64 = 0.3;
/// Share of the uniform map in both maps, so that no point is impossible.
const EVEN: f64 = 0.05;
/// No product has its centre within this share of the banner's width or height from a border.
const RIM: f64 = 0.1;

impl Templates {
    /// Prepares the patterns for maps sampled at the points of `shares`.
    pub(super) fn new(shares: &SmoothedShares) -> Self {
        type Density = Box<dyn Fn(f64, f64) -> f64>;
        let bell = |off: f64, sigma: f64| (-0.5 * (off / sigma).powi(2)).exp();
        let mut all: Vec<(Shape, Density)> = vec![(Shape::Anywhere, Box::new(|_, _| 1.0))];
        for sigma in CLOUDS {
            all.push((
                Shape::Cloud,
                Box::new(move |x, y| bell(x - 0.5, sigma) * bell(y - 0.5, sigma)),
            ));
        }
        for sigma in STRIPS {
            all.push((Shape::LeftEdge, Box::new(move |x, _| bell(x, sigma))));
            all.push((Shape::RightEdge, Box::new(move |x, _| bell(1.0 - x, sigma))));
            all.push((Shape::TopEdge, Box::new(move |_, y| bell(y, sigma))));
            all.push((Shape::BottomEdge, Box::new(move |_, y| bell(1.0 - y, sigma))));
            for length in [f64::INFINITY, DIAGONAL] {
                let root = std::f64::consts::SQRT_2;
                let falling = move |x: f64, y: f64| {
                    bell((x - y) / root, sigma) * bell((x + y - 1.0) / root, length)
                };
                all.push((Shape::Diagonal, Box::new(falling)));
                all.push((Shape::Diagonal, Box::new(move |x, y| falling(1.0 - x, y))));
                // Some banners of a group may show one diagonal and some the other.
                all.push((
                    Shape::Diagonal,
                    Box::new(move |x, y| falling(x, y) + falling(1.0 - x, y)),
                ));
            }
        }
        let fixed =
            all.into_iter().map(|(shape, density)| (shape, at_points(shares, density))).collect();
        Self { shares: shares.clone(), fixed }
    }

    /// Number of points of a map.
    pub(super) fn len(&self) -> usize {
        self.shares.len()
    }

    /// Compares the map `own` with `other`, both with a sum of 1.
    pub(super) fn compare(&self, own: &[f64], other: &[f64]) -> Unlike {
        let even = EVEN / own.len().max(1) as f64;
        let possible =
            |map: &[f64]| -> Vec<f64> { map.iter().map(|p| (1.0 - EVEN) * p + even).collect() };
        let more = |point: usize| own[point] - other.get(point).copied().unwrap_or(0.0);
        let peak = (0..own.len()).max_by(|&a, &b| more(a).total_cmp(&more(b))).unwrap_or(0);
        let place = if own.is_empty() { (0.5, 0.5) } else { self.shares.place(peak) };
        let mut unlike =
            Unlike { divergence: 0.0, explained: 0.0, share: 0.0, place, shape: Shape::Anywhere };
        // Without other banners there is nothing to differ from.
        if own.is_empty() || other.len() != own.len() {
            return unlike;
        }
        let (own, other) = (possible(own), possible(other));
        unlike.divergence = own.iter().zip(&other).map(|(m, d)| m * (m / d).ln()).sum();
        let mut least = unlike.divergence;
        let spots = self.spots(place);
        for (shape, template) in self.fixed.iter().chain(&spots) {
            for share in (1..10).map(|tenth| f64::from(tenth) / 10.0) {
                let mixed = other.iter().zip(template).map(|(d, q)| (1.0 - share) * d + share * q);
                let left: f64 = own.iter().zip(mixed).map(|(m, mixed)| m * (m / mixed).ln()).sum();
                if left < least {
                    least = left;
                    unlike.explained = (1.0 - left.max(0.0) / unlike.divergence).clamp(0.0, 1.0);
                    unlike.share = share;
                    unlike.shape = *shape;
                }
            }
        }
        unlike
    }

    /// Spots of all sizes, centred at one place.
    fn spots(&self, (at_x, at_y): (f64, f64)) -> Vec<(Shape, Vec<f64>)> {
        let Grid { rows, columns, .. } = self.shares.grid();
        let smooth = self.shares.sigma_bins();
        let spot = |across: f64, down: f64| {
            let (wide, high) = (across * across + smooth * smooth, down * down + smooth * smooth);
            let at = |point: usize| {
                let (x, y) = self.shares.place(point);
                let (dx, dy) = ((x - at_x) * columns as f64, (y - at_y) * rows as f64);
                (-0.5 * (dx * dx / wide + dy * dy / high)).exp() + 1e-6
            };
            let mut map: Vec<f64> = (0..self.len()).map(at).collect();
            let sum: f64 = map.iter().sum();
            map.iter_mut().for_each(|p| *p /= sum);
            (Shape::Spot, map)
        };
        SPOTS.into_iter().flat_map(|across| SPOTS.map(|down| spot(across, down))).collect()
    }
}

/// Samples a density at fractions of width and height, smoothed as heatmaps are.
fn at_points(shares: &SmoothedShares, density: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let map = ClickMap::from_density(shares.grid(), density);
    let smoothed = shares.of(&map.heatmap(1.0)).expect("the same grid");
    smoothed.into_iter().map(f64::from).collect()
}

impl Unlike {
    /// Returns where the clicks of the pattern fall, in words that end a sentence.
    pub fn words(&self) -> &'static str {
        match self.shape {
            Shape::Anywhere => "anywhere on the banner",
            Shape::Cloud => "in a wide cloud around the middle",
            Shape::LeftEdge => "along the left edge",
            Shape::RightEdge => "along the right edge",
            Shape::TopEdge => "along the top edge",
            Shape::BottomEdge => "along the bottom edge",
            Shape::Diagonal => "along a diagonal",
            Shape::Spot => place_in_words(self.place.0, self.place.1),
        }
    }

    /// Returns whether the pattern is one spot.
    pub fn is_spot(&self) -> bool {
        self.shape == Shape::Spot
    }

    /// Returns whether the pattern lies at the rim of the banner, where no product stands.
    pub fn at_the_rim(&self) -> bool {
        let near = |at: f64| !(RIM..=1.0 - RIM).contains(&at);
        match self.shape {
            Shape::LeftEdge | Shape::RightEdge | Shape::TopEdge | Shape::BottomEdge => true,
            Shape::Spot => near(self.place.0) || near(self.place.1),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(shares: &SmoothedShares, places: &[(f64, f64)]) -> Vec<f64> {
        let bell = |off: f64| (-0.5 * (off / 0.05).powi(2)).exp();
        at_points(shares, |x, y| {
            places.iter().map(|place| bell(x - place.0) * bell(y - place.1)).sum::<f64>() + 0.01
        })
    }

    fn mixed(a: &[f64], b: &[f64], share: f64) -> Vec<f64> {
        a.iter().zip(b).map(|(a, b)| (1.0 - share) * a + share * b).collect()
    }

    #[test]
    fn a_pattern_that_was_mixed_in_is_found_with_its_share() {
        let shares = SmoothedShares::new(Grid::MEDIUM_RECTANGLE, 2.3);
        let templates = Templates::new(&shares);
        let good = blobs(&shares, &[(0.25, 0.4), (0.75, 0.4)]);
        for (at, words) in [
            (0, "anywhere on the banner"),
            (1, "in a wide cloud around the middle"),
            (3, "along the left edge"),
        ] {
            let unlike = templates.compare(&mixed(&good, &templates.fixed[at].1, 0.6), &good);
            assert_eq!((unlike.words(), unlike.share), (words, 0.6));
            assert!(unlike.explained > 0.99 && unlike.divergence > 0.1, "{unlike:?}");
        }
        let spot = templates.spots(shares.place(shares.len() - 1)).remove(0).1;
        let unlike = templates.compare(&mixed(&good, &spot, 0.4), &good);
        assert!(unlike.is_spot() && unlike.at_the_rim() && unlike.explained > 0.99, "{unlike:?}");
        assert_eq!(unlike.words(), "at the bottom right");
    }

    #[test]
    fn another_layout_is_no_single_pattern_and_equal_maps_do_not_differ() {
        let shares = SmoothedShares::new(Grid::MEDIUM_RECTANGLE, 2.3);
        let templates = Templates::new(&shares);
        let good = blobs(&shares, &[(0.25, 0.3), (0.75, 0.3), (0.5, 0.75)]);
        let other = blobs(&shares, &[(0.2, 0.6), (0.5, 0.2), (0.8, 0.6)]);
        let unlike = templates.compare(&other, &good);
        assert!(unlike.divergence > 0.5 && unlike.explained < 0.7, "{unlike:?}");
        let same = templates.compare(&good, &good);
        assert!(same.divergence.abs() < 1e-12 && same.explained == 0.0);
        assert_eq!(templates.compare(&good, &[]).divergence, 0.0);
    }
}
