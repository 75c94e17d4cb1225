//! A matrix unit in portable Rust: the reference for the others.

use super::super::word::values;
use super::sides::{Sides, Tile};
use super::{SIDE, Square, Terms};

/// Computes a tile, as the matrix unit would.
pub(super) fn multiply(sides: Sides<'_>, out: &mut Tile) {
    let planes = sides.terms.planes();
    let rows = [Some(sides.upper), sides.lower];
    for (half, left) in rows.into_iter().enumerate() {
        let Some(left) = left else { continue };
        let out = &mut out[half * SIDE..][..SIDE];
        out.as_flattened_mut().fill(0.0);
        let steps = left.chunks_exact(planes).zip(sides.right.chunks_exact(2 * planes));
        for (left, right) in steps {
            for (plane, other) in terms(sides.terms) {
                for column in 0..2 {
                    add(&left[*plane], &right[2 * other + column], column * SIDE, out);
                }
            }
        }
    }
}

/// Returns the planes of both sides that are multiplied.
fn terms(terms: Terms) -> &'static [(usize, usize)] {
    match terms {
        Terms::One => &[(0, 0)],
        Terms::Three => &[(1, 0), (0, 0), (0, 1)],
        Terms::Six => &[(2, 0), (0, 0), (1, 0), (1, 1), (0, 1), (0, 2)],
    }
}

/// Adds the product of two squares: the first values of all words, and the second.
fn add(left: &Square, right: &Square, column: usize, out: &mut [[f32; 2 * SIDE]]) {
    for (left, out) in left.iter().zip(out) {
        let mut sums = [[0.0_f32; SIDE]; 2];
        for (left, right) in left.iter().zip(right) {
            let left = values(*left);
            for (lane, right) in right.iter().enumerate() {
                let right = values(*right);
                sums[0][lane] += left.0 * right.0;
                sums[1][lane] += left.1 * right.1;
            }
        }
        for (lane, out) in out[column..column + SIDE].iter_mut().enumerate() {
            *out += sums[0][lane] + sums[1][lane];
        }
    }
}
