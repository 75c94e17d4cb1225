//! Formats the mean and the standard deviation of some values.

/// Formats the mean and the sample standard deviation of values, such as `0.500 ± 0.100`. A single
/// value is formatted without a standard deviation, and no values as a dash.
pub(crate) fn mean_and_spread(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    match values.len() {
        0 => "-".to_owned(),
        1 => format!("{mean:.3}"),
        n => format!("{mean:.3} ± {:.3}", (squares / (n - 1) as f64).sqrt()),
    }
}
