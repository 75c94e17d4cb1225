//! Analysis of feature vectors (projections, clusters, neighbours, a linear probe, how they lie on
//! the sphere) and of single heatmaps without a network (peaks, clusters of clicks by density), and
//! the assignment that matches what was found with what is true.
//!
//! Everything is in f64, except a PCA of f32 data; features are faer matrices with one sample per
//! row. Methods on features are fitted to one set of rows and applied to another, as in
//! scikit-learn: `fit` returns an immutable fitted struct, which has `transform` or `predict`.

mod assignment;
mod cosine;
mod dbscan;
mod density;
mod distance;
mod effective_rank;
mod element;
#[cfg(test)]
mod fixture;
mod hdbscan;
mod kmeans;
mod knn;
mod lbfgs;
mod logistic;
mod mvu;
mod pca;
mod peaks;
mod sphere;

pub use assignment::assign;
pub(crate) use cosine::to_unit_length;
pub use cosine::{cosine_similarity, cosine_similarity_to};
pub use dbscan::{Dbscan, DbscanConfig};
pub use density::{DensityCluster, DensityClusteringConfig, DensityClusters};
pub use effective_rank::effective_rank;
pub use element::Element;
pub use faer;
use faer::MatRef;
pub use hdbscan::{ClusterSelection, Hdbscan, HdbscanConfig};
pub use kmeans::{KMeans, KMeansConfig};
pub use knn::Knn;
pub use lbfgs::Lbfgs;
pub use logistic::{LogisticRegression, LogisticRegressionConfig};
pub use mvu::{Mvu, MvuConfig, MvuReport};
pub use pca::{Pca, PcaConfig, PcaSolver};
pub use peaks::{Peak, PeaksConfig};
pub use sphere::{alignment, normalized_rows, uniformity};

use crate::{Error, Result};

/// Returns the share of `predicted`, 0 to 1, that equals `labels`; 0 when there are none.
///
/// # Panics
/// Panics when the two have different lengths.
pub fn accuracy(predicted: &[usize], labels: &[usize]) -> f64 {
    assert_eq!(predicted.len(), labels.len(), "one prediction per label");
    let right = predicted.iter().zip(labels).filter(|(p, l)| p == l).count();
    right as f64 / labels.len().max(1) as f64
}

/// Checks what every method needs: at least one row and one column, finite values only.
pub(crate) fn check_features<T: Element>(features: MatRef<'_, T>) -> Result<()> {
    if features.nrows() == 0 || features.ncols() == 0 {
        let (rows, columns) = (features.nrows(), features.ncols());
        return Err(Error::Data(format!(
            "features need a row and a column, got {rows} x {columns}"
        )));
    }
    let is_finite = |&value: &T| Into::<f64>::into(value).is_finite();
    // Values are read in the order of memory.
    let all_finite = if features.col_stride() == 1 {
        features.row_iter().all(|row| row.iter().all(is_finite))
    } else {
        features.col_iter().all(|column| column.iter().all(is_finite))
    };
    if all_finite {
        return Ok(());
    }
    let mut places = (0..features.nrows())
        .flat_map(|row| (0..features.ncols()).map(move |column| (row, column)));
    let (row, column) =
        places.find(|&place| !is_finite(&features[place])).expect("one is not finite");
    Err(Error::Data(format!(
        "feature {column} of sample {row} is {}",
        Into::<f64>::into(features[(row, column)])
    )))
}

/// Checks that there is one label a row, each below `num_classes`.
fn check_labels(rows: usize, labels: &[usize], num_classes: usize) -> Result<()> {
    if labels.len() != rows {
        return Err(Error::Data(format!("{rows} samples but {} labels", labels.len())));
    }
    match labels.iter().find(|&&label| label >= num_classes) {
        Some(label) => Err(Error::Data(format!("label {label} with {num_classes} classes"))),
        None => Ok(()),
    }
}

/// Returns for each of `count` labels its number in order of first appearance, and how many labels
/// appear. Labels that do not appear have the last numbers.
fn numbers_by_appearance(labels: impl Iterator<Item = usize>, count: usize) -> (Vec<usize>, usize) {
    let mut numbers = vec![None; count];
    let mut next = 0;
    for label in labels {
        numbers[label].get_or_insert_with(|| {
            next += 1;
            next - 1
        });
    }
    let appeared = next;
    let mut rest = appeared..;
    let numbers = numbers
        .into_iter()
        .map(|number| number.or_else(|| rest.next()).expect("there is no last number"))
        .collect();
    (numbers, appeared)
}

/// Returns the root of `at` in a union-find forest; paths are shortened on the way.
fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}
