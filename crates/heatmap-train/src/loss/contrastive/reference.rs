//! The four losses by their formulas: plain loops in float64, with nothing in common with the code
//! they check.

use super::ContrastiveLossName;

/// A batch.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) z0: Vec<Vec<f64>>,
    pub(super) z1: Vec<Vec<f64>>,
    pub(super) labels: Option<Vec<usize>>,
    pub(super) bank: Vec<(Vec<f64>, i64)>,
    /// Rows that are negatives of all, with the class that each is like.
    pub(super) negatives: Vec<(Vec<f64>, usize)>,
    /// How many times one counts for the rows of that class.
    pub(super) negative_weight: f64,
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

impl Batch {
    /// Weights of DCLW: 2 - exp(s_i / sigma) / mean_j exp(s_j / sigma).
    pub(super) fn weights(&self) -> Vec<f64> {
        let terms: Vec<f64> =
            self.z0.iter().zip(&self.z1).map(|(a, b)| (cosine(a, b) / 0.5).exp()).collect();
        let mean = terms.iter().sum::<f64>() / terms.len() as f64;
        terms.iter().map(|term| 2.0 - term / mean).collect()
    }

    /// Loss and top-1 with these weights of the positives, one per pair.
    pub(super) fn loss(
        &self,
        name: ContrastiveLossName,
        temperature: f64,
        weights: &[f64],
    ) -> (f64, f64) {
        let pairs = self.z0.len();
        let views = [&self.z0, &self.z1];
        let (mut loss, mut hits) = (0.0, 0);
        for view in 0..2 {
            for pair in 0..pairs {
                let row = &views[view][pair];
                let label = self.labels.as_ref().map(|labels| labels[pair] as i64);
                let (mut positives, mut negatives) = (Vec::new(), Vec::new());
                for (other_view, others) in views.iter().enumerate() {
                    for (other_pair, other) in others.iter().enumerate() {
                        if (view, pair) == (other_view, other_pair) {
                            continue;
                        }
                        let score = cosine(row, other) / temperature;
                        let other_label =
                            self.labels.as_ref().map(|labels| labels[other_pair] as i64);
                        let positive = match name {
                            ContrastiveLossName::SupCon => label == other_label,
                            _ => pair == other_pair,
                        };
                        if positive { positives.push(score) } else { negatives.push(score) }
                    }
                }
                for (other, other_label) in &self.bank {
                    let score = cosine(row, other) / temperature;
                    match (name, label == Some(*other_label)) {
                        (ContrastiveLossName::SupCon, true) => positives.push(score),
                        (_, true) => {}
                        (_, false) => negatives.push(score),
                    }
                }
                let mut nearest = negatives.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                for (other, other_label) in &self.negatives {
                    let score = cosine(row, other) / temperature;
                    nearest = nearest.max(score);
                    let alike = label == Some(*other_label as i64);
                    negatives.push(score + if alike { self.negative_weight.ln() } else { 0.0 });
                }
                let sum = |scores: &[f64]| scores.iter().map(|score| score.exp()).sum::<f64>();
                let all = sum(&positives) + sum(&negatives);
                loss += match name {
                    ContrastiveLossName::NtXent => -(positives[0].exp() / all).ln(),
                    ContrastiveLossName::SupCon => {
                        positives.iter().map(|score| -(score.exp() / all).ln()).sum::<f64>()
                            / positives.len() as f64
                    }
                    ContrastiveLossName::Dcl => -positives[0] + sum(&negatives).ln(),
                    ContrastiveLossName::Dclw => {
                        -weights[pair] * positives[0] + sum(&negatives).ln()
                    }
                };
                let largest =
                    |scores: &[f64]| scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                hits += usize::from(largest(&positives) >= nearest);
            }
        }
        (loss / (2 * pairs) as f64, hits as f64 / (2 * pairs) as f64)
    }

    /// Central differences of the loss in every value of the views, z0 first, and of the negatives,
    /// with the weights held.
    pub(super) fn gradient(&self, name: ContrastiveLossName, temperature: f64) -> Vec<f64> {
        const STEP: f64 = 1e-5;
        let weights = self.weights();
        let (pairs, dim) = (self.z0.len(), self.z0[0].len());
        let at = |index: usize, step: f64| {
            let mut batch = self.clone();
            let (row, column) = (index / dim, index % dim);
            match row {
                row if row < pairs => batch.z0[row][column] += step,
                row if row < 2 * pairs => batch.z1[row - pairs][column] += step,
                row => batch.negatives[row - 2 * pairs].0[column] += step,
            }
            batch.loss(name, temperature, &weights).0
        };
        (0..(2 * pairs + self.negatives.len()) * dim)
            .map(|index| (at(index, STEP) - at(index, -STEP)) / (2.0 * STEP))
            .collect()
    }

    /// Central difference of the loss in the temperature.
    pub(super) fn gradient_of_temperature(
        &self,
        name: ContrastiveLossName,
        temperature: f64,
    ) -> f64 {
        const STEP: f64 = 1e-5;
        let weights = self.weights();
        let at = |step: f64| self.loss(name, temperature + step, &weights).0;
        (at(STEP) - at(-STEP)) / (2.0 * STEP)
    }
}
