//! CORAL and CORN: losses for classes that have an order, such as the number of clusters.
//!
//! Both replace K classes by K - 1 binary questions, "is the class greater than k?", with one logit
//! each. CORAL (Cao, Mirjalili and Raschka 2020) trains every question on every sample; it is meant
//! for a layer whose questions share their weights and differ in the bias only. CORN (Shi, Cao and
//! Raschka 2021) trains question k only on samples whose class is at least k; its logits are
//! therefore conditional, and any linear layer can produce them. The values are those of
//! coral-pytorch 1.4.0 without importance weights. For the answer "no", coral-pytorch computes
//! `log sigmoid(x) - x`, which loses precision when the loss is small; this implementation computes
//! `log sigmoid(-x)`.

use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Bool, Int, Tensor};

/// The CORAL loss: binary cross-entropies summed over the questions and averaged over the batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Coral;

/// The CORN loss: the binary cross-entropy averaged over all questions that apply to the samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct Corn;

impl Coral {
    /// Computes the loss.
    ///
    /// # Shapes
    /// - `logits`: `[batch, num_classes - 1]`; column k is the logit of "the class is greater than
    ///   k"
    /// - `classes`: `[batch]`, each below `num_classes`; this is not checked, because a check would
    ///   wait for the device
    /// - output: `[1]`
    ///
    /// # Panics
    /// Panics when the shapes do not fit or when there is no logit.
    pub fn forward(&self, logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
        let [classes, questions] = by_question(&logits, classes);
        cross_entropy(logits, classes.greater(questions)).sum_dim(1).mean()
    }

    /// Converts logits to class probabilities: the differences of consecutive sigmoids.
    ///
    /// If the biases are in order, as they are at the minimum of the loss (theorem 1 of the paper),
    /// no difference is negative. During training, or for logits of another kind of layer, some may
    /// be; those are set to 0 and the others divided by their sum, which is then at least 1.
    ///
    /// # Shapes
    /// - `logits`: `[batch, num_classes - 1]`
    /// - output: `[batch, num_classes]`; each row sums to 1
    ///
    /// # Panics
    /// Panics when there is no logit.
    pub fn probabilities(&self, logits: Tensor<2>) -> Tensor<2> {
        check_logits(&logits);
        let [certain, impossible] = [1.0, 0.0].map(|value| column(&logits, value));
        let more = sigmoid(logits);
        let at_least = Tensor::cat(vec![certain, more.clone()], 1);
        let more = Tensor::cat(vec![more, impossible], 1);
        let exactly = (at_least - more).clamp_min(0.0);
        let sum = exactly.clone().sum_dim(1);
        exactly / sum
    }
}

impl Corn {
    /// Computes the loss.
    ///
    /// # Shapes
    /// - `logits`: `[batch, num_classes - 1]`; column k is the logit of "the class is greater than
    ///   k, given that it is at least k"
    /// - `classes`: `[batch]`, each below `num_classes`; this is not checked, because a check would
    ///   wait for the device
    /// - output: `[1]`
    ///
    /// # Panics
    /// Panics when the shapes do not fit or when there is no logit.
    pub fn forward(&self, logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
        let [classes, questions] = by_question(&logits, classes);
        // Question 0 applies to every sample, so the divisor is never 0.
        let asked = classes.clone().greater_equal(questions.clone()).float().cast(logits.dtype());
        let of_question = cross_entropy(logits, classes.greater(questions));
        (of_question * asked.clone()).sum() / asked.sum()
    }

    /// Converts logits to class probabilities: "yes" to all questions below the class, then "no".
    ///
    /// # Shapes
    /// - `logits`: `[batch, num_classes - 1]`
    /// - output: `[batch, num_classes]`; each row sums to 1
    ///
    /// # Panics
    /// Panics when there is no logit.
    pub fn probabilities(&self, logits: Tensor<2>) -> Tensor<2> {
        check_logits(&logits);
        let certain = column(&logits, 1.0);
        let more = log_sigmoid(logits.clone()).cumsum(1).exp();
        let at_least = Tensor::cat(vec![certain.clone(), more], 1);
        let no = Tensor::cat(vec![sigmoid(-logits), certain], 1);
        at_least * no
    }
}

/// Returns, for every logit, the class of its sample and the number of its question; both
/// `[batch, num_classes - 1]`.
fn by_question(logits: &Tensor<2>, classes: Tensor<1, Int>) -> [Tensor<2, Int>; 2] {
    let [batch, questions] = check_logits(logits);
    assert_eq!(classes.dims(), [batch], "one class per row of logits");
    let numbers =
        Tensor::<1, Int>::arange(0..questions as i64, (&logits.device(), classes.dtype()));
    let classes = classes.reshape([batch, 1]).expand([batch, questions]);
    [classes, numbers.reshape([1, questions]).expand([batch, questions])]
}

/// Computes the binary cross-entropy of every logit with its answer.
fn cross_entropy(logits: Tensor<2>, yes: Tensor<2, Bool>) -> Tensor<2> {
    let sign = yes.float().cast(logits.dtype()) * 2.0 - 1.0;
    -log_sigmoid(logits * sign)
}

/// Returns a column with this value in every row of the logits.
fn column(logits: &Tensor<2>, value: f64) -> Tensor<2> {
    Tensor::full([logits.dims()[0], 1], value, (&logits.device(), logits.dtype()))
}

fn check_logits(logits: &Tensor<2>) -> [usize; 2] {
    let [batch, questions] = logits.dims();
    assert!(questions > 0, "ordinal losses need two classes, which is one logit, at least");
    [batch, questions]
}

#[cfg(test)]
mod tests;
