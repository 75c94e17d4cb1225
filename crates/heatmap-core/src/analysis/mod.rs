//! What feature vectors say: projections, neighbours, a linear probe, and how they lie on the sphere; what a heatmap
//! says without a network: its peaks and its clusters of clicks by density; and the assignment that holds what was
//! found against what is true.
//!
//! All in f64; features are faer matrices with one sample a row. Methods on features are fitted to one set of rows and
//! applied to another: `fit` gives an immutable fitted struct, whose `transform` or `predict` borrows.

mod assignment;
mod density;
mod knn;
mod lbfgs;
mod logistic;
mod pca;
mod peaks;
mod sphere;

pub use assignment::assign;
pub use density::{DensityCluster, DensityClusteringConfig, DensityClusters};
pub use faer;
use faer::MatRef;
pub use knn::Knn;
pub use lbfgs::Lbfgs;
pub use logistic::{LogisticRegression, LogisticRegressionConfig};
pub use pca::Pca;
pub use peaks::{Peak, PeaksConfig};
pub use sphere::{alignment, normalized_rows, uniformity};

use crate::{Error, Result};

/// Share of `predicted` that equals `labels`; 0 for none.
///
/// # Panics
/// When the two have different lengths.
pub fn accuracy(predicted: &[usize], labels: &[usize]) -> f64 {
    assert_eq!(predicted.len(), labels.len(), "one prediction per label");
    let right = predicted.iter().zip(labels).filter(|(p, l)| p == l).count();
    right as f64 / labels.len().max(1) as f64
}

/// Checks what every method needs: at least one row and one column, finite values only.
fn check_features(features: MatRef<'_, f64>) -> Result<()> {
    if features.nrows() == 0 || features.ncols() == 0 {
        let (rows, columns) = (features.nrows(), features.ncols());
        return Err(Error::Data(format!("features need a row and a column, got {rows} x {columns}")));
    }
    for row in 0..features.nrows() {
        for column in 0..features.ncols() {
            let value = features[(row, column)];
            if !value.is_finite() {
                return Err(Error::Data(format!("feature {column} of sample {row} is {value}")));
            }
        }
    }
    Ok(())
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
