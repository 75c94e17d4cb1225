//! The right side of a product, packed in squares: for each 32 columns, step and plane two of them,
//! side by side.

use std::ops::Range as Span;

use rayon::prelude::*;

use super::super::super::patches::PatchStart;
use super::super::aligned::Aligned;
use super::super::source::Source;
use super::super::word::values as word_values;
use super::range::{Lanes, Range, largest};
use super::split::{self, Split, SplitWork, lanes};
use super::{SIDE, STEP, Square, TILE, Terms, Unit, squares, squares_mut};

/// A matrix `[rows, columns]`, packed for a matrix unit.
#[derive(Debug)]
pub(in super::super) struct Right {
    unit: Unit,
    values: Aligned,
    rows: usize,
    columns: usize,
    range: Range,
}

impl Right {
    /// Makes an empty matrix.
    pub(in super::super) fn new(unit: Unit) -> Self {
        Self { unit, values: Aligned::default(), rows: 0, columns: 0, range: Range::EMPTY }
    }

    /// Packs a matrix, on all threads if they are `shared`, and returns whether planes keep the
    /// precision that is asked for.
    pub(in super::super) fn fill(
        &mut self,
        source: Source<'_>,
        (rows, columns): (usize, usize),
        shared: bool,
    ) -> bool {
        (self.rows, self.columns) = (rows, columns);
        let squares = self.pairs() * 2 * rows.div_ceil(STEP) * self.unit.terms.planes();
        self.values.reset(squares * SIDE * SIDE);
        self.range =
            pack(self.unit, source, (rows, columns), squares_mut(&mut self.values), shared);
        self.unit.terms == Terms::One || self.range.can_be_split()
    }

    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    /// Returns the most rows of a result that a thread computes at a time, so that the planes of
    /// the left side stay in the L2 cache.
    pub(in super::super) fn most_rows(&self) -> usize {
        self.unit.terms.rows()
    }

    pub(in super::super) fn rows(&self) -> usize {
        self.rows
    }

    pub(in super::super) fn columns(&self) -> usize {
        self.columns
    }

    /// Returns how large the values are.
    pub(super) fn range(&self) -> Range {
        self.range
    }

    /// Returns the number of pairs of squares side by side.
    pub(in super::super) fn pairs(&self) -> usize {
        self.columns.div_ceil(TILE)
    }

    /// Returns the squares of a pair, for some steps.
    pub(super) fn squares(&self, pair: usize, steps: Span<usize>) -> &[Square] {
        let each = 2 * self.unit.terms.planes();
        let first = (pair * self.rows.div_ceil(STEP) + steps.start) * each;
        &squares(&self.values)[first..first + steps.len() * each]
    }

    /// Makes the values of some steps again, of their planes, row-major.
    pub(super) fn values(&self, steps: Span<usize>) -> Vec<f32> {
        let rows = (steps.end * STEP).min(self.rows) - steps.start * STEP;
        let mut values = vec![0.0; rows * self.columns];
        for pair in 0..self.pairs() {
            let squares = self.squares(pair, steps.clone());
            let step = |at: usize| at / (2 * self.unit.terms.planes()) * STEP;
            for (at, square) in squares.iter().enumerate() {
                for (row, words) in square.iter().enumerate() {
                    let columns = pair * TILE + at % 2 * SIDE..self.columns;
                    for (column, word) in columns.zip(words) {
                        let (first, second) = word_values(*word);
                        for (row, value) in [(row, first), (SIDE + row, second)] {
                            let place = (step(at) + row) * self.columns + column;
                            if let Some(sum) = values.get_mut(place) {
                                *sum += value;
                            }
                        }
                    }
                }
            }
        }
        values
    }

    #[cfg(test)]
    pub(in super::super) fn bits(&self) -> Vec<u32> {
        self.values.iter().map(|value| value.to_bits()).collect()
    }
}

/// Packs a matrix `[rows, columns]`, on all threads if they are `shared`.
fn pack(
    unit: Unit,
    source: Source<'_>,
    (rows, columns): (usize, usize),
    squares: &mut [Square],
    shared: bool,
) -> Range {
    /// Pairs that are packed together, because rows are read a few hundred bytes at a time.
    const PAIRS: usize = 4;
    let pair = 2 * rows.div_ceil(STEP) * unit.terms.planes();
    if pair == 0 {
        return Range::EMPTY;
    }
    let write = |(at, squares): (usize, &mut [Square])| {
        let some = Pairs { source, rows, columns, first: at * TILE, pairs: squares.len() / pair };
        split::run(Write { some, squares }, unit)
    };
    if !shared {
        return write((0, squares));
    }
    let each = columns.div_ceil(TILE).div_ceil(2 * rayon::current_num_threads()).clamp(1, PAIRS);
    let chunks = squares.par_chunks_mut(each * pair).enumerate();
    chunks.map(|(at, squares)| write((at * each, squares))).reduce(|| Range::EMPTY, Range::and)
}

/// Some pairs of squares of a matrix.
#[derive(Debug, Clone, Copy)]
struct Pairs<'a> {
    source: Source<'a>,
    rows: usize,
    columns: usize,
    /// The first column.
    first: usize,
    pairs: usize,
}

/// What is to be packed.
struct Write<'a> {
    some: Pairs<'a>,
    squares: &'a mut [Square],
}

impl SplitWork for Write<'_> {
    type Output = Range;

    #[inline(always)]
    fn run<const PLANES: usize>(self, split: impl Split) -> Range {
        self.some.write_planes::<PLANES>(split, self.squares)
    }
}

impl Pairs<'_> {
    #[inline(always)]
    fn write_planes<const PLANES: usize>(self, split: impl Split, squares: &mut [Square]) -> Range {
        match self.source {
            Source::Rows(values, stride) => {
                let row = |column: usize| {
                    let some = column.min(self.columns)..(column + SIDE).min(self.columns);
                    move |k: usize| lanes(&values[k * stride..][some.clone()])
                };
                self.rows::<PLANES, _>(split, row, squares)
            }
            Source::Patches(patches) => {
                let starts: Vec<PatchStart> =
                    (0..self.rows).map(|row| patches.start(row)).collect();
                let starts = starts.as_slice();
                let row = |column: usize| {
                    let place = (column < self.columns).then(|| patches.place(column));
                    move |k: usize| match place {
                        Some(place) => lanes(patches.values(starts[k], place, SIDE)),
                        None => [0.0; SIDE],
                    }
                };
                self.rows::<PLANES, _>(split, row, squares)
            }
            Source::Columns(values, stride) => {
                self.columns::<PLANES>(split, values, stride, squares)
            }
        }
    }

    /// Returns where a square is, with the next plane's two places further.
    fn place<const PLANES: usize>(self, pair: usize, step: usize, half: usize) -> usize {
        (pair * self.rows.div_ceil(STEP) + step) * 2 * PLANES + half
    }

    /// Packs rows, of which `row` gives the 16 values from a column on.
    #[inline(always)]
    fn rows<const PLANES: usize, R: Fn(usize) -> [f32; SIDE]>(
        self,
        split: impl Split,
        row: impl Fn(usize) -> R,
        squares: &mut [Square],
    ) -> Range {
        let mut most = vec![Lanes::default(); 2 * self.pairs];
        for step in 0..self.rows.div_ceil(STEP) {
            for (at, most) in most.iter_mut().enumerate() {
                let row = row(self.first + at * SIDE);
                let squares = &mut squares[self.place::<PLANES>(at / 2, step, at % 2)..];
                for k in 0..SIDE {
                    let one = step * STEP + k;
                    let other = one + SIDE;
                    let first = if one < self.rows { row(one) } else { [0.0; SIDE] };
                    let second = if other < self.rows { row(other) } else { [0.0; SIDE] };
                    if PLANES > 1 {
                        most.include(&first);
                        most.include(&second);
                    }
                    let words = split.words::<PLANES>(first, second);
                    let squares = squares.iter_mut().step_by(2);
                    squares.zip(words).for_each(|(square, words)| square[k] = words);
                }
            }
        }
        let mut range = Range::EMPTY;
        most.iter().for_each(|most| range.include_lanes(most));
        range
    }

    #[inline(always)]
    fn columns<const PLANES: usize>(
        self,
        split: impl Split,
        values: &[f32],
        stride: usize,
        squares: &mut [Square],
    ) -> Range {
        let mut range = Range::EMPTY;
        for at in 0..2 * self.pairs {
            let first = self.first + at * SIDE;
            let column = |place: usize| {
                let column = first + place;
                if column < self.columns { &values[column * stride..][..self.rows] } else { &[] }
            };
            for step in 0..self.rows.div_ceil(STEP) {
                let mut turned = [[[0.0; SIDE]; SIDE]; PLANES];
                for place in 0..SIDE {
                    let from = |k: usize| lanes(column(place).get(k..).unwrap_or_default());
                    let words = split.words::<PLANES>(from(step * STEP), from(step * STEP + SIDE));
                    turned.iter_mut().zip(words).for_each(|(square, words)| square[place] = words);
                }
                let squares = &mut squares[self.place::<PLANES>(at / 2, step, at % 2)..];
                for (square, turned) in squares.iter_mut().step_by(2).zip(turned) {
                    *square = split.transposed(turned);
                }
            }
            if PLANES > 1 {
                (0..SIDE).for_each(|place| range.include(largest(column(place))));
            }
        }
        range
    }
}
