//! What a set network is worth on held-out layouts, beside hand-made scores.

use heatmap_core::detect::SetNetwork;
use heatmap_core::synth::{ReferenceSets, Span};

use crate::Result;
use crate::data::Split;
use crate::evaluation::SetScores;
use crate::run::SetDetectorConfig;

/// Clicks on every banner of the held-out sets.
pub const BUDGETS: [u32; 4] = [25, 50, 200, 1_000];

/// The scores at each of [`BUDGETS`].
#[derive(Debug, Clone)]
pub struct MeasuredDetector {
    /// In the order of the budgets.
    pub at_budget: Vec<SetScores>,
    /// With clicks as in training, for the probabilities.
    pub as_trained: SetScores,
    /// Held-out sets at each budget.
    pub sets: usize,
}

/// Scores `sets` held-out sets at each budget, and as many with clicks as in training. `each_set`
/// is told of every set.
///
/// # Errors
/// When the settings of the sets cannot be used.
pub fn measure_detector(
    network: &SetNetwork,
    config: &SetDetectorConfig,
    sets: usize,
    each_set: impl Fn() + Sync,
) -> Result<MeasuredDetector> {
    let seed = Split::Test.seed(config.training.seed);
    let scores = |of: &ReferenceSets| SetScores::of(network, of, seed, sets, &each_set);
    let at_budget = BUDGETS.map(|clicks| {
        let of = ReferenceSets {
            clicks: Span::only(f64::from(clicks)),
            clicks_sigma: Span::only(0.0),
            any_clicks: 0.0,
            ..config.sets.clone()
        };
        scores(&of)
    });
    let at_budget = at_budget.into_iter().collect::<Result<_>>()?;
    let as_trained = scores(&config.sets)?;
    Ok(MeasuredDetector { at_budget, as_trained, sets })
}
