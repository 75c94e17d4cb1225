//! The Chamfer distance between two sets of points: the distances from every point to its nearest
//! neighbour in the other set, in both directions.
//!
//! c(A, B) = sum_i dist(a_i, nn(B, a_i)) + sum_j dist(b_j, nn(A, b_j)), as in the report, which
//! sums plain distances. By default, pytorch3d's `chamfer_distance` takes means of squared
//! distances; both are available here as settings.
//!
//! The formula does not cover empty sets. Here two empty sets cost 0; if exactly one is empty,
//! every point of the other costs `empty_penalty`, by default the diagonal of the banner, that is,
//! the largest distance that two points can have. In pytorch3d this case costs nothing, so
//! predicting six points on a map without clusters would be as good as predicting none.
//!
//! The loss cannot teach a network to count, because several predictions may share one target;
//! [`SetLoss`](super::SetLoss) can.

use burn::config::Config;
use burn::tensor::{Bool, Tensor};

/// Configuration of [`Chamfer`].
#[derive(Config, Debug)]
pub struct ChamferConfig {
    /// Whether to use squared distances.
    #[config(default = false)]
    pub squared: bool,
    /// Whether to take the mean over the points of a set instead of the sum.
    #[config(default = false)]
    pub mean: bool,
    /// Cost of a point when the other set is empty. The default is the diagonal of the unit square:
    /// sqrt(2), or 2 if distances are squared.
    pub empty_penalty: Option<f64>,
}

/// The Chamfer loss, made by [`ChamferConfig::init`].
#[derive(Debug, Clone)]
pub struct Chamfer {
    squared: bool,
    mean: bool,
    empty_penalty: f64,
}

impl ChamferConfig {
    /// Creates the loss.
    ///
    /// # Panics
    /// Panics when the penalty is negative or not finite.
    pub fn init(&self) -> Chamfer {
        let diagonal = if self.squared { 2.0 } else { 2.0_f64.sqrt() };
        let empty_penalty = self.empty_penalty.unwrap_or(diagonal);
        let valid = empty_penalty.is_finite() && empty_penalty >= 0.0;
        assert!(valid, "empty_penalty must be a number from 0 on, got {empty_penalty}");
        Chamfer { squared: self.squared, mean: self.mean, empty_penalty }
    }
}

impl Chamfer {
    /// Computes the Chamfer distance between predicted and target points.
    ///
    /// A mask has 1 for a point and 0 for padding, and receives no gradient; the values in the
    /// padding have no effect. Where two points coincide the gradient is 0.
    ///
    /// # Shapes
    /// - `predicted`: `[batch, predictions, 2]`, as fractions of width and height, which the
    ///   default penalty assumes
    /// - `predicted_mask`: `[batch, predictions]`; without it no prediction is padding
    /// - `target`: `[batch, targets, 2]`
    /// - `target_mask`: `[batch, targets]`
    /// - output: `[1]`, the mean over the batch
    ///
    /// # Panics
    /// Panics when the shapes do not fit, or when the second axis of `predicted` or `target` has
    /// length 0: an empty set is represented by padding.
    pub fn forward(
        &self,
        predicted: Tensor<3>,
        predicted_mask: Option<Tensor<2>>,
        target: Tensor<3>,
        target_mask: Tensor<2>,
    ) -> Tensor<1> {
        let device = predicted.device();
        let [batch, predictions, _] = predicted.dims();
        let predicted_mask =
            predicted_mask.unwrap_or_else(|| Tensor::ones([batch, predictions], &device));
        assert_eq!(target.dims()[0], batch, "as many sets of targets as of predictions");
        let target = target.cast(predicted.dtype());
        let (predicted, is_prediction) = checked(predicted, predicted_mask);
        let (target, is_target) = checked(target, target_mask);
        // [batch, predictions, targets]
        let offsets = predicted.unsqueeze_dim::<4>(2) - target.unsqueeze_dim::<4>(1);
        let squared = offsets.powi_scalar(2).sum_dim(3).squeeze_dim::<3>(3);
        let there = self.one_way(squared.clone(), &is_prediction, &is_target);
        let back = self.one_way(squared.swap_dims(1, 2), &is_target, &is_prediction);
        (there + back).mean()
    }

    /// Returns the cost of the points of one set, per image.
    ///
    /// # Shapes
    /// - `squared`: squared distances `[batch, points, others]`
    /// - `is_point`: `[batch, points]`
    /// - `is_other`: `[batch, others]`
    /// - output: `[batch, 1]`
    fn one_way(
        &self,
        squared: Tensor<3>,
        is_point: &Tensor<2, Bool>,
        is_other: &Tensor<2, Bool>,
    ) -> Tensor<2> {
        let ([batch, points, others], dtype) = (squared.dims(), squared.dtype());
        let number = |mask: &Tensor<2, Bool>| mask.clone().float().cast(dtype).sum_dim(1);
        let absent =
            is_other.clone().bool_not().unsqueeze_dim::<3>(1).expand([batch, points, others]);
        // The padding must never be the nearest point. This value cannot reach the result: it is
        // the minimum only if the other set is empty, and is then replaced by the penalty.
        let nearest = squared.mask_fill(absent, 1e30).min_dim(2).squeeze_dim::<2>(2);
        let distance = if self.squared { nearest } else { root(nearest) };
        let alone = number(is_other).lower_scalar(0.5).expand([batch, points]);
        let cost = distance
            .mask_fill(alone, self.empty_penalty)
            .mask_fill(is_point.clone().bool_not(), 0.0);
        let sum = cost.sum_dim(1);
        if self.mean { sum / number(is_point).clamp_min(1.0) } else { sum }
    }
}

/// Returns the points with zeros in the padding, and a mask that is true where there is a point.
fn checked(points: Tensor<3>, mask: Tensor<2>) -> (Tensor<3>, Tensor<2, Bool>) {
    let [batch, places, coordinates] = points.dims();
    assert_eq!(coordinates, 2, "a point has two coordinates");
    assert_eq!(mask.dims(), [batch, places], "a mask needs one value a point");
    assert!(places > 0, "an empty set is padding, so there must be a place for a point");
    let is_point = mask.greater_scalar(0.5);
    let padding = is_point.clone().bool_not().unsqueeze_dim::<3>(2).expand([batch, places, 2]);
    (points.mask_fill(padding, 0.0), is_point)
}

/// Takes the square root, with a gradient of 0 instead of infinity at 0.
fn root(squared: Tensor<2>) -> Tensor<2> {
    let zero = squared.clone().lower_equal_scalar(0.0);
    squared.mask_fill(zero.clone(), 1.0).sqrt().mask_fill(zero, 0.0)
}

#[cfg(test)]
mod tests;
