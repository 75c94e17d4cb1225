//! A mean and how far values lie apart.

/// `0.500 ± 0.100`: mean and standard deviation; of a single value itself, of none a dash.
pub(crate) fn mean_and_spread(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    match values.len() {
        0 => "-".to_owned(),
        1 => format!("{mean:.3}"),
        n => format!("{mean:.3} ± {:.3}", (squares / (n - 1) as f64).sqrt()),
    }
}
