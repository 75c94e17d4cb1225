//! Principal component analysis, exact or randomised, of features in f32 or f64.
//!
//! Both solvers work on the shorter side of the data, [samples, features], whichever that is: they
//! look for eigenvectors of the smaller Gram matrix of the centred data. The exact one forms that
//! matrix in f64, whatever the data are. The randomised one only multiplies with it, in the
//! precision of the data with sums in f64 (`pca/krylov.rs`; Halko, Martinsson and Tropp, SIAM
//! Review 2011, and Halko, Martinsson, Shkolnisky and Tygert, SIAM J. Sci. Comput. 2011). Then both
//! compute the directions from the data by one more product, in which a Rayleigh-Ritz step corrects
//! orthogonality and variances.
//!
//! The data are read a block at a time and centred there, so a table that fills half of the memory
//! can be fitted. The result does not depend on the number of threads.

mod blocks;
mod eigen;
mod krylov;
mod pieces;

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::blocks::{Blocks, Mean, column_means};
use self::eigen::descending_eigen;
use self::pieces::{ranges, split_rows};
use super::Element;
use crate::{Error, Result};

/// Up to this length of the shorter side [`PcaSolver::Auto`] is exact: it takes a second at most.
const SMALL: usize = 1_000;
/// Rows and columns that are projected at a time.
const ROWS: usize = 128;
const COLUMNS: usize = 1_024;

/// Configures a principal component analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PcaConfig {
    /// Number of directions to keep.
    pub components: usize,
    /// How the directions are found.
    pub solver: PcaSolver,
}

/// How the directions are found; in JSON `"auto"`, `"exact"` or `{"randomized": {...}}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PcaSolver {
    /// Exact when the shorter side of the data is at most 1,000, or at most about 16 times the
    /// number of directions plus 10, else [`PcaSolver::randomized()`].
    #[default]
    Auto,
    /// Eigenvectors of the smaller Gram matrix: time grows with the square of the shorter side
    /// times the longer, and with the cube of the shorter.
    Exact,
    /// Eigenvectors within the block Krylov space of a random start: the time grows with the size
    /// of the data.
    Randomized {
        /// Number of columns of the random start beyond the number of directions.
        oversamples: usize,
        /// Highest power of the Gram matrix in the basis, at least 1. The data are read once more
        /// than that, and a last time for the directions.
        power_iterations: usize,
        /// Seed of the random start.
        seed: u64,
    },
}

/// A fitted projection to the directions of largest variance.
#[derive(Debug, Clone)]
pub struct Pca {
    mean: Vec<f64>,
    components: Mat<f64>,
    explained_variance: Vec<f64>,
    total_variance: f64,
}

impl Default for PcaConfig {
    fn default() -> Self {
        Self { components: 2, solver: PcaSolver::Auto }
    }
}

impl PcaSolver {
    /// Returns the solver with ten oversamples, four power iterations and seed 0: variances are
    /// within 1e-3 even where the spectrum is nearly flat.
    pub fn randomized() -> Self {
        Self::Randomized { oversamples: 10, power_iterations: 4, seed: 0 }
    }
}

impl PcaConfig {
    /// Fits the projection to the rows of `data`, [samples, features].
    ///
    /// The sign of a direction is chosen so that its largest entry is positive, hence the result is
    /// reproducible.
    ///
    /// # Errors
    /// Returns an error when there are fewer than two samples, a value is not finite, the data span
    /// fewer directions, or the configuration cannot be used.
    pub fn fit<T: Element>(&self, data: MatRef<'_, T>) -> Result<Pca> {
        self.check()?;
        if data.nrows() < 2 || data.ncols() == 0 {
            let (rows, columns) = (data.nrows(), data.ncols());
            return Err(Error::Data(format!(
                "PCA needs two samples and a feature, got {rows} x {columns}"
            )));
        }
        let mean = column_means(data)?;
        let shorter = data.nrows().min(data.ncols());
        if self.components > shorter {
            let asked = self.components;
            return Err(Error::Data(format!(
                "PCA to {asked} directions of data that span at most {shorter}"
            )));
        }
        match self.solver_for(shorter) {
            PcaSolver::Randomized { oversamples, power_iterations, seed } => {
                let blocks = Blocks::<T, T>::new(data, &mean);
                let width = (self.components + oversamples).min(shorter);
                let vectors = krylov::leading_vectors(
                    &blocks,
                    self.components,
                    width,
                    power_iterations,
                    seed,
                )?;
                // Rounding leaves singular values of about epsilon times the largest where there
                // should be none.
                let noise = (16.0 * T::EPSILON).powi(2).max(f64::EPSILON);
                finish(&blocks, vectors.as_ref(), noise * shorter as f64, mean)
            }
            PcaSolver::Auto | PcaSolver::Exact => {
                let blocks = Blocks::<T, f64>::new(data, &mean);
                let (_, vectors) = descending_eigen(blocks.gram().as_ref())?;
                let vectors = vectors.subcols(0, self.components);
                finish(&blocks, vectors, f64::EPSILON * shorter as f64, mean)
            }
        }
    }

    fn check(&self) -> Result<()> {
        if self.components == 0 {
            return Err(Error::config("components", self.components, "must be positive"));
        }
        match self.solver {
            PcaSolver::Randomized { power_iterations: 0, .. } => {
                Err(Error::config("power_iterations", 0, "must be positive"))
            }
            PcaSolver::Randomized { oversamples, .. }
                if self.components.checked_add(oversamples).is_none() =>
            {
                Err(Error::config("oversamples", oversamples, "is too large"))
            }
            _ => Ok(()),
        }
    }

    fn solver_for(&self, shorter: usize) -> PcaSolver {
        match self.solver {
            PcaSolver::Auto if shorter > SMALL && shorter / 16 > self.components + 10 => {
                PcaSolver::randomized()
            }
            PcaSolver::Auto => PcaSolver::Exact,
            chosen => chosen,
        }
    }
}

/// Makes the projection from leading eigenvectors of the Gram matrix, [shorter side, components];
/// variances below `floor` times the largest are rounding.
fn finish<T: Element, S: Element>(
    blocks: &Blocks<'_, T, S>,
    vectors: MatRef<'_, f64>,
    floor: f64,
    mean: Vec<f64>,
) -> Result<Pca> {
    let projected = blocks.project(vectors, blocks.is_wide());
    let (values, rotation) = descending_eigen(projected.gram.as_ref())?;
    let asked = values.len();
    // Rounding may keep equal values from being equal to their mean.
    let samples = blocks.samples() as f64;
    let rounding =
        mean.iter().map(|mean| (4.0 * f64::EPSILON * mean).powi(2)).sum::<f64>() * samples;
    let span =
        values.iter().filter(|&&value| value > rounding && value > values[0] * floor).count();
    if span < asked {
        return Err(Error::Data(format!("PCA to {asked} directions of data that span {span}")));
    }
    let mut components = match projected.rows {
        // These directions of features still have the lengths of the singular values.
        Some(rows) => rows * Mat::from_fn(asked, asked, |i, j| rotation[(i, j)] / values[j].sqrt()),
        None => vectors * rotation,
    };
    for direction in components.col_iter_mut() {
        let largest = direction
            .as_ref()
            .iter()
            .fold(0.0_f64, |best, &v| if v.abs() > best.abs() { v } else { best });
        direction.iter_mut().for_each(|v| *v *= largest.signum());
    }
    let unbiased = samples - 1.0;
    Ok(Pca {
        mean,
        components,
        explained_variance: values.iter().map(|value| value / unbiased).collect(),
        total_variance: projected.squares / unbiased,
    })
}

impl Pca {
    /// Fits the exact analysis of [`PcaConfig::fit`], to `components` directions.
    ///
    /// # Errors
    /// Returns an error when there are fewer than two samples, a value is not finite, or the data
    /// span fewer directions.
    pub fn fit(data: MatRef<'_, f64>, components: usize) -> Result<Self> {
        PcaConfig { components, solver: PcaSolver::Exact }.fit(data)
    }

    /// Projects rows onto the directions: [samples, features] to [samples, components].
    ///
    /// # Errors
    /// Returns an error when `data` has another number of features than the fit had, or values that
    /// are not finite.
    pub fn transform<T: Element>(&self, data: MatRef<'_, T>) -> Result<Mat<f64>> {
        self.check_features(data)?;
        let mut scores = Mat::zeros(data.nrows(), self.components.ncols());
        let parts = split_rows(scores.as_mut(), ROWS);
        let mean = Mean::new(&self.mean);
        parts.into_par_iter().for_each(|(rows, out)| {
            self.project_rows(data.subrows(rows.start, rows.len()), &mean, out)
        });
        Ok(scores)
    }

    /// Maps coordinates back to features: [samples, components] to [samples, features].
    ///
    /// # Errors
    /// Returns an error when `scores` has another number of columns than there are directions, or
    /// values that are not finite.
    pub fn inverse_transform(&self, scores: MatRef<'_, f64>) -> Result<Mat<f64>> {
        super::check_features(scores)?;
        if scores.ncols() != self.components.ncols() {
            let (want, got) = (self.components.ncols(), scores.ncols());
            return Err(Error::Data(format!("PCA to {want} directions got {got} coordinates")));
        }
        let mut data = Mat::from_fn(scores.nrows(), self.mean.len(), |_, j| self.mean[j]);
        matmul(data.as_mut(), Accum::Add, scores, self.components.transpose(), 1.0, Par::Seq);
        Ok(data)
    }

    /// Returns the Euclidean distance of each row of `data`, [samples, features], to the plane of
    /// the directions, in units of the features: large for a row unlike those of the fit.
    ///
    /// # Errors
    /// Returns an error in the same cases as [`Self::transform`].
    pub fn reconstruction_error<T: Element>(&self, data: MatRef<'_, T>) -> Result<Vec<f64>> {
        self.check_features(data)?;
        let mut errors = Mat::zeros(data.nrows(), 1);
        let (parts, mean) = (split_rows(errors.as_mut(), ROWS), Mean::new(&self.mean));
        parts.into_par_iter().for_each(|(rows, out)| {
            let data = data.subrows(rows.start, rows.len());
            let mut scores = Mat::zeros(data.nrows(), self.components.ncols());
            self.project_rows(data, &mean, scores.as_mut());
            // The residual itself, because the difference of two squared lengths would lose half of
            // the digits.
            let (mut scratch, mut squares) = (Vec::new(), vec![0.0; data.nrows()]);
            for columns in ranges(0..data.ncols(), COLUMNS) {
                let mut rest = mean
                    .centred(
                        data.subcols(columns.start, columns.len()),
                        columns.start,
                        &mut scratch,
                    )
                    .to_owned();
                let directions = self.components.subrows(columns.start, columns.len());
                matmul(
                    rest.as_mut(),
                    Accum::Add,
                    scores.as_ref(),
                    directions.transpose(),
                    -1.0,
                    Par::Seq,
                );
                for column in rest.col_iter() {
                    squares.iter_mut().zip(column.iter()).for_each(|(sum, v)| *sum += v * v);
                }
            }
            out.col_mut(0).iter_mut().zip(squares).for_each(|(out, sum)| *out = sum.sqrt());
        });
        Ok(errors.col(0).iter().copied().collect())
    }

    /// The directions, [features, components], orthonormal.
    pub fn components(&self) -> MatRef<'_, f64> {
        self.components.as_ref()
    }

    /// Mean of each feature in the fit.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Variance along each direction, with n - 1 in the denominator.
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }

    /// Share of the variance of the data along each direction, 0 to 1.
    pub fn explained_variance_ratio(&self) -> Vec<f64> {
        self.explained_variance.iter().map(|v| v / self.total_variance).collect()
    }

    /// Computes the coordinates of a few rows, a block of columns at a time, in f64.
    fn project_rows<T: Element>(
        &self,
        data: MatRef<'_, T>,
        mean: &Mean<f64>,
        mut out: faer::MatMut<'_, f64>,
    ) {
        let mut scratch = Vec::new();
        for columns in ranges(0..data.ncols(), COLUMNS) {
            let block = mean.centred(
                data.subcols(columns.start, columns.len()),
                columns.start,
                &mut scratch,
            );
            let directions = self.components.subrows(columns.start, columns.len());
            matmul(out.as_mut(), Accum::Add, block, directions, 1.0, Par::Seq);
        }
    }

    fn check_features<T: Element>(&self, data: MatRef<'_, T>) -> Result<()> {
        super::check_features(data)?;
        if data.ncols() != self.mean.len() {
            return Err(Error::Data(format!(
                "PCA of {} features got {}",
                self.mean.len(),
                data.ncols()
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
