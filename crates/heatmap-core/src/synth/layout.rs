//! [`Layout`]: the arrangement of products that all banners of one grid (a `grid_id`) share.
//!
//! [`super::Products`] draws a banner from a well-known arrangement. Logs are not so tidy: every
//! grid has products at its own places, of its own sizes and weights, and all banners of a grid
//! share them. A layout is drawn from (seed, grid), so that a detector can be fitted on some
//! layouts and scored on others.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::{Arrangement, Products, Span};
use crate::sample_rng;

/// One product of a layout, in fractions of the banner's width and height.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// Middle of the product.
    pub place: (f64, f64),
    /// Standard deviations of its clicks along x and y.
    pub sigma: (f64, f64),
    /// How often it is clicked relative to the others.
    pub weight: f64,
}

/// The arrangement of products, close button and dead corner that all banners of a grid share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// The products of the grid.
    pub products: Vec<Product>,
    /// Middle of the close button in fractions of the banner.
    pub close_button: (f64, f64),
    /// Side of the dead bottom-right corner in fractions of the banner.
    pub dead_corner: f64,
}

impl Layout {
    /// Draws the layout of grid number `grid` in the world of this `seed`: one of the five
    /// arrangements, moved and stretched, with products of uneven size and weight.
    pub fn draw(seed: u64, grid: u64) -> Self {
        // A random stream that no sample of a preset uses.
        let mut rng = sample_rng(seed ^ 0x6C61_796F_7574, grid);
        let arrangement = Arrangement::ALL[rng.random_range(0..Arrangement::ALL.len())];
        let stretch = (Span::new(0.85, 1.1).draw(&mut rng), Span::new(0.85, 1.1).draw(&mut rng));
        let moved = (Span::new(-0.04, 0.04).draw(&mut rng), Span::new(-0.04, 0.04).draw(&mut rng));
        let mirrored = rng.random_bool(0.5);
        let product = |&(x, y): &(f64, f64), rng: &mut _| {
            let own = Span::new(-0.03, 0.03);
            let x = if mirrored { 1.0 - x } else { x };
            let at = |middle: f64, stretch: f64, moved: f64, own: f64| {
                (0.5 + (middle - 0.5) * stretch + moved + own).clamp(0.08, 0.92)
            };
            Product {
                place: (
                    at(x, stretch.0, moved.0, own.draw(rng)),
                    at(y, stretch.1, moved.1, own.draw(rng)),
                ),
                sigma: (Span::new(0.03, 0.08).draw(rng), Span::new(0.03, 0.08).draw(rng)),
                weight: Span::new(0.4, 1.6).draw(rng),
            }
        };
        Self {
            products: arrangement.places().iter().map(|place| product(place, &mut rng)).collect(),
            close_button: jittered(Products::CLOSE_BUTTON, 0.015, &mut rng),
            dead_corner: Span::new(0.0, 0.12).draw(&mut rng),
        }
    }
}

/// Moves a place by up to `most` along each axis.
pub(super) fn jittered((x, y): (f64, f64), most: f64, rng: &mut impl Rng) -> (f64, f64) {
    let span = Span::new(-most, most);
    (x + span.draw(rng), y + span.draw(rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_differ_by_grid_and_by_seed_and_repeat() {
        assert_eq!(Layout::draw(1, 2), Layout::draw(1, 2));
        assert_ne!(Layout::draw(1, 2), Layout::draw(1, 3));
        assert_ne!(Layout::draw(1, 2), Layout::draw(2, 2));
    }

    #[test]
    fn products_stand_on_the_banner_and_clear_of_the_dead_corner() {
        for grid in 0..500 {
            let layout = Layout::draw(7, grid);
            assert!((3..=6).contains(&layout.products.len()));
            for product in &layout.products {
                let (x, y) = product.place;
                assert!((0.08..=0.92).contains(&x) && (0.08..=0.92).contains(&y), "{product:?}");
                let corner = 1.0 - layout.dead_corner;
                assert!(
                    !(x > corner && y > corner),
                    "{product:?} in a corner of {}",
                    layout.dead_corner
                );
            }
        }
    }
}
