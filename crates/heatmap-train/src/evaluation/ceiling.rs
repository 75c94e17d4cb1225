//! [`CountCeiling`]: an estimate, from the generator, of how accurately the clusters of a preset
//! can be counted.

use heatmap_core::synth::{Preset, Visibility};
use serde::Serialize;

/// The scores of an ideal observer who is told how many clusters of a sample can be distinguished
/// ([`Visibility`]) and answers with the true number that most often goes with it. Nobody who sees
/// only the heatmap knows the number of distinguishable clusters exactly; but the heatmap contains
/// further information, for example the number of clicks. These scores therefore estimate the
/// ceiling, but are not a strict bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CountCeiling {
    /// Distance in standard deviations below which two clusters look like one.
    pub apart_sigmas: f64,
    /// Share of samples in which at least one cluster cannot be distinguished from another or from
    /// the noise.
    pub ambiguous_share: f64,
    /// Share of samples for which the observer's answer is correct.
    pub exact_accuracy: f64,
    /// Mean absolute error of the observer.
    pub mae: f64,
}

/// Significance above which a cluster counts as visible in the noise.
const MIN_SIGNIFICANCE: f64 = 3.0;

impl CountCeiling {
    /// Estimates the ceiling: the observer is fitted on the first half of `samples` samples and
    /// scored on the second.
    ///
    /// # Panics
    /// Panics when there are fewer than two samples.
    pub fn estimate(preset: &Preset, seed: u64, samples: usize, apart_sigmas: f64) -> Self {
        assert!(samples > 1, "a half to learn on and a half to answer on");
        let visibility = Visibility { apart_sigmas, min_significance: MIN_SIGNIFICANCE };
        let draw = |index: usize| {
            let (_, scene) = preset.scene(seed, index as u64);
            (visibility.count(&scene, &preset.grid), scene.clusters.len())
        };
        let half = samples / 2;
        let mut seen: Vec<Vec<u32>> = Vec::new();
        for (visible, truth) in (0..half).map(draw) {
            seen.resize(seen.len().max(visible + 1), Vec::new());
            let counts = &mut seen[visible];
            counts.resize(counts.len().max(truth + 1), 0);
            counts[truth] += 1;
        }
        let answer = |visible: usize| {
            let counts = seen.get(visible).filter(|counts| !counts.is_empty());
            let best = |counts: &Vec<u32>| {
                (0..counts.len()).max_by_key(|&truth| counts[truth]).unwrap_or(visible)
            };
            counts.map_or(visible, best)
        };
        let (mut ambiguous, mut right, mut error) = (0, 0, 0);
        for (visible, truth) in (half..samples).map(draw) {
            let answer = answer(visible);
            ambiguous += usize::from(visible != truth);
            right += usize::from(answer == truth);
            error += answer.abs_diff(truth);
        }
        let share = |count: usize| count as f64 / (samples - half) as f64;
        Self {
            apart_sigmas,
            ambiguous_share: share(ambiguous),
            exact_accuracy: share(right),
            mae: share(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_separable_can_be_counted_and_what_is_not_cannot() {
        let estimate = |name: &str, apart| {
            CountCeiling::estimate(&Preset::named(name).expect("a preset"), 3, 4_000, apart)
        };
        let separable = estimate("count-separable", 2.0);
        assert!(
            separable.exact_accuracy > 0.99 && separable.ambiguous_share < 0.01,
            "{separable:?}"
        );
        let (wide, narrow) = (estimate("count-report", 0.5), estimate("count-report", 2.0));
        assert!(
            narrow.exact_accuracy < wide.exact_accuracy && narrow.mae > wide.mae,
            "{wide:?} {narrow:?}"
        );
        assert!(
            narrow.ambiguous_share > wide.ambiguous_share && wide.exact_accuracy < 1.0,
            "{wide:?} {narrow:?}"
        );
    }
}
