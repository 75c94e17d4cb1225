//! CORAL and CORN: losses for classes that have an order, such as the number of clusters.
//!
//! Both ask one question less than there are classes, "is it more than k?", and give each a logit.
//! CORAL (Cao, Mirjalili and Raschka 2020) asks every question of every sample; it is meant for a
//! layer whose questions share their weights and differ in the bias. CORN (Shi, Cao and
//! Raschka 2021) asks question k only where the class is k at least, so its logits are conditional
//! and any linear layer gives them. Values are those of coral-pytorch 1.4.0, without importance
//! weights. It takes log sigmoid(x) - x for the answer "no", where the digits of a small loss
//! cancel; here that is log sigmoid(-x).

use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Bool, Int, Tensor};

/// The loss of CORAL: cross-entropies summed over the questions, then the mean over the batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Coral;

/// The loss of CORN: the mean cross-entropy over every question that was asked of a sample.
#[derive(Debug, Clone, Copy, Default)]
pub struct Corn;

impl Coral {
    /// The loss.
    ///
    /// # Shapes
    /// - `logits`: `[batch, num_classes - 1]`; column k is the logit of "the class is more than k"
    /// - `classes`: `[batch]`, each below `num_classes`, which is not checked because it would wait
    ///   for the device
    /// - output: `[1]`
    ///
    /// # Panics
    /// When the shapes differ or there is no logit.
    pub fn forward(&self, logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
        let [classes, questions] = by_question(&logits, classes);
        cross_entropy(logits, classes.greater(questions)).sum_dim(1).mean()
    }

    /// Probabilities of the classes: differences of the consecutive sigmoids.
    ///
    /// With biases in order, as they are at the minimum of the loss (theorem 1 of the paper), no
    /// difference is negative. On the way there, or for logits of another layer, some may be: those
    /// are set to 0 and the others divided by their sum, which is then 1 at least.
    ///
    /// # Shapes
    /// - `logits`: `[batch, num_classes - 1]`
    /// - output: `[batch, num_classes]`, rows of sum 1
    ///
    /// # Panics
    /// When there is no logit.
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
    /// The loss.
    ///
    /// # Shapes
    /// - `logits`: `[batch, num_classes - 1]`; column k is the logit of "more than k, given that it
    ///   is k at least"
    /// - `classes`: `[batch]`, each below `num_classes`, which is not checked because it would wait
    ///   for the device
    /// - output: `[1]`
    ///
    /// # Panics
    /// When the shapes differ or there is no logit.
    pub fn forward(&self, logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
        let [classes, questions] = by_question(&logits, classes);
        // Question 0 is asked of everybody, so the divisor is never 0.
        let asked = classes.clone().greater_equal(questions.clone()).float().cast(logits.dtype());
        let of_question = cross_entropy(logits, classes.greater(questions));
        (of_question * asked.clone()).sum() / asked.sum()
    }

    /// Probabilities of the classes: "yes" to all questions before, then "no".
    ///
    /// # Shapes
    /// - `logits`: `[batch, num_classes - 1]`
    /// - output: `[batch, num_classes]`, rows of sum 1
    ///
    /// # Panics
    /// When there is no logit.
    pub fn probabilities(&self, logits: Tensor<2>) -> Tensor<2> {
        check_logits(&logits);
        let certain = column(&logits, 1.0);
        let more = log_sigmoid(logits.clone()).cumsum(1).exp();
        let at_least = Tensor::cat(vec![certain.clone(), more], 1);
        let no = Tensor::cat(vec![sigmoid(-logits), certain], 1);
        at_least * no
    }
}

/// Class and number of the question for every logit, both `[batch, num_classes - 1]`.
fn by_question(logits: &Tensor<2>, classes: Tensor<1, Int>) -> [Tensor<2, Int>; 2] {
    let [batch, questions] = check_logits(logits);
    assert_eq!(classes.dims(), [batch], "one class per row of logits");
    let numbers =
        Tensor::<1, Int>::arange(0..questions as i64, (&logits.device(), classes.dtype()));
    let classes = classes.reshape([batch, 1]).expand([batch, questions]);
    [classes, numbers.reshape([1, questions]).expand([batch, questions])]
}

/// Cross-entropy of every logit with its answer.
fn cross_entropy(logits: Tensor<2>, yes: Tensor<2, Bool>) -> Tensor<2> {
    let sign = yes.float().cast(logits.dtype()) * 2.0 - 1.0;
    -log_sigmoid(logits * sign)
}

/// One value for every row of the logits.
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
