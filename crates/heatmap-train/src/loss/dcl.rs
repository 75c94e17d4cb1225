//! Decoupled contrastive learning: the losses DCL and DCLW.
//!
//! Yeh et al. 2022. DCL (equation 6) is NT-Xent without the positive in the denominator. This
//! removes the factor by which a pair that is already close shrinks its own gradient, so that small
//! batches suffice. DCLW multiplies the positive term of pair i by
//! `2 - N exp(s_i / sigma) / sum_j exp(s_j / sigma)`, where s is the similarity of the two views
//! and sigma is 0.5: pairs that are far apart count for more, and the mean weight is 1. No gradient
//! flows through the weights. The negatives of a row are all rows of both views except itself and
//! its positive.
//!
//! The loss can be negative. For a row without negatives, as in a batch of one pair, only the
//! positive term remains.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use super::objective::ContrastiveObjective;
use super::scores::{Positives, Scores};

/// The sigma of the von Mises-Fisher weights, as in the paper.
const SIGMA: f64 = 0.5;

/// The decoupled contrastive loss (Yeh et al. 2022, equation 6).
#[derive(Debug, Clone, Copy)]
pub struct Dcl;

/// DCL with von Mises-Fisher weights of the positive terms (Yeh et al. 2022, section 3.2).
#[derive(Debug, Clone, Copy)]
pub struct Dclw;

impl ContrastiveObjective for Dcl {
    fn positives(&self) -> Positives {
        Positives::OtherView
    }

    fn loss(&self, scores: &Scores) -> Tensor<1> {
        (scores.log_sum_of_negatives() - scores.attraction()).mean()
    }
}

impl ContrastiveObjective for Dclw {
    fn positives(&self) -> Positives {
        Positives::OtherView
    }

    fn loss(&self, scores: &Scores) -> Tensor<1> {
        let weights = von_mises_fisher_weights(scores.anchors());
        (scores.log_sum_of_negatives() - scores.attraction() * weights).mean()
    }
}

/// Computes the weights of DCLW, without gradient.
///
/// # Shapes
/// - `anchors`: `[2 * pairs, dim]`, unit vectors
/// - output: `[2 * pairs, 1]`
fn von_mises_fisher_weights(anchors: Tensor<2>) -> Tensor<2> {
    let anchors = anchors.without_autodiff();
    let pairs = anchors.dims()[0] / 2;
    let view = |at: usize| anchors.clone().narrow(0, at * pairs, pairs);
    let similarity = (view(0) * view(1)).sum_dim(1);
    let weights = softmax(similarity / SIGMA, 0) * -(pairs as f64) + 2.0;
    Tensor::cat(vec![weights.clone(), weights], 0)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;
    use crate::loss::contrastive::{ContrastiveLossConfig, ContrastiveLossName};
    use crate::loss::projections::Projections;
    use crate::loss::similarity::normalized;
    use crate::loss::temperature::Temperature;

    fn loss(name: ContrastiveLossName, z0: Tensor<2>, z1: Tensor<2>, temperature: f64) -> f64 {
        let loss = ContrastiveLossConfig { name, ..ContrastiveLossConfig::default() }.init();
        loss.forward(Projections::new(z0, z1), Temperature::Fixed(temperature)).loss.into_scalar()
    }

    #[test]
    fn weights_are_one_on_average_and_larger_for_pairs_that_are_apart() {
        let device = Device::flex();
        let z0 = Tensor::<2>::from_floats([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]], &device);
        let z1 = Tensor::<2>::from_floats([[5.0, 0.0], [0.0, 1.0], [0.0, -1.0]], &device);
        let anchors = normalized(Tensor::cat(vec![z0, z1], 0));
        let weights =
            von_mises_fisher_weights(anchors).into_data().try_to_vec::<f32>().expect("f32");
        // Similarities 1, 0, -1, by hand.
        let sum = 2_f32.exp() + 1.0 + (-2_f32).exp();
        let expected = [2.0, 0.0, -2.0].map(|exponent: f32| 2.0 - 3.0 * exponent.exp() / sum);
        for (at, weight) in weights.iter().enumerate() {
            assert!((weight - expected[at % 3]).abs() < 1e-6);
        }
        assert!((weights.iter().sum::<f32>() / 6.0 - 1.0).abs() < 1e-6);
        assert!(weights[0] < weights[1] && weights[1] < weights[2]);
    }

    #[test]
    fn with_pairs_equally_far_apart_weights_change_nothing() {
        let device = Device::flex();
        let z = Tensor::<2>::random([6, 5], Distribution::Normal(0.0, 1.0), &device);
        let [plain, weighted] = [ContrastiveLossName::Dcl, ContrastiveLossName::Dclw]
            .map(|name| loss(name, z.clone(), z.clone() * 3.0, 0.2));
        assert!((plain - weighted).abs() < 1e-5, "{plain} is not {weighted}");
    }

    #[test]
    fn nt_xent_is_more_by_what_the_positive_adds_to_the_denominator() {
        // Theorem: of row i, NT-Xent - DCL = ln(1 + exp(positive) / sum over negatives) > 0; all
        // rows alike here.
        let device = Device::flex();
        let z = Tensor::<2>::ones([4, 3], &device);
        let [dcl, nt_xent] = [ContrastiveLossName::Dcl, ContrastiveLossName::NtXent]
            .map(|name| loss(name, z.clone(), z.clone(), 0.5));
        assert!(
            (dcl - 6_f64.ln()).abs() < 1e-5 && (nt_xent - 7_f64.ln()).abs() < 1e-5,
            "{dcl} {nt_xent}"
        );
    }

    #[test]
    fn a_single_pair_is_only_drawn_together() {
        let device = Device::flex().autodiff();
        let z0 = Tensor::<2>::from_floats([[1.0, 0.0]], &device).require_grad();
        let z1 = Tensor::<2>::from_floats([[3.0, 4.0]], &device);
        let name = ContrastiveLossName::Dcl;
        let loss = ContrastiveLossConfig { name, ..ContrastiveLossConfig::default() }.init();
        let loss = loss.forward(Projections::new(z0.clone(), z1), Temperature::Fixed(0.5)).loss;
        let gradient = z0
            .grad(&loss.backward())
            .expect("a gradient")
            .into_data()
            .try_to_vec::<f32>()
            .expect("f32");
        // -cosine / temperature = -0.6 / 0.5; its gradient across z0 is -0.8 / 0.5.
        assert!((loss.into_scalar::<f32>() + 1.2).abs() < 1e-6);
        assert!(gradient[0].abs() < 1e-6 && (gradient[1] + 1.6).abs() < 1e-6, "{gradient:?}");
    }
}
