//! [`Score`]: what every way of telling broken banners from good ones comes down to.

use crate::Result;

/// A fitted, immutable score of one banner: the higher, the more broken.
///
/// `Input` is what the score looks at: a [`crate::Heatmap`], or a feature vector `[f64]`. A score
/// never changes after its fit and never sees the banners that it scores while it is fitted, unless
/// it says so.
pub trait Score<Input: ?Sized>: Send + Sync {
    /// Name of the score in tables, in lower case with underscores.
    fn name(&self) -> &'static str;

    /// The score of one banner: finite whatever the input.
    ///
    /// # Errors
    /// When the input does not have the shape of what the score was fitted to.
    fn score(&self, input: &Input) -> Result<f64>;
}
