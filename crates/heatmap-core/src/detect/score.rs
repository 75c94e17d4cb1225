//! [`Score`]: the trait of all scores that tell broken banners from good ones.

use crate::Result;

/// A fitted, immutable score of one banner: higher means more likely broken.
///
/// `Input` is what the score looks at: a [`crate::Heatmap`] or a feature vector `[f64]`. Fitting
/// does not involve the banners that are scored later, unless a score says so.
pub trait Score<Input: ?Sized>: Send + Sync {
    /// Returns the name of the score in tables, in lower case with underscores.
    fn name(&self) -> &'static str;

    /// Returns the score of one banner, which is finite for every input.
    ///
    /// # Errors
    /// When the input does not have the shape that the score was fitted to.
    fn score(&self, input: &Input) -> Result<f64>;
}
