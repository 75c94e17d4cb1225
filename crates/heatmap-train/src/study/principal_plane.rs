//! [`PrincipalPlane`]: a projection of features onto their first two principal components, for
//! scatter plots.

use heatmap_core::analysis::Pca;
use heatmap_core::analysis::faer::MatRef;
use heatmap_core::plot::Scatter;

/// Projected points, with labels of the two axes.
#[derive(Debug, Clone)]
pub(crate) struct PrincipalPlane {
    points: Vec<(f64, f64)>,
    axes: [String; 2],
}

impl PrincipalPlane {
    /// Projects features, `[samples, features]`.
    ///
    /// # Errors
    /// Returns an error when a feature is not finite, or when the features do not span two
    /// directions.
    pub(crate) fn of(features: MatRef<'_, f64>) -> heatmap_core::Result<Self> {
        let pca = Pca::fit(features, 2)?;
        let projected = pca.transform(features)?;
        let share = pca.explained_variance_ratio();
        let axis =
            |at: usize| format!("component {}, {:.0} % of variance", at + 1, 100.0 * share[at]);
        let points =
            (0..projected.nrows()).map(|row| (projected[(row, 0)], projected[(row, 1)])).collect();
        Ok(Self { points, axes: [axis(0), axis(1)] })
    }

    /// Returns a panel with these points, coloured by class.
    pub(crate) fn scatter<'a>(&'a self, title: &'a str, classes: &'a [usize]) -> Scatter<'a> {
        Scatter { title, axes: [&self.axes[0], &self.axes[1]], points: &self.points, classes }
    }
}
