//! [`IsolationForest`]: Liu, Ting and Zhou 2008. What is rare and different is cut off from the
//! rest by few random cuts.
//!
//! The score is 2^(-E(h) / c(m)), where E(h) is the mean depth at which a vector ends up alone over
//! all trees, c(m) the mean depth of an unsuccessful search in a binary tree of m leaves (section
//! 2), and a leaf of more than one sample counts c of its samples on top.

use faer::MatRef;
use rand::RngExt;
use rand::seq::index::sample;
use rayon::prelude::*;

use super::Score;
use super::feature_vector::{check_length, checked_rows};
use crate::{Error, Result, SampleRng, sample_rng};

/// Settings; the defaults are those of the paper.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IsolationForestConfig {
    /// Number of trees.
    pub trees: usize,
    /// Rows that each tree is grown from, drawn without replacement; fewer if there are fewer.
    pub samples: usize,
    /// Seed of all draws.
    pub seed: u64,
}

impl Default for IsolationForestConfig {
    fn default() -> Self {
        Self { trees: 100, samples: 256, seed: 0 }
    }
}

/// The grown trees.
#[derive(Debug, Clone)]
pub struct IsolationForest {
    trees: Vec<Vec<Node>>,
    features: usize,
    /// c of the rows that a tree was grown from.
    usual_depth: f64,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    /// Left if the feature is below the cut.
    Cut { feature: u32, cut: f64, left: u32, right: u32 },
    /// What is added to the depth for the samples that were left together.
    Leaf { further: f64 },
}

impl IsolationForestConfig {
    /// Grows the trees on rows of features. The same on every number of threads.
    ///
    /// # Errors
    /// Without a row, a feature, a tree or a sample, or with values that are not finite.
    pub fn fit(&self, rows: MatRef<'_, f64>) -> Result<IsolationForest> {
        for (field, value) in [("trees", self.trees), ("samples", self.samples)] {
            if value == 0 {
                return Err(Error::config(field, 0, "must be positive"));
            }
        }
        let table = checked_rows(rows)?;
        let samples = self.samples.min(table.len());
        // Trees are as high as a balanced tree of the samples.
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

/// A tree on its way up.
struct Growing<'a> {
    table: &'a [Vec<f64>],
    /// All features, in an order that does not matter.
    features: Vec<usize>,
    rng: SampleRng,
    nodes: Vec<Node>,
}

impl Growing<'_> {
    /// Adds the tree of these rows and returns where its root is.
    fn grow(&mut self, rows: Vec<usize>, height: usize) -> u32 {
        let at = self.nodes.len();
        self.nodes.push(Node::Leaf { further: usual_depth(rows.len()) });
        if height == 0 || rows.len() <= 1 {
            return at as u32;
        }
        let Some((feature, low, high)) = self.cutting_feature(&rows) else { return at as u32 };
        // By halves, since the whole span may overflow; above the lowest value, so that both sides
        // get a row.
        let middle = 0.5 * low + (0.5 * high - 0.5 * low) * self.rng.random::<f64>();
        let cut = (2.0 * middle).clamp(low.next_up(), high);
        let (below, above) = rows.into_iter().partition(|&row| self.table[row][feature] < cut);
        let left = self.grow(below, height - 1);
        let right = self.grow(above, height - 1);
        self.nodes[at] = Node::Cut { feature: feature as u32, cut, left, right };
        at as u32
    }

    /// One of the features that tell these rows apart, each as probable, with its lowest and
    /// highest value.
    fn cutting_feature(&mut self, rows: &[usize]) -> Option<(usize, f64, f64)> {
        // Drawn without replacement until one cuts: most do, so that few are looked at.
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

/// c(m), the mean depth of an unsuccessful search among m leaves.
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

    /// Between 0 and 1; 1/2 for a usual vector, and for all of them when the fitted rows are alike.
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
