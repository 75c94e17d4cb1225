//! Quantiles of sorted values.

/// The quantile of sorted values (at least one) by linear interpolation (R's type 7, numpy's
/// default).
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}
