//! The left side of a product, converted to squares: one for each 16 rows, step and plane.

use std::ops::Range as Span;

use super::super::super::patches::{Patches, Place};
use super::super::aligned::Aligned;
use super::super::prefetch;
use super::range::Lanes;
use super::split::{self, Split, SplitWork, lanes};
use super::{SIDE, STEP, Square, Unit, squares_mut};

/// Where the rows of a left side are.
#[derive(Debug, Clone)]
pub(in super::super) enum Side<'a> {
    /// This many rows, with a distance from one to the next.
    Rows(&'a [f32], usize, usize),
    /// Some columns of a row-major matrix, with a distance from one of its rows to the next.
    Columns(&'a [f32], Span<usize>, usize),
    /// This many patches of an image, of which a step's values lie in one pixel.
    Patches(Patches<'a>, usize),
}

impl Side<'_> {
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Rows(_, rows, _) | Self::Patches(_, rows) => *rows,
            Self::Columns(_, columns, _) => columns.len(),
        }
    }

    /// Returns some values of a row.
    pub(super) fn row(&self, at: usize, part: Span<usize>) -> Vec<f32> {
        match self {
            Self::Rows(values, _, stride) => values[at * stride..][part].to_vec(),
            Self::Columns(values, columns, stride) => {
                part.map(|k| values[k * stride + columns.start + at]).collect()
            }
            Self::Patches(patches, _) => {
                let value = |k| patches.values(patches.start(at), patches.place(k), 1).first();
                part.map(|k| value(k).copied().unwrap_or(0.0)).collect()
            }
        }
    }

    /// Converts a part of the inner dimension to squares. Returns the largest magnitude of each
    /// row, as bits, unless values are only rounded.
    pub(super) fn convert(&self, unit: Unit, part: Span<usize>, to: &mut Aligned) -> Vec<u32> {
        let squares = self.rows().div_ceil(SIDE) * part.len().div_ceil(STEP) * unit.terms.planes();
        to.reset(squares * SIDE * SIDE);
        let squares = squares_mut(to);
        split::run(Convert { side: self, part, squares }, unit)
    }

    #[inline(always)]
    fn convert_to<const PLANES: usize>(
        &self,
        split: impl Split,
        part: Span<usize>,
        squares: &mut [Square],
    ) -> Vec<u32> {
        match self {
            Self::Rows(values, rows, stride) => {
                let len = part.len();
                let row = |at: usize| {
                    let row = &values[at * stride..][part.clone()];
                    move |step: usize| &row[step * STEP..(step * STEP + STEP).min(len)]
                };
                rows_to_squares::<PLANES, _>(split, *rows, row, len, squares)
            }
            Self::Patches(patches, rows) => {
                let places: Vec<Place> =
                    part.clone().step_by(STEP).map(|column| patches.place(column)).collect();
                let places = places.as_slice();
                let row = |at: usize| {
                    let start = patches.start(at);
                    move |step: usize| patches.values(start, places[step], STEP)
                };
                rows_to_squares::<PLANES, _>(split, *rows, row, part.len(), squares)
            }
            Self::Columns(values, columns, stride) => {
                let row = |at: usize| &values[(part.start + at) * stride..][columns.clone()];
                columns_to_squares::<PLANES>(split, columns.len(), row, part.len(), squares)
            }
        }
    }
}

/// What is to be converted.
struct Convert<'a> {
    side: &'a Side<'a>,
    part: Span<usize>,
    squares: &'a mut [Square],
}

impl SplitWork for Convert<'_> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn run<const PLANES: usize>(self, split: impl Split) -> Vec<u32> {
        self.side.convert_to::<PLANES>(split, self.part, self.squares)
    }
}

/// Converts `rows` rows of `len` values; of each, `row` gives those of a step, or none for zeros.
#[inline(always)]
fn rows_to_squares<'a, const PLANES: usize, R: Fn(usize) -> &'a [f32]>(
    split: impl Split,
    rows: usize,
    row: impl Fn(usize) -> R,
    len: usize,
    squares: &mut [Square],
) -> Vec<u32> {
    let mut all = Vec::with_capacity(if PLANES > 1 { rows } else { 0 });
    let steps = len.div_ceil(STEP);
    for (at, squares) in squares.chunks_exact_mut(steps * PLANES).enumerate() {
        for place in 0..SIDE {
            let at = at * SIDE + place;
            if at >= rows {
                squares.iter_mut().for_each(|square| square[place] = [0.0; SIDE]);
                continue;
            }
            let values = row(at);
            let mut most = Lanes::default();
            for (step, squares) in squares.chunks_exact_mut(PLANES).enumerate() {
                let values = values(step);
                let (first, second) =
                    (lanes(values), lanes(values.get(SIDE..).unwrap_or_default()));
                if PLANES > 1 {
                    most.include(&first);
                    most.include(&second);
                }
                let words = split.words::<PLANES>(first, second);
                squares.iter_mut().zip(words).for_each(|(square, words)| square[place] = words);
            }
            if PLANES > 1 {
                all.push(most.bits().fold(0, u32::max));
            }
        }
    }
    all
}

/// Converts the columns of `len` rows, of which each has `columns` values.
#[inline(always)]
fn columns_to_squares<'a, const PLANES: usize>(
    split: impl Split,
    columns: usize,
    row: impl Fn(usize) -> &'a [f32],
    len: usize,
    squares: &mut [Square],
) -> Vec<u32> {
    let steps = len.div_ceil(STEP);
    let mut most = vec![Lanes::default(); columns.div_ceil(SIDE)];
    for step in 0..steps {
        for (at, most) in most.iter_mut().enumerate() {
            let values = |k: usize| {
                if k < len { lanes(&row(k)[at * SIDE..]) } else { [0.0; SIDE] }
            };
            // The next step's rows are far from these, which no processor foresees.
            for k in (step + 1) * STEP..((step + 2) * STEP).min(len) {
                prefetch(&row(k)[at * SIDE..][..1]);
            }
            let mut turned = [[[0.0; SIDE]; SIDE]; PLANES];
            for k in 0..SIDE {
                let (first, second) = (values(step * STEP + k), values(step * STEP + SIDE + k));
                if PLANES > 1 {
                    most.include(&first);
                    most.include(&second);
                }
                let words = split.words::<PLANES>(first, second);
                turned.iter_mut().zip(words).for_each(|(square, words)| square[k] = words);
            }
            let squares = &mut squares[(at * steps + step) * PLANES..][..PLANES];
            for (square, turned) in squares.iter_mut().zip(turned) {
                *square = split.transposed(turned);
            }
        }
    }
    let largest = most.iter().flat_map(Lanes::bits);
    largest.take(if PLANES > 1 { columns } else { 0 }).collect()
}
