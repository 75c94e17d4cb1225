//! Products on a matrix unit, against those of vectors and against f64.

use heatmap_core::sample_rng;
use rand::RngExt;

use super::super::buffer::Buffer;
use super::unit::Terms;
use super::{Multiplier, Packed, Source, add_columns_product, parallel_product};

/// Numbers of either sign, with all bits of the mantissa.
fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut random = sample_rng(seed, 0);
    (0..len).map(|_| (0..4).map(|_| random.random_range(-0.5_f32..0.5)).sum()).collect()
}

fn product_with(
    multiplier: Multiplier,
    (left, right): (&[f32], &[f32]),
    inner: usize,
    columns: usize,
) -> Vec<f32> {
    let packed = Packed::new(Source::Rows(right, columns), inner, columns, multiplier);
    parallel_product(left, left.len() / inner, &packed).to_vec()
}

/// Returns the largest error of a product against f64, in units of the largest value.
fn error((rows, inner, columns): (usize, usize, usize), multiplier: Multiplier) -> f64 {
    let (left, right) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
    let out = product_with(multiplier, (&left, &right), inner, columns);
    let (mut worst, mut largest) = (0.0_f64, 0.0_f64);
    for (at, found) in out.iter().enumerate() {
        let (row, column) = (at / columns, at % columns);
        let left = &left[row * inner..(row + 1) * inner];
        let right = right[column..].iter().step_by(columns);
        let terms = left.iter().zip(right).map(|(one, other)| f64::from(*one) * f64::from(*other));
        let expected: f64 = terms.sum();
        worst = worst.max((expected - f64::from(*found)).abs());
        largest = largest.max(expected.abs());
    }
    worst / largest
}

fn units(terms: Terms) -> impl Iterator<Item = Multiplier> {
    [Multiplier::emulated(terms)].into_iter().chain(Multiplier::of_unit(terms))
}

#[test]
fn six_products_are_at_least_as_exact_as_f32_and_three_nearly() {
    // Every inner dimension of a ResNet-50 and a ViT-B/16, with the columns that it occurs with.
    for (inner, columns) in [
        (64, 64),
        (64, 256),
        (128, 512),
        (147, 64),
        (256, 128),
        (256, 1024),
        (512, 128),
        (576, 64),
        (768, 768),
        (1024, 512),
        (1152, 128),
        (2048, 512),
        (2304, 256),
        (3072, 768),
        (4608, 512),
    ] {
        let sizes = (24, inner, columns);
        let plain = error(sizes, Multiplier::Vector);
        // The portable one takes a second for a million values of the right side.
        let small =
            |multiplier: &Multiplier| !multiplier.is_emulated() || inner * columns < 300_000;
        for multiplier in units(Terms::Six).filter(small) {
            let six = error(sizes, multiplier);
            assert!(six <= plain, "{sizes:?}, {multiplier:?}: {six:e}, f32: {plain:e}");
        }
        for multiplier in units(Terms::Three).filter(small) {
            let three = error(sizes, multiplier);
            assert!(three < 1e-5, "{sizes:?}, {multiplier:?}: {three:e}");
        }
    }
}

/// Checks that numbers are the same as others, up to rounding in units of the largest.
fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    let finite = expected.iter().filter(|value| value.is_finite());
    let largest = finite.fold(0.0_f32, |most, value| most.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        // The last place of the smallest numbers.
        let near = (found - expected).abs() <= largest * 1e-5 + 3e-45;
        let same = found.to_bits() == expected.to_bits();
        let nan = found.is_nan() && expected.is_nan();
        assert!(near || same || nan, "{what}: {found:e}, not {expected:e}");
    }
}

#[test]
fn values_that_cannot_be_split_are_multiplied_in_f32() {
    const SIZES: (usize, usize, usize) = (40, 300, 130);
    let (rows, inner, columns) = SIZES;
    for special in [1e-38, 1e-44, f32::MAX, f32::INFINITY, f32::NAN] {
        let (mut left, right) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
        // All of a row is as small, so that nothing larger hides it; one large value is enough.
        let some = if special < 1.0 { inner } else { 1 };
        left[3 * inner..3 * inner + some].iter_mut().for_each(|value| *value *= special);
        let of_left = product_with(Multiplier::Vector, (&left, &right), inner, columns);
        // With both sides transposed and swapped, so that such values are on the right one.
        let turned = |values: &[f32], columns: usize| -> Vec<f32> {
            let rows = values.len() / columns;
            (0..values.len()).map(|at| values[at % rows * columns + at / rows]).collect()
        };
        let (other_left, other_right) = (turned(&right, columns), turned(&left, inner));
        let of_right = product_with(Multiplier::Vector, (&other_left, &other_right), inner, rows);
        for multiplier in units(Terms::Six).chain(units(Terms::Three)) {
            let found = product_with(multiplier, (&left, &right), inner, columns);
            let row = 3 * columns..4 * columns;
            assert_close(
                &found[row.clone()],
                &of_left[row],
                &format!("{special:e}, {multiplier:?}"),
            );
            let other = product_with(multiplier, (&other_left, &other_right), inner, rows);
            let column = |of: &[f32]| of[3..].iter().step_by(rows).copied().collect::<Vec<_>>();
            let what = format!("{special:e}, {multiplier:?}, on the right");
            assert_close(&column(&other), &column(&of_right), &what);
            // The left side by columns, all rows at once.
            let packed = Packed::new(Source::Rows(&right, columns), inner, columns, multiplier);
            let mut by_columns = vec![0.0; rows * columns];
            let side = turned(&left, inner);
            let copy = &mut Buffer::default();
            add_columns_product((&side, rows), 0..rows, &packed, &mut by_columns, false, copy);
            let mut both = by_columns.iter().zip(&found);
            let same = both.all(|(one, other)| one.to_bits() == other.to_bits());
            assert!(same, "{special:e}, {multiplier:?}, by columns");
        }
    }
}

#[test]
fn a_unit_gives_what_the_portable_one_gives() {
    for terms in [Terms::One, Terms::Three, Terms::Six] {
        let Some(unit) = Multiplier::of_unit(terms) else { continue };
        for (rows, inner, columns) in
            [(1, 256, 128), (16, 300, 129), (17, 900, 161), (70, 256, 384)]
        {
            let (left, right) = (numbers(rows * inner, 3), numbers(inner * columns, 4));
            let of = |multiplier| product_with(multiplier, (&left, &right), inner, columns);
            let (found, expected) = (of(unit), of(Multiplier::emulated(terms)));
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-4, "{terms:?}: {found}, not {expected}");
            }
        }
    }
}
