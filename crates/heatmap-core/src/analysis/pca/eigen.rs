//! Eigenvalues and eigenvectors of a symmetric matrix, the largest first.

use faer::{Mat, MatRef, Side};

use crate::{Error, Result};

/// Returns the eigenvalues of a symmetric matrix, the largest first, and their vectors as columns.
/// Only the lower triangle is read.
pub(super) fn descending_eigen(matrix: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let eigen = matrix
        .self_adjoint_eigen(Side::Lower)
        .map_err(|error| Error::Data(format!("PCA: eigenvalues did not converge ({error:?})")))?;
    let values: Vec<f64> = eigen.S().column_vector().iter().rev().copied().collect();
    Ok((values, eigen.U().reverse_cols().to_owned()))
}
