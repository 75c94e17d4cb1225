//! [`IsolationForest`]: anomaly detection by random trees (Liu, Ting and Zhou 2008). Rare,
//! different vectors are separated from the rest by few random cuts.
//!
//! The score is 2^(-E(h) / c(m)), where E(h) is the mean depth over all trees at which a vector
//! ends up alone, and c(m) the mean depth of an unsuccessful search in a binary tree of m leaves
//! (section 2). A leaf that holds several samples adds c of their number to the depth.

use faer::MatRef;
use rand::RngExt;
use rand::seq::index::sample;
use rayon::prelude::*;

use super::Score;
use super::feature_vector::{check_length, checked_rows};
use crate::{Error, Result, SampleRng, sample_rng};

/// Settings of [`IsolationForest`]; the defaults are those of the paper.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IsolationForestConfig {
    /// Number of trees.
    pub trees: usize,
    /// Number of rows that each tree is grown from, drawn without replacement; at most all rows.
    pub samples: usize,
    /// Seed of all random draws.
    pub seed: u64,
}

impl Default for IsolationForestConfig {
    fn default() -> Self {
        Self { trees: 100, samples: 256, seed: 0 }
    }
}

/// A fitted isolation forest: the higher its score, the more unusual a feature vector.
#[derive(Debug, Clone)]
pub struct IsolationForest {
    trees: Vec<Vec<Node>>,
    features: usize,
    /// c(m) for the m rows that each tree was grown from.
    usual_depth: f64,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    /// An inner node: left if the feature is below the cut, else right.
    Cut { feature: u32, cut: f64, left: u32, right: u32 },
    /// A leaf, with what is added to the depth for the samples that it holds together.
    Leaf { further: f64 },
}

impl IsolationForestConfig {
    /// Grows the trees on `rows`, `[samples, features]`. The result does not depend on the number
    /// of threads.
    ///
    /// # Errors
    /// When there is no row, feature, tree or sample, or values are not finite.
    pub fn fit(&self, rows: MatRef<'_, f64>) -> Result<IsolationForest> {
        for (field, value) in [("trees", self.trees), ("samples", self.samples)] {
            if value == 0 {
                return Err(Error::config(field, 0, "must be positive"));
            }
        }
        let table = checked_rows(rows)?;
        let samples = self.samples.min(table.len());
        // Trees stop at the height of a balanced tree of the samples, as in the paper.
        let height = (samples as f64).log2().ceil() as usize;
        let grow = |tree: usize| {
            let mut rng = sample_rng(self.seed, tree as u64);
            let drawn = sample(&mut rng, table.len(), samples).into_vec();
            let mut growing = Growing {
                table: &table,
                features: (0..rows.ncols()).collect(),
                rng,
                nodes: Vec::new(),
            };
            growing.grow(drawn, height);
            growing.nodes
        };
        let trees = (0..self.trees).into_par_iter().map(grow).collect();
        Ok(IsolationForest { trees, features: rows.ncols(), usual_depth: usual_depth(samples) })
    }
}

/// A tree that is being grown.
struct Growing<'a> {
    table: &'a [Vec<f64>],
    /// All feature indices; their order is shuffled while cuts are drawn.
    features: Vec<usize>,
    rng: SampleRng,
    nodes: Vec<Node>,
}

impl Growing<'_> {
    /// Grows the subtree of these rows and returns the index of its root.
    fn grow(&mut self, rows: Vec<usize>, height: usize) -> u32 {
        let at = self.nodes.len();
        self.nodes.push(Node::Leaf { further: usual_depth(rows.len()) });
        if height == 0 || rows.len() <= 1 {
            return at as u32;
        }
        let Some((feature, low, high)) = self.cutting_feature(&rows) else { return at as u32 };
        // Computed in halves, because the whole span may overflow; clamped above the lowest value,
        // so that both sides get a row.
        let middle = 0.5 * low + (0.5 * high - 0.5 * low) * self.rng.random::<f64>();
        let cut = (2.0 * middle).clamp(low.next_up(), high);
        let (below, above) = rows.into_iter().partition(|&row| self.table[row][feature] < cut);
        let left = self.grow(below, height - 1);
        let right = self.grow(above, height - 1);
        self.nodes[at] = Node::Cut { feature: feature as u32, cut, left, right };
        at as u32
    }

    /// A random feature (all equally probable) in which these rows differ, with its lowest and
    /// highest value; `None` if there is none.
    fn cutting_feature(&mut self, rows: &[usize]) -> Option<(usize, f64, f64)> {
        // Features are drawn without replacement until one can be cut. Most can, so few are looked
        // at.
        for tried in 0..self.features.len() {
            let drawn = self.rng.random_range(tried..self.features.len());
            self.features.swap(tried, drawn);
            let feature = self.features[tried];
            let values = rows.iter().map(|&row| self.table[row][feature]);
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
            if low < high {
                return Some((feature, low, high));
            }
        }
        None
    }
}

/// c(m): the mean depth of an unsuccessful search in a binary tree of m leaves.
fn usual_depth(leaves: usize) -> f64 {
    match leaves {
        0 | 1 => 0.0,
        2 => 1.0,
        m => {
            let m = m as f64;
            2.0 * ((m - 1.0).ln() + 0.577_215_664_901_532_9) - 2.0 * (m - 1.0) / m
        }
    }
}

impl IsolationForest {
    fn depth(&self, tree: &[Node], features: &[f64]) -> f64 {
        let (mut at, mut depth) = (0, 0.0);
        loop {
            match tree[at as usize] {
                Node::Leaf { further } => return depth + further,
                Node::Cut { feature, cut, left, right } => {
                    at = if features[feature as usize] < cut { left } else { right };
                    depth += 1.0;
                }
            }
        }
    }
}

impl Score<[f64]> for IsolationForest {
    fn name(&self) -> &'static str {
        "isolation_forest"
    }

    /// Returns a score between 0 and 1: about 1/2 for a usual vector, and exactly 1/2 for every
    /// vector if the fitted rows were all alike.
    fn score(&self, features: &[f64]) -> Result<f64> {
        check_length(self.features, features)?;
        if self.usual_depth == 0.0 {
            return Ok(0.5);
        }
        let mean = self.trees.iter().map(|tree| self.depth(tree, features)).sum::<f64>()
            / self.trees.len() as f64;
        Ok((-mean / self.usual_depth).exp2())
    }
}
