//! [`Blocks`]: the centred data a block at a time, and their products.
//!
//! The data are seen with their longer side down: `B` is [longer, shorter], so that `B^T B` is the
//! smaller Gram matrix whichever way the table lies. A block is some rows of `B`, copied in the
//! order in which the table lies in memory and centred on the way: centring within a product would
//! subtract large numbers where means are large. Sums over blocks are in f64 and in an order that
//! does not depend on threads.

use std::ops::Range;

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};
use rayon::prelude::*;

use super::pieces::{ranges, split_rows};
use crate::analysis::{Element, check_features};
use crate::{Error, Result};

/// Numbers in a block: as many as the cache of a core and its share of the common cache hold.
const BLOCK: usize = 900_000;
/// Sums that are kept apart, and so the most threads that a product can use.
const CHUNKS: usize = 32;
/// Side of the tiles of a Gram matrix, and blocks that are loaded for all of them at a time.
const TILE: usize = 192;
const LOADED: usize = 8;

/// Data of type `T`, whose blocks are of type `S`.
pub(super) struct Blocks<'a, T, S> {
    data: MatRef<'a, T>,
    mean: Mean<S>,
}

/// Mean of each column in two parts: rounded to the blocks' precision, and what that leaves out.
pub(super) struct Mean<S> {
    high: Vec<S>,
    low: Vec<S>,
}

/// `Z = B Q` for some vectors `Q`.
pub(super) struct Projected {
    /// `Z`, [longer, vectors], where asked for.
    pub(super) rows: Option<Mat<f64>>,
    /// `Z^T Z`.
    pub(super) gram: Mat<f64>,
    /// Sum of the squares of `B`.
    pub(super) squares: f64,
}

impl<'a, T: Element, S: Element> Blocks<'a, T, S> {
    pub(super) fn new(data: MatRef<'a, T>, mean: &[f64]) -> Self {
        Self { data, mean: Mean::new(mean) }
    }

    pub(super) fn samples(&self) -> usize {
        self.data.nrows()
    }

    /// Whether features are the longer side.
    pub(super) fn is_wide(&self) -> bool {
        self.data.nrows() <= self.data.ncols()
    }

    pub(super) fn shorter(&self) -> usize {
        self.data.nrows().min(self.data.ncols())
    }

    fn longer(&self) -> usize {
        self.data.nrows().max(self.data.ncols())
    }

    /// Number of rows in a block.
    fn block(&self) -> usize {
        (BLOCK / self.shorter()).clamp(32, 65_536)
    }

    /// Number of rows in a chunk, which has whole blocks.
    fn chunk(&self) -> usize {
        self.longer().div_ceil(self.block()).div_ceil(CHUNKS) * self.block()
    }

    /// Loads some rows of `B`, centred.
    fn load<'s>(&self, rows: Range<usize>, scratch: &'s mut Vec<S>) -> MatRef<'s, S> {
        if self.is_wide() {
            self.mean
                .centred(self.data.subcols(rows.start, rows.len()), rows.start, scratch)
                .transpose()
        } else {
            self.mean.centred(self.data.subrows(rows.start, rows.len()), 0, scratch)
        }
    }

    /// Computes `B^T B Q` for `vectors` `Q`, [shorter, vectors].
    pub(super) fn gram_times(&self, vectors: MatRef<'_, f64>) -> Mat<f64> {
        let (width, vectors) = (vectors.ncols(), converted::<f64, S>(vectors));
        let chunks: Vec<Range<usize>> = ranges(0..self.longer(), self.chunk()).collect();
        let sum_of = |chunk: Range<usize>| {
            let mut scratch = Vec::with_capacity(self.block() * self.shorter());
            // Transposed: the kernels are a fifth faster this way.
            let mut narrow = Mat::zeros(width, self.block());
            let mut part = Mat::zeros(width, self.shorter());
            let mut sum = Mat::zeros(width, self.shorter());
            for rows in ranges(chunk, self.block()) {
                let mut narrow = narrow.subcols_mut(0, rows.len());
                let block = self.load(rows, &mut scratch);
                matmul(
                    narrow.as_mut().transpose_mut(),
                    Accum::Replace,
                    block,
                    &vectors,
                    S::rounded(1.0),
                    Par::Seq,
                );
                matmul(
                    part.as_mut(),
                    Accum::Replace,
                    narrow.as_ref(),
                    block,
                    S::rounded(1.0),
                    Par::Seq,
                );
                add(&mut sum, part.as_ref());
            }
            sum
        };
        let sums: Vec<Mat<f64>> = chunks.into_par_iter().map(sum_of).collect();
        let sum = sums.into_iter().reduce(|sum, part| sum + part).expect("there are rows");
        sum.transpose().to_owned()
    }

    /// Computes `Z = B Q` for `vectors` `Q`, [shorter, vectors], and the sums of one pass over the
    /// data.
    pub(super) fn project(&self, vectors: MatRef<'_, f64>, keep_rows: bool) -> Projected {
        let (width, vectors) = (vectors.ncols(), converted::<f64, S>(vectors));
        let mut kept = Mat::zeros(if keep_rows { self.longer() } else { 0 }, width);
        let parts: Vec<_> = if keep_rows {
            split_rows(kept.as_mut(), self.chunk())
                .into_iter()
                .map(|(rows, part)| (rows, Some(part)))
                .collect()
        } else {
            ranges(0..self.longer(), self.chunk()).map(|rows| (rows, None)).collect()
        };
        let sums: Vec<(Mat<f64>, f64)> = parts
            .into_par_iter()
            .map(|(chunk, mut kept)| {
                let (first, mut scratch) =
                    (chunk.start, Vec::with_capacity(self.block() * self.shorter()));
                let (mut gram, mut squares) = (Mat::zeros(width, width), 0.0);
                for rows in ranges(chunk, self.block()) {
                    let block = self.load(rows.clone(), &mut scratch);
                    let mut narrow = Mat::<S>::zeros(rows.len(), width);
                    matmul(
                        narrow.as_mut(),
                        Accum::Replace,
                        block,
                        &vectors,
                        S::rounded(1.0),
                        Par::Seq,
                    );
                    let narrow = converted::<S, f64>(narrow.as_ref());
                    matmul(gram.as_mut(), Accum::Add, narrow.transpose(), &narrow, 1.0, Par::Seq);
                    squares += sum_of_squares(&scratch);
                    if let Some(kept) = &mut kept {
                        kept.as_mut()
                            .subrows_mut(rows.start - first, rows.len())
                            .copy_from(&narrow);
                    }
                }
                (gram, squares)
            })
            .collect();
        let sum =
            sums.into_iter().reduce(|(gram, squares), part| (gram + part.0, squares + part.1));
        let (gram, squares) = sum.expect("there are rows");
        Projected { rows: keep_rows.then_some(kept), gram, squares }
    }
}

impl<T: Element> Blocks<'_, T, f64> {
    /// Computes the lower triangle of `B^T B`, [shorter, shorter]; what is above it must not be
    /// used.
    pub(super) fn gram(&self) -> Mat<f64> {
        let sides: Vec<Range<usize>> = ranges(0..self.shorter(), TILE).collect();
        let mut tiles: Vec<(&Range<usize>, &Range<usize>, Mat<f64>)> = Vec::new();
        for (at, down) in sides.iter().enumerate() {
            tiles.extend(
                sides[..=at]
                    .iter()
                    .map(|across| (down, across, Mat::zeros(down.len(), across.len()))),
            );
        }
        let mut scratches = vec![Vec::new(); LOADED];
        for group in ranges(0..self.longer(), LOADED * self.block()) {
            let rows: Vec<Range<usize>> = ranges(group, self.block()).collect();
            let loaded: Vec<MatRef<'_, f64>> = scratches
                .par_iter_mut()
                .zip(rows)
                .map(|(scratch, rows)| self.load(rows, scratch))
                .collect();
            tiles.par_iter_mut().for_each(|(down, across, tile)| {
                for block in &loaded {
                    let left = block.subcols(down.start, down.len()).transpose();
                    matmul(
                        tile.as_mut(),
                        Accum::Add,
                        left,
                        block.subcols(across.start, across.len()),
                        1.0,
                        Par::Seq,
                    );
                }
            });
        }
        let mut gram = Mat::zeros(self.shorter(), self.shorter());
        for (down, across, tile) in tiles {
            gram.as_mut()
                .submatrix_mut(down.start, across.start, down.len(), across.len())
                .copy_from(tile);
        }
        gram
    }
}

/// Returns the mean of each column.
///
/// # Errors
/// Returns an error when a value is not finite.
pub(super) fn column_means<T: Element>(data: MatRef<'_, T>) -> Result<Vec<f64>> {
    let (rows, columns) = (data.nrows(), data.ncols());
    let sums: Vec<f64> = if rows <= columns {
        let parts: Vec<_> = ranges(0..columns, (BLOCK / rows).clamp(32, 65_536)).collect();
        parts
            .into_par_iter()
            .flat_map_iter(|part| column_sums(data.subcols(part.start, part.len())))
            .collect()
    } else {
        let parts: Vec<_> =
            ranges(0..rows, (BLOCK / columns).max(32).max(rows.div_ceil(1_024))).collect();
        let sums: Vec<Vec<f64>> = parts
            .into_par_iter()
            .map(|part| column_sums(data.subrows(part.start, part.len())))
            .collect();
        (0..columns).map(|column| sums.iter().map(|sum| sum[column]).sum()).collect()
    };
    // A value that is not finite makes its sum so, too; then `check_features` finds and names it.
    if sums.iter().any(|sum| !sum.is_finite()) {
        check_features(data)?;
        return Err(Error::Data("features are too large to be added up".to_owned()));
    }
    Ok(sums.into_iter().map(|sum| sum / rows as f64).collect())
}

fn column_sums<T: Element>(data: MatRef<'_, T>) -> Vec<f64> {
    let mut sums = vec![0.0; data.ncols()];
    if data.col_stride() == 1 {
        for row in data.row_iter() {
            let row = row.try_as_row_major().expect("columns are one apart").as_slice();
            sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum += v.into());
        }
    } else {
        sums.iter_mut()
            .zip(data.col_iter())
            .for_each(|(sum, column)| *sum = column.iter().map(|&v| v.into()).sum());
    }
    sums
}

impl<S: Element> Mean<S> {
    pub(super) fn new(mean: &[f64]) -> Self {
        let high: Vec<S> = mean.iter().map(|&mean| S::rounded(mean)).collect();
        let low =
            mean.iter().zip(&high).map(|(&mean, &high)| S::rounded(mean - high.into())).collect();
        Self { high, low }
    }

    /// Returns `data`, whose first column is column `first` of the table, minus the mean of each
    /// column, in the order of memory; `scratch` holds the values. Where means are large,
    /// subtracting one number of low precision would leave a part of them.
    pub(super) fn centred<'s, T: Element>(
        &self,
        data: MatRef<'_, T>,
        first: usize,
        scratch: &'s mut Vec<S>,
    ) -> MatRef<'s, S> {
        let (rows, columns) = (data.nrows(), data.ncols());
        let (high, low) = (&self.high[first..first + columns], &self.low[first..first + columns]);
        scratch.clear();
        if data.col_stride() == 1 {
            for row in data.row_iter() {
                let row = row.try_as_row_major().expect("columns are one apart").as_slice();
                let values = row.iter().zip(high.iter().zip(low));
                scratch.extend(values.map(|(&v, (&high, &low))| S::rounded(v.into()) - high - low));
            }
            MatRef::from_row_major_slice(scratch, rows, columns)
        } else {
            for (column, (&high, &low)) in data.col_iter().zip(high.iter().zip(low)) {
                match column.try_as_col_major() {
                    Some(column) => {
                        scratch.extend(
                            column.as_slice().iter().map(|&v| S::rounded(v.into()) - high - low),
                        );
                    }
                    None => {
                        scratch.extend(column.iter().map(|&v| S::rounded(v.into()) - high - low))
                    }
                }
            }
            MatRef::from_column_major_slice(scratch, rows, columns)
        }
    }
}

fn converted<T: Element, S: Element>(matrix: MatRef<'_, T>) -> Mat<S> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| S::rounded(matrix[(i, j)].into()))
}

fn add<S: Element>(sum: &mut Mat<f64>, part: MatRef<'_, S>) {
    for (sum, part) in sum.col_iter_mut().zip(part.col_iter()) {
        sum.iter_mut().zip(part.iter()).for_each(|(sum, &v)| *sum += v.into());
    }
}

fn sum_of_squares<S: Element>(values: &[S]) -> f64 {
    // Eight sums, because a single one would have to wait for each addition.
    let mut sums = [0.0; 8];
    for values in values.chunks(8) {
        sums.iter_mut().zip(values).for_each(|(sum, &v)| {
            let v: f64 = v.into();
            *sum += v * v;
        });
    }
    sums.iter().sum()
}
