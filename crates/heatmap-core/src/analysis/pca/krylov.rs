//! Leading eigenvectors of a Gram matrix that is only ever multiplied with.
//!
//! Halko, Martinsson and Tropp (SIAM Review 2011, algorithm 4.4) multiply a random block with
//! `G = B^T B` again and again, with a QR decomposition after each product lest all columns turn
//! into the first eigenvector, and look for eigenvectors in the span of the last block. Halko,
//! Martinsson, Shkolnisky and Tygert (SIAM J. Sci. Comput. 2011) keep all blocks: the span of
//! `[Q, G Q, ..., G^p Q]` has polynomials of `G` to choose from instead of one power. For as many
//! products the error is that of twice the power or better (Musco and Musco, NIPS 2015), and `G`
//! within the span is known from the products themselves. Each new block is orthogonalised against
//! all before it.

use faer::Mat;
use rand_distr::{Distribution, StandardNormal};

use super::blocks::Blocks;
use super::descending_eigen;
use crate::analysis::Element;
use crate::{Result, sample_rng};

/// Returns approximately the first `count` eigenvectors of `B^T B`, [shorter, count], from a start
/// of `width` random vectors, `width` being from `count` to the shorter side.
pub(super) fn leading_vectors<T: Element, S: Element>(
    blocks: &Blocks<'_, T, S>,
    count: usize,
    width: usize,
    power_iterations: usize,
    seed: u64,
) -> Result<Mat<f64>> {
    let shorter = blocks.shorter();
    let mut rng = sample_rng(seed, 0);
    let start = Mat::from_fn(shorter, width, |_, _| StandardNormal.sample(&mut rng));
    let mut basis = vec![orthonormal_beside(&[], start)];
    let mut products = Vec::new();
    for _ in 0..power_iterations {
        let last = basis.last().expect("it begins with one block");
        products.push(blocks.gram_times(last.as_ref()));
        // When the basis spans everything, which ends the loop, the vectors are exact.
        let room = shorter - basis.iter().map(Mat::ncols).sum::<usize>();
        if room == 0 {
            break;
        }
        let product = products.last().expect("just pushed");
        let next = product.subcols(0, product.ncols().min(room)).to_owned();
        basis.push(orthonormal_beside(&basis, next));
    }
    let last = basis.last().expect("it begins with one block");
    let corner = (products.len() < basis.len()).then(|| blocks.project(last.as_ref(), false).gram);
    let (basis, products) = (beside(&basis), beside(&products));
    // G within the basis, of which only the lower triangle is read: from the products, and from the
    // corner for a last block that has no product.
    let (size, known) = (basis.ncols(), products.ncols());
    let mut within = Mat::zeros(size, size);
    within.as_mut().subcols_mut(0, known).copy_from(basis.transpose() * &products);
    if let Some(corner) = corner {
        within.as_mut().submatrix_mut(known, known, size - known, size - known).copy_from(corner);
    }
    let (_, vectors) = descending_eigen(within.as_ref())?;
    Ok(basis * vectors.subcols(0, count))
}

/// Returns an orthonormal basis of `block` without its parts within `basis`. Columns that have no
/// other parts become any directions outside `basis`.
fn orthonormal_beside(basis: &[Mat<f64>], mut block: Mat<f64>) -> Mat<f64> {
    // Twice is enough for a column of full length (Parlett). Of other columns the first pass leaves
    // only rounding errors, scaled to length 1, which need two more.
    for _ in 0..3 {
        for part in basis {
            let shares = part.transpose() * &block;
            block -= part * shares;
        }
        block = block.qr().compute_thin_Q();
    }
    block
}

/// Puts blocks of columns side by side.
fn beside(blocks: &[Mat<f64>]) -> Mat<f64> {
    let columns: Vec<_> = blocks.iter().flat_map(|block| block.col_iter()).collect();
    let rows = columns.first().map_or(0, |column| column.nrows());
    Mat::from_fn(rows, columns.len(), |i, j| columns[j][i])
}
