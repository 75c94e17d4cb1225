//! What a set network is worth on held-out layouts, beside hand-made scores.

use heatmap_core::detect::SetNetwork;
use heatmap_core::synth::{ReferenceSets, Span};
use heatmap_train::data::Split;
use heatmap_train::evaluation::SetScores;
use heatmap_train::run::SetDetectorConfig;

use crate::plain_bar;

/// Clicks on every banner of the held-out sets.
pub const BUDGETS: [u32; 4] = [25, 50, 200, 1_000];

/// The scores at each of [`BUDGETS`].
#[derive(Debug, Clone)]
pub struct Measured {
    /// In the order of the budgets.
    pub at_budget: Vec<SetScores>,
    /// With clicks as in training, for the probabilities.
    pub as_trained: SetScores,
    /// Held-out sets at each budget.
    pub sets: usize,
}

/// Scores `sets` held-out sets at each budget, and as many with clicks as in training.
///
/// # Errors
/// When the settings of the sets cannot be used.
pub fn measure(
    network: &SetNetwork,
    config: &SetDetectorConfig,
    sets: usize,
) -> heatmap_train::Result<Measured> {
    let bar = plain_bar(((BUDGETS.len() + 1) * sets) as u64, "sets measured");
    let seed = Split::Test.seed(config.seed);
    let scores = |of: &ReferenceSets| SetScores::of(network, of, seed, sets, || bar.inc(1));
    let at_budget = BUDGETS.map(|clicks| {
        let of = ReferenceSets {
            clicks: Span::only(f64::from(clicks)),
            clicks_sigma: Span::only(0.0),
            any_clicks: 0.0,
            ..config.sets.clone()
        };
        scores(&of)
    });
    let at_budget = at_budget.into_iter().collect::<heatmap_train::Result<_>>()?;
    let as_trained = scores(&config.sets)?;
    bar.finish_and_clear();
    Ok(Measured { at_budget, as_trained, sets })
}
