//! [`SetLoss`]: a loss for predicting a set of centres of unknown size, in which every query
//! predicts a position and an existence logit.
//!
//! After DETR (Carion et al. 2020, section 3.1). In each image, every target is matched with a
//! different query so that the sum of `centre_weight` x L1 distance - `existence_weight` x
//! sigmoid(logit) is minimal. The loss is the L1 distance of the matched pairs plus a binary
//! cross-entropy, which raises the logit of a matched query and lowers that of every other. Two
//! queries that predict the same centre are thus penalised, which the Chamfer distance cannot do,
//! and the number of high logits becomes a count.
//!
//! As in DETR, the matching uses probabilities where the loss uses logarithms, and it has no
//! gradient. Both parts of the loss are divided by the number of targets in the batch, as in
//! Deformable DETR (Zhu et al. 2021), so that adding a hundred unmatched queries does not reduce
//! the weight of a target. Points have no extent, so there is no overlap (IoU) term.

use burn::config::Config;
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{DType, Tensor, TensorData};
use heatmap_core::analysis::assign;

/// Configuration of [`SetLoss`].
#[derive(Config, Debug)]
pub struct SetLossConfig {
    /// Weight of the L1 distances; 5 in DETR.
    #[config(default = 5.0)]
    pub centre_weight: f64,
    /// Weight of the cross-entropy of the existence logits.
    #[config(default = 1.0)]
    pub existence_weight: f64,
    /// Weight of an unmatched query in the cross-entropy; a matched query has weight 1.
    #[config(default = 1.0)]
    pub absent_weight: f64,
}

/// The set-prediction loss, made by [`SetLossConfig::init`].
#[derive(Debug, Clone)]
pub struct SetLoss {
    centre_weight: f64,
    existence_weight: f64,
    absent_weight: f64,
}

/// The two weighted parts of the loss; their sum is the loss.
#[derive(Debug, Clone)]
pub struct SetLossParts {
    /// L1 distances of the matched pairs, `[1]`.
    pub centres: Tensor<1>,
    /// Cross-entropy of the existence logits, `[1]`.
    pub existence: Tensor<1>,
}

/// The training targets of all queries after the matching, row-major.
struct Goals {
    /// Target of each matched query, zeros for the others; `[batch, queries, 2]`.
    centres: Vec<f64>,
    /// 1 for a matched query and 0 for the others; `[batch, queries]`.
    matched: Vec<f64>,
    /// Number of matched queries, which equals the number of targets.
    total: usize,
}

impl SetLossConfig {
    /// Creates the loss.
    ///
    /// # Panics
    /// Panics when a weight is negative or not finite.
    pub fn init(&self) -> SetLoss {
        for (name, weight) in [
            ("centre_weight", self.centre_weight),
            ("existence_weight", self.existence_weight),
            ("absent_weight", self.absent_weight),
        ] {
            assert!(
                weight.is_finite() && weight >= 0.0,
                "{name} must be a number from 0 on, got {weight}"
            );
        }
        SetLoss {
            centre_weight: self.centre_weight,
            existence_weight: self.existence_weight,
            absent_weight: self.absent_weight,
        }
    }
}

impl SetLoss {
    /// Computes the loss.
    ///
    /// The matching waits for the device once. If a prediction is NaN, so is the loss; the training
    /// loop is expected to detect that.
    ///
    /// # Shapes
    /// - `centres`: `[batch, queries, 2]`
    /// - `existence`: logits `[batch, queries]`
    /// - `targets`: `[batch, places, 2]`; the values in the padding have no effect
    /// - `target_mask`: `[batch, places]`, 1 for a target and 0 for padding
    /// - output: `[1]`
    ///
    /// # Panics
    /// Panics when the shapes do not fit or when an image has more targets than queries.
    pub fn forward(
        &self,
        centres: Tensor<3>,
        existence: Tensor<2>,
        targets: Tensor<3>,
        target_mask: Tensor<2>,
    ) -> Tensor<1> {
        let SetLossParts { centres, existence } =
            self.parts(centres, existence, targets, target_mask);
        centres + existence
    }

    /// Computes the two parts of the loss separately; shapes and panics as in [`SetLoss::forward`].
    pub fn parts(
        &self,
        centres: Tensor<3>,
        existence: Tensor<2>,
        targets: Tensor<3>,
        target_mask: Tensor<2>,
    ) -> SetLossParts {
        let [batch, queries, coordinates] = centres.dims();
        let [images, places, target_coordinates] = targets.dims();
        assert_eq!([coordinates, target_coordinates], [2; 2], "a point has two coordinates");
        assert_eq!(existence.dims(), [batch, queries], "one existence logit per query");
        assert_eq!(images, batch, "as many sets of targets as of queries");
        assert_eq!(target_mask.dims(), [batch, places], "a mask needs one value a point");
        let goals = self.goals(&centres, &existence, &targets, &target_mask);
        let device = centres.device();
        let options = (&device, centres.dtype());
        let goal_centres =
            Tensor::<3>::from_data(TensorData::new(goals.centres, [batch, queries, 2]), options);
        let matched =
            Tensor::<2>::from_data(TensorData::new(goals.matched, [batch, queries]), options);

        let distance =
            ((centres - goal_centres).abs() * matched.clone().unsqueeze_dim::<3>(2)).sum();
        let sign = matched.clone() * 2.0 - 1.0;
        let weight = matched * (1.0 - self.absent_weight) + self.absent_weight;
        let cross_entropy = (-log_sigmoid(existence * sign) * weight).sum();
        let per_target = 1.0 / goals.total.max(1) as f64;
        SetLossParts {
            centres: distance * (self.centre_weight * per_target),
            existence: cross_entropy * (self.existence_weight * per_target),
        }
    }

    /// Matches targets with queries in every image.
    fn goals(
        &self,
        centres: &Tensor<3>,
        existence: &Tensor<2>,
        targets: &Tensor<3>,
        target_mask: &Tensor<2>,
    ) -> Goals {
        let ([batch, queries, _], places) = (centres.dims(), targets.dims()[1]);
        let dtype = centres.dtype();
        let all = vec![
            flat(centres, dtype),
            flat(existence, dtype),
            flat(targets, dtype),
            flat(target_mask, dtype),
        ];
        let all = Tensor::cat(all, 0).into_data().convert::<f64>();
        let all = all.try_to_vec::<f64>().expect("converted to f64");
        let (centres, all) = all.split_at(batch * queries * 2);
        let (existence, all) = all.split_at(batch * queries);
        let (targets, target_mask) = all.split_at(batch * places * 2);

        let mut goals = Goals {
            centres: vec![0.0; batch * queries * 2],
            matched: vec![0.0; batch * queries],
            total: 0,
        };
        for image in 0..batch {
            let present: Vec<usize> = (image * places..(image + 1) * places)
                .filter(|&place| target_mask[place] > 0.5)
                .collect();
            let number = present.len();
            assert!(
                number <= queries,
                "image {image} of the batch has {number} targets for {queries} queries"
            );
            let cost = |row: usize, column: usize| {
                let (target, query) = (present[row], image * queries + column);
                let distance =
                    |axis: usize| (centres[2 * query + axis] - targets[2 * target + axis]).abs();
                let probability = 1.0 / (1.0 + (-existence[query]).exp());
                let cost = self.centre_weight * (distance(0) + distance(1))
                    - self.existence_weight * probability;
                // With such a prediction the loss is not finite whatever the match, but the
                // assignment needs finite costs.
                if cost.is_finite() { cost } else { 1e9 }
            };
            for (target, column) in present.iter().zip(assign(number, queries, cost)) {
                let query = image * queries + column.expect("there is a query for every target");
                goals.centres[2 * query..2 * query + 2]
                    .copy_from_slice(&targets[2 * target..2 * target + 2]);
                goals.matched[query] = 1.0;
            }
            goals.total += number;
        }
        goals
    }
}

/// Flattens a tensor to one axis, without autodiff.
fn flat<const D: usize>(tensor: &Tensor<D>, dtype: DType) -> Tensor<1> {
    let elements = tensor.shape().num_elements();
    tensor.clone().inner().cast(dtype).reshape([elements])
}

#[cfg(test)]
mod tests;
