//! [`FieldLayout`]: one arrangement of the products of a grid, drawn at random.
//!
//! [`super::Layout`] moves and stretches five well-known arrangements. Here the arrangement itself
//! is drawn: tables of any shape, rows of unequal length, one large product with small ones, a
//! ring, free places. What the layouts of one grid share, a [`Style`], is drawn before them, so
//! that the size of its blobs does not give away the foreign layout.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::field_draws::{log_normal, weighted};
use super::{Cluster, Span};
use crate::{Grid, Point};

/// A blob of clicks, in fractions of the banner's width and height.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldBlob {
    /// Middle of the blob.
    pub place: (f64, f64),
    /// Standard deviations along x and y.
    pub sigma: (f64, f64),
    /// How many clicks it has relative to the other blobs.
    pub weight: f64,
}

/// One arrangement of products on a banner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldLayout {
    /// The blob of clicks of each product; a layout that was drawn has at least two.
    pub products: Vec<FieldBlob>,
}

/// What the layouts of one grid have in common.
pub(super) struct Style {
    /// Standard deviation of a blob as a share of the cell that its product fills.
    size: f64,
    /// Where in its cell a product is clicked: offset from the middle, as a share of the cell.
    aim: (f64, f64),
    /// Standard deviation of the logarithm of the weights.
    unevenness: f64,
}

/// The cell of a product: its middle, then its width and height, in fractions of the area for
/// products.
type Cell = ((f64, f64), (f64, f64));

impl FieldBlob {
    /// Makes a cluster of `clicks` clicks on `grid` of this blob.
    pub(super) fn cluster(&self, grid: &Grid, clicks: u32) -> Cluster {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        let centre = Point { x: self.place.0 * width, y: self.place.1 * height };
        Cluster::axis_aligned(centre, self.sigma.0 * width, self.sigma.1 * height, clicks)
    }
}

impl Style {
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        let aim = Span::new(-0.2, 0.2);
        Self {
            size: Span::new(0.06, 0.2).draw(rng),
            aim: (aim.draw(rng), aim.draw(rng)),
            unevenness: Span::new(0.2, 1.0).draw(rng),
        }
    }
}

impl FieldLayout {
    /// Columns and rows of the map on which layouts are compared.
    const MAP: (usize, usize) = (30, 24);
    /// Standard deviation by which each blob is widened for that: about as far as banners are
    /// moved.
    const BLUR: f64 = 0.04;

    /// Draws a layout of 2 to 12 products.
    pub(super) fn draw(style: &Style, rng: &mut impl Rng) -> Self {
        let (cells, large) = cells(rng);
        // The area for products: a headline or a line of small print may take the rest.
        let left = Span::new(0.0, 0.1).draw(rng);
        let width = Span::new(0.88, 1.0).draw(rng) - left;
        let top = Span::new(0.0, 0.3).draw(rng);
        let height = Span::new(0.75, 1.0).draw(rng) - top;
        // Each product is moved a little within its cell.
        let own = Span::new(-0.06, 0.06);
        let size = Span::new(0.75, 1.3);
        let product = |(at, &((x, y), (w, h))): (usize, &Cell)| {
            let x = left + width * (x + w * (style.aim.0 + own.draw(rng)));
            let y = top + height * (y + h * (style.aim.1 + own.draw(rng)));
            let sigma = |cell: f64, factor: f64| (cell * style.size * factor).clamp(0.012, 0.09);
            let sigma = (sigma(w * width, size.draw(rng)), sigma(h * height, size.draw(rng)));
            let weight = log_normal(style.unevenness, rng);
            let weight =
                if large == Some(at) { weight * Span::new(1.0, 4.0).draw(rng) } else { weight };
            FieldBlob { place: (x.clamp(0.05, 0.95), y.clamp(0.05, 0.95)), sigma, weight }
        };
        Self { products: cells.iter().enumerate().map(product).collect() }
    }

    /// Returns how different the click patterns of two layouts are, from 0 (the same) to 1 (no
    /// overlap).
    ///
    /// This is the total variation, half the sum of the absolute differences of their mean maps.
    /// Each blob is widened by 0.04 of the banner first, so that a small displacement does not
    /// count as a difference.
    pub fn difference(&self, other: &Self) -> f64 {
        0.5 * self.map().iter().zip(other.map()).map(|(a, b)| (a - b).abs()).sum::<f64>()
    }

    /// Returns the expected share of the clicks in each cell of the map, row-major; they sum to 1.
    fn map(&self) -> Vec<f64> {
        let (columns, rows) = Self::MAP;
        let mut map = vec![0.0; columns * rows];
        for product in &self.products {
            let across = axis(columns, product.place.0, product.sigma.0);
            let down = axis(rows, product.place.1, product.sigma.1);
            for (row, down) in map.chunks_exact_mut(columns).zip(down) {
                row.iter_mut()
                    .zip(&across)
                    .for_each(|(cell, across)| *cell += product.weight * down * across);
            }
        }
        let sum = map.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        map.iter_mut().for_each(|cell| *cell /= sum);
        map
    }
}

/// The shares of the cells along one axis in a Gaussian, widened by `BLUR`.
fn axis(cells: usize, middle: f64, sigma: f64) -> Vec<f64> {
    let sigma = libm::hypot(sigma, FieldLayout::BLUR);
    let density = |at: usize| {
        let z = ((at as f64 + 0.5) / cells as f64 - middle) / sigma;
        libm::exp(-0.5 * z * z)
    };
    let values: Vec<f64> = (0..cells).map(density).collect();
    let sum = values.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    values.into_iter().map(|value| value / sum).collect()
}

/// Draws the cells of an arrangement, and the index of the large one if there is one.
fn cells(rng: &mut impl Rng) -> (Vec<Cell>, Option<usize>) {
    match weighted(&[3.0, 2.0, 2.0, 1.0, 2.0], rng) {
        0 => loop {
            let (rows, columns) = (rng.random_range(1..=4_usize), rng.random_range(1..=4_usize));
            if (2..=12).contains(&(rows * columns)) {
                break (table(&vec![columns; rows], columns, 0.0), None);
            }
        },
        1 => loop {
            let rows: Vec<usize> =
                (0..rng.random_range(2..=3)).map(|_| rng.random_range(1..=4)).collect();
            let most = rows.iter().copied().fold(0, usize::max);
            if rows.iter().any(|&row| row != most) {
                // Short rows are spread out, or stand at the left, in the middle or at the right.
                let spread = rng.random_bool(0.5);
                let side = f64::from(rng.random_range(0..=2_u32)) / 2.0;
                break (table(&rows, if spread { 0 } else { most }, side), None);
            }
        },
        2 => one_large(rng),
        3 => (ring(rng), None),
        _ => (free(rng), None),
    }
}

/// Lays out rows with these numbers of products. `slots` is the number of products that would fill
/// a row; 0 spreads each row out. `side` is where short rows stand, from 0 (left) to 1 (right).
fn table(rows: &[usize], slots: usize, side: f64) -> Vec<Cell> {
    let height = 1.0 / rows.len() as f64;
    let row = |(at, &products): (usize, &usize)| {
        let width = 1.0 / if slots == 0 { products } else { slots } as f64;
        let start = side * (1.0 - width * products as f64);
        let y = (at as f64 + 0.5) * height;
        (0..products)
            .map(move |column| ((start + (column as f64 + 0.5) * width, y), (width, height)))
    };
    rows.iter().enumerate().flat_map(row).collect()
}

/// Places one large product, and 2 to 4 small ones in a line at any of its sides.
fn one_large(rng: &mut impl Rng) -> (Vec<Cell>, Option<usize>) {
    let small = rng.random_range(2..=4_usize);
    let large = Span::new(0.45, 0.7).draw(rng);
    let (mirrored, turned) = (rng.random_bool(0.5), rng.random_bool(0.5));
    let length = 1.0 / small as f64;
    let line = (0..small).map(|at| {
        ((large + (1.0 - large) / 2.0, (at as f64 + 0.5) * length), (1.0 - large, length))
    });
    let place = |((x, y), (w, h)): Cell| {
        let x = if mirrored { 1.0 - x } else { x };
        if turned { ((y, x), (h, w)) } else { ((x, y), (w, h)) }
    };
    let cells =
        std::iter::once(((large / 2.0, 0.5), (large, 1.0))).chain(line).map(place).collect();
    (cells, Some(0))
}

/// Places 4 to 7 products in a ring around the middle.
fn ring(rng: &mut impl Rng) -> Vec<Cell> {
    let products = rng.random_range(4..=7_u32);
    let turn = std::f64::consts::TAU / f64::from(products);
    let first = Span::new(0.0, turn).draw(rng);
    let place = |at| {
        let angle = first + turn * f64::from(at);
        ((0.5 + 0.36 * libm::cos(angle), 0.5 + 0.36 * libm::sin(angle)), (0.28, 0.28))
    };
    (0..products).map(place).collect()
}

/// Places 2 to 7 products anywhere, at least a quarter of the area apart.
fn free(rng: &mut impl Rng) -> Vec<Cell> {
    let products = rng.random_range(2..=7_usize);
    let span = Span::new(0.08, 0.92);
    let mut cells: Vec<Cell> = Vec::with_capacity(products);
    // Seven discs of that distance cover half of the area; where the first ones leave no room there
    // are fewer products.
    for _ in 0..1_000 {
        let (x, y) = (span.draw(rng), span.draw(rng));
        if cells.len() < products
            && cells.iter().all(|&((a, b), _)| libm::hypot(x - a, y - b) >= 0.25)
        {
            cells.push(((x, y), (0.28, 0.28)));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SampleRng, sample_rng};

    fn drawn(index: u64) -> FieldLayout {
        let rng: &mut SampleRng = &mut sample_rng(1, index);
        FieldLayout::draw(&Style::draw(rng), rng)
    }

    #[test]
    fn products_stand_on_the_banner_and_their_numbers_differ() {
        let mut numbers = std::collections::BTreeSet::new();
        for index in 0..1_000 {
            let layout = drawn(index);
            numbers.insert(layout.products.len());
            for product in layout.products {
                let (x, y) = product.place;
                assert!((0.05..=0.95).contains(&x) && (0.05..=0.95).contains(&y), "{product:?}");
                assert!(product.sigma.0 <= 0.09 && product.sigma.1 <= 0.09 && product.weight > 0.0);
            }
        }
        assert!(numbers.first() >= Some(&2) && numbers.last() <= Some(&12), "{numbers:?}");
        assert!((2..=9).all(|products| numbers.contains(&products)), "{numbers:?}");
    }

    #[test]
    fn a_layout_repeats_and_is_not_different_from_itself() {
        assert_eq!(drawn(3), drawn(3));
        assert_eq!(drawn(3).difference(&drawn(3)), 0.0);
    }

    #[test]
    fn the_difference_is_that_of_total_variation() {
        let blob = |x, y, weight| FieldBlob { place: (x, y), sigma: (0.01, 0.01), weight };
        let layout = |products: &[FieldBlob]| FieldLayout { products: products.to_vec() };
        let both = layout(&[blob(0.2, 0.2, 3.0), blob(0.8, 0.8, 1.0)]);
        assert!((both.difference(&layout(&[blob(0.2, 0.2, 9.0)])) - 0.25).abs() < 1e-3);
        assert!(both.difference(&layout(&[blob(0.8, 0.2, 1.0)])) > 0.999);
        // Moved by a quarter of the standard deviation 0.041: about erf(0.125 / sqrt(2)) = 0.1.
        let moved = both.difference(&layout(&[blob(0.21, 0.2, 3.0), blob(0.81, 0.8, 1.0)]));
        assert!((0.08..0.12).contains(&moved), "{moved}");
    }

    #[test]
    fn rows_fill_their_slots() {
        let middles = |cells: Vec<Cell>| cells.iter().map(|cell| cell.0.0).collect::<Vec<_>>();
        assert_eq!(middles(table(&[2, 1], 2, 0.5)), [0.25, 0.75, 0.5]);
        assert_eq!(middles(table(&[2, 1], 2, 1.0)), [0.25, 0.75, 0.75]);
        assert_eq!(middles(table(&[4, 2], 0, 0.5)), [0.125, 0.375, 0.625, 0.875, 0.25, 0.75]);
    }
}
