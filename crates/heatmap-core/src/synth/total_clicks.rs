//! How well the total number of clicks alone predicts the class: the leak that every preset is
//! measured for.

use super::Preset;

/// Accuracies, 0 to 1, of two baselines on samples that these were not fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TotalClicksBaseline {
    /// Accuracy of the best guess from the total number of clicks.
    pub accuracy: f64,
    /// Accuracy of always guessing the most frequent class.
    pub chance: f64,
}

/// Measures how well the class can be guessed from the total number of clicks: the most frequent
/// class in each of 50 equally filled ranges of the total is fitted on `samples` samples and scored
/// on as many others.
///
/// # Panics
///
/// Panics if `samples` is 0.
pub fn total_clicks_baseline(preset: &Preset, seed: u64, samples: u64) -> TotalClicksBaseline {
    assert!(samples > 0, "a baseline needs samples");
    const RANGES: usize = 50;
    let draw = |from: u64| -> Vec<(f64, usize)> {
        let sample = |index| preset.sample(seed, index);
        (from..from + samples).map(sample).map(|s| (s.heatmap.total(), s.class)).collect()
    };
    let (mut fit, score) = (draw(0), draw(samples));
    fit.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranges: Vec<&[(f64, usize)]> = fit.chunks(fit.len().div_ceil(RANGES)).collect();
    let guesses: Vec<usize> =
        ranges.iter().map(|range| most_frequent(range, preset.num_classes())).collect();
    let guess =
        |total: f64| guesses[ranges.partition_point(|range| range[0].0 <= total).saturating_sub(1)];
    let share = |right: &dyn Fn(&(f64, usize)) -> bool| {
        score.iter().filter(|sample| right(sample)).count() as f64 / score.len() as f64
    };
    let always = most_frequent(&fit, preset.num_classes());
    TotalClicksBaseline {
        accuracy: share(&|&(total, class)| guess(total) == class),
        chance: share(&|&(_, class)| class == always),
    }
}

fn most_frequent(samples: &[(f64, usize)], classes: usize) -> usize {
    let mut counts = vec![0_usize; classes];
    samples.iter().for_each(|&(_, class)| counts[class] += 1);
    (0..classes).fold(0, |best, class| if counts[class] > counts[best] { class } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_a_leak_where_there_is_one_and_none_elsewhere() {
        let baseline =
            |name| total_clicks_baseline(&Preset::named(name).expect("a preset"), 3, 4_000);
        // More clusters bring more clicks there, by the protocol.
        let leaking = baseline("count-report");
        assert!(leaking.accuracy > 2.0 * leaking.chance, "{leaking:?}");
        // The total is drawn without regard to the class: within 4.5 standard errors of 1 in 8.
        let tight = baseline("simclr-report");
        assert!(
            (tight.accuracy - 0.125).abs() < 4.5 * (0.125 * 0.875 / 4_000_f64).sqrt(),
            "{tight:?}"
        );
    }
}
