//! [`FieldGrid`]: what all banners of one grid (a `grid_id`) of a [`super::FieldPopulation`] have
//! in common.
//!
//! A grid has several good layouts, one of them dominant; noise with a distribution of its own; a
//! close button in one corner; people who click once or several times; and defects in shares of its
//! own: where one template is wrong, most of its broken banners are wrong in the same way.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::field_draws::{gamma, log_normal, weighted};
use super::field_layout::Style;
use super::{FieldBlob, FieldDefect, FieldLayout, Span};
use crate::{SampleRng, sample_rng};

/// What all banners of one grid have in common. Places and sizes are fractions of the banner's
/// width and height.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldGrid {
    /// The layouts of good banners, the dominant one first.
    pub layouts: Vec<FieldLayout>,
    /// Share of the banners that has each of `layouts`; the shares sum to 1, and the first is at
    /// least a half.
    pub shares: Vec<f64>,
    /// A layout in the same style that no good banner has, for [`FieldDefect::Foreign`].
    pub foreign: FieldLayout,
    /// Share of a product's clicks that falls in the wide tail of its blob.
    pub tail: f64,
    /// Width of that tail as a multiple of the blob's.
    pub tail_width: f64,
    /// Middle of the close button.
    pub close_button: (f64, f64),
    /// Standard deviation of the clicks on the close button.
    pub close_sigma: f64,
    /// Share of the noise that falls evenly.
    pub even_noise: f64,
    /// Blobs of the noise that does not fall evenly; the first one lies around the middle.
    pub noise: Vec<FieldBlob>,
    /// How much noise the banners of this grid have, within [`super::FieldPopulation::noise`]: 0
    /// stands for the lower end of that range, 1 for its upper end.
    pub noise_part: Span<f64>,
    /// Mean number of clicks that one person makes at one place.
    pub burstiness: f64,
    /// Each defect with its share among the broken banners; the shares sum to 1.
    pub defects: Vec<(FieldDefect, f64)>,
    /// Left, top, right and bottom of a zone in which no click of a good banner counts.
    pub dead_zone: Option<[f64; 4]>,
}

impl FieldGrid {
    /// Least [`FieldLayout::difference`] between any two layouts of a grid, the foreign one
    /// included: layouts are drawn again, up to 500 times, until they differ as much.
    pub const MIN_DIFFERENCE: f64 = 0.4;

    /// Draws grid number `grid` of the world of this `seed`.
    pub fn draw(seed: u64, grid: u64) -> Self {
        // A random stream that neither a sample nor a `Layout` uses.
        let mut rng = sample_rng(seed ^ 0x6669_656C_6467_7269, grid);
        let rng = &mut rng;
        let style = Style::draw(rng);
        let mut layouts = vec![FieldLayout::draw(&style, rng)];
        for _ in 1..rng.random_range(1..=4) {
            layouts.push(different(&layouts, &style, rng));
        }
        let foreign = different(&layouts, &style, rng);
        let close_button = corner(rng.random_range(0..4), Span::new(0.02, 0.08), rng);
        let burstiness = Span::new(1.0, 2.5).draw(rng);
        let low = Span::new(0.0, 0.6).draw(rng);
        Self {
            shares: shares(layouts.len(), rng),
            tail: Span::new(0.05, 0.4).draw(rng),
            tail_width: Span::new(1.8, 4.0).draw(rng),
            close_sigma: Span::new(0.006, 0.02).draw(rng),
            even_noise: Span::new(0.25, 0.8).draw(rng),
            noise: noise(rng),
            noise_part: Span::new(low, Span::new(low + 0.2, 1.0).draw(rng)),
            defects: defects(rng),
            dead_zone: rng
                .random_bool(0.35)
                .then(|| dead_zone(&layouts, close_button, rng))
                .flatten(),
            layouts,
            foreign,
            close_button,
            burstiness,
        }
    }

    /// Draws a defect in the shares of this grid.
    pub(super) fn draw_defect(&self, rng: &mut impl Rng) -> FieldDefect {
        let shares: Vec<f64> = self.defects.iter().map(|&(_, share)| share).collect();
        self.defects
            .get(weighted(&shares, rng))
            .map_or(FieldDefect::Everywhere, |&(defect, _)| defect)
    }
}

/// Draws a layout that differs enough from all of `layouts`, or after many tries takes the one that
/// differs most.
fn different(layouts: &[FieldLayout], style: &Style, rng: &mut SampleRng) -> FieldLayout {
    let least = |drawn: &FieldLayout| {
        layouts.iter().map(|other| drawn.difference(other)).fold(1.0, f64::min)
    };
    let mut best = FieldLayout::draw(style, rng);
    let mut most = least(&best);
    for _ in 0..500 {
        if most >= FieldGrid::MIN_DIFFERENCE {
            break;
        }
        let drawn = FieldLayout::draw(style, rng);
        let difference = least(&drawn);
        if difference > most {
            (best, most) = (drawn, difference);
        }
    }
    best
}

/// Draws the shares of this many layouts: at least a half for the first; the others divide what is
/// left at random.
fn shares(layouts: usize, rng: &mut impl Rng) -> Vec<f64> {
    if layouts < 2 {
        return vec![1.0];
    }
    let first = Span::new(0.5, 0.9).draw(rng);
    let others: Vec<f64> = (1..layouts).map(|_| gamma(2.0, rng)).collect();
    let sum: f64 = others.iter().sum();
    std::iter::once(first)
        .chain(others.into_iter().map(|other| (1.0 - first) * other / sum))
        .collect()
}

/// Draws a place in corner 0 to 3, at distances of `inset` from both edges.
fn corner(at: u32, inset: Span<f64>, rng: &mut impl Rng) -> (f64, f64) {
    let (x, y) = (inset.draw(rng), inset.draw(rng));
    (if at & 1 == 0 { x } else { 1.0 - x }, if at & 2 == 0 { y } else { 1.0 - y })
}

/// Draws the blobs of noise: a wide one around the middle and up to three others anywhere.
fn noise(rng: &mut impl Rng) -> Vec<FieldBlob> {
    let mut blob = |place: Span<f64>, sigma: Span<f64>, weight: Span<f64>| FieldBlob {
        place: (place.draw(rng), place.draw(rng)),
        sigma: (sigma.draw(rng), sigma.draw(rng)),
        weight: weight.draw(rng),
    };
    let mut blobs = vec![blob(Span::new(0.38, 0.62), Span::new(0.14, 0.35), Span::only(1.0))];
    for _ in 0..3 {
        blobs.push(blob(Span::new(0.1, 0.9), Span::new(0.08, 0.3), Span::new(0.1, 0.8)));
    }
    blobs.truncate(rng.random_range(1..=4));
    blobs
}

/// Draws the shares of all defects: nearly even on some grids, one kind above all on others.
fn defects(rng: &mut impl Rng) -> Vec<(FieldDefect, f64)> {
    let unevenness = Span::new(0.3, 3.0).draw(rng);
    let weights: Vec<f64> = FieldDefect::ALL.iter().map(|_| log_normal(unevenness, rng)).collect();
    let sum: f64 = weights.iter().sum();
    let kinds = FieldDefect::ALL.iter().copied();
    kinds.zip(weights.into_iter().map(|weight| weight / sum)).collect()
}

/// Looks for a rectangle in a corner that is clear of the close button and of all products.
fn dead_zone(
    layouts: &[FieldLayout],
    close_button: (f64, f64),
    rng: &mut impl Rng,
) -> Option<[f64; 4]> {
    let products =
        || layouts.iter().flat_map(|layout| layout.products.iter().map(|product| product.place));
    for _ in 0..20 {
        let (width, height) = (Span::new(0.05, 0.3).draw(rng), Span::new(0.05, 0.2).draw(rng));
        let (right, bottom) = (rng.random_bool(0.5), rng.random_bool(0.5));
        let (left, top) =
            (if right { 1.0 - width } else { 0.0 }, if bottom { 1.0 - height } else { 0.0 });
        let zone = [left, top, left + width, top + height];
        let clear = |(x, y): (f64, f64), by: f64| {
            x < zone[0] - by || x > zone[2] + by || y < zone[1] - by || y > zone[3] + by
        };
        if clear(close_button, 0.04) && products().all(|place| clear(place, 0.06)) {
            return Some(zone);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRIDS: u64 = 300;

    #[test]
    fn grids_repeat_and_differ_by_seed_and_number() {
        assert_eq!(FieldGrid::draw(1, 2), FieldGrid::draw(1, 2));
        assert_ne!(FieldGrid::draw(1, 2), FieldGrid::draw(1, 3));
        assert_ne!(FieldGrid::draw(1, 2), FieldGrid::draw(2, 2));
    }

    #[test]
    fn layouts_differ_from_one_another_and_the_foreign_one_from_all() {
        let mut numbers = [0; 5];
        for grid in 0..GRIDS {
            let FieldGrid { layouts, foreign, .. } = FieldGrid::draw(7, grid);
            numbers[layouts.len()] += 1;
            for (at, layout) in layouts.iter().enumerate() {
                for other in layouts[at + 1..].iter().chain([&foreign]) {
                    let difference = layout.difference(other);
                    assert!(difference >= FieldGrid::MIN_DIFFERENCE, "grid {grid}: {difference}");
                }
            }
        }
        // Binomial(300, 1/4): standard deviation 7.5.
        assert!(
            numbers[0] == 0 && numbers[1..].iter().all(|n| (42..=108).contains(n)),
            "{numbers:?}"
        );
    }

    #[test]
    fn shares_are_shares_and_the_first_layout_is_dominant() {
        for grid in 0..GRIDS {
            let field = FieldGrid::draw(7, grid);
            assert_eq!(field.shares.len(), field.layouts.len());
            assert!(field.shares[0] >= 0.5 && field.shares.iter().all(|&share| share > 0.0));
            assert!((field.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((field.defects.iter().map(|d| d.1).sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((1.0..=2.5).contains(&field.burstiness));
            field.noise_part.check("noise_part", 0.0, 1.0).unwrap();
        }
    }

    #[test]
    fn some_grids_have_mainly_one_defect_and_some_have_all() {
        let most = |grid| FieldGrid::draw(7, grid).defects.iter().map(|d| d.1).fold(0.0, f64::max);
        let most: Vec<f64> = (0..GRIDS).map(most).collect();
        assert!(most.iter().filter(|&&share| share > 0.6).count() > 30);
        assert!(most.iter().filter(|&&share| share < 0.25).count() > 30);
    }

    #[test]
    fn some_grids_have_a_dead_zone_and_no_product_in_it() {
        let grids: Vec<FieldGrid> = (0..GRIDS).map(|grid| FieldGrid::draw(7, grid)).collect();
        let zones = grids.iter().filter_map(|field| Some((field, field.dead_zone?)));
        for (field, [left, top, right, bottom]) in zones.clone() {
            let inside =
                |(x, y): (f64, f64)| (left..=right).contains(&x) && (top..=bottom).contains(&y);
            assert!(!inside(field.close_button));
            assert!(
                !field.layouts.iter().flat_map(|layout| &layout.products).any(|p| inside(p.place))
            );
        }
        assert!((60..=150).contains(&zones.count()));
    }

    #[test]
    fn json_gives_the_grid_back() {
        let field = FieldGrid::draw(7, 1);
        let json = serde_json::to_string(&field).unwrap();
        assert_eq!(serde_json::from_str::<FieldGrid>(&json).unwrap(), field);
    }
}
