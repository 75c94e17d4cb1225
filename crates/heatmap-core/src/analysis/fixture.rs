//! Tables and results of scikit-learn for the tests, written by
//! `tests/python/analysis_fixtures.py`.

use faer::Mat;
use serde_json::Value;

/// The part of `tests/fixtures/analysis.json` of this name.
pub(super) fn fixture(name: &str) -> Value {
    let all: Value =
        serde_json::from_str(include_str!("../../tests/fixtures/analysis.json")).unwrap();
    all[name].clone()
}

/// A list of rows.
pub(super) fn matrix(value: &Value) -> Mat<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
    Mat::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}

/// A list of numbers.
pub(super) fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Labels, of which -1 is noise.
pub(super) fn labels(value: &Value) -> Vec<Option<usize>> {
    let labels: Vec<i64> = serde_json::from_value(value.clone()).unwrap();
    labels.into_iter().map(|label| usize::try_from(label).ok()).collect()
}

/// Labels numbered by first appearance, so that two ways of numbering the same clusters are equal.
pub(super) fn renumbered(labels: &[Option<usize>]) -> Vec<Option<usize>> {
    let mut seen = Vec::new();
    let mut number = |label: usize| {
        seen.iter().position(|&known| known == label).unwrap_or_else(|| {
            seen.push(label);
            seen.len() - 1
        })
    };
    labels.iter().map(|label| label.map(&mut number)).collect()
}
