//! [`measure_detector`]: evaluates a set network and hand-made scores on held-out layouts.

use heatmap_core::detect::SetNetwork;
use heatmap_core::synth::{ReferenceSets, Span};

use crate::Result;
use crate::data::Split;
use crate::evaluation::SetScores;
use crate::run::SetDetectorConfig;

/// Numbers of clicks at which the held-out sets are scored. Within a budget, every banner has the
/// same number of clicks.
pub const BUDGETS: [u32; 4] = [25, 50, 200, 1_000];

/// The scores of the banners in held-out sets.
#[derive(Debug, Clone)]
pub struct MeasuredDetector {
    /// Scores at each click budget, in the order of [`BUDGETS`].
    pub at_budget: Vec<SetScores>,
    /// Scores with numbers of clicks distributed as in training. The probabilities are evaluated on
    /// these.
    pub as_trained: SetScores,
    /// Number of held-out sets at each budget.
    pub sets: usize,
}

/// Scores `sets` held-out sets at each of [`BUDGETS`], and as many with numbers of clicks
/// distributed as in training. The other settings of the sets are those of the training. `each_set`
/// is called after every set.
///
/// # Errors
/// Returns an error when the settings of the sets cannot be used.
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
