//! [`SetScores`]: scores of a set network and of hand-made baselines for held-out banners.

use heatmap_core::detect::evaluation::{ConfusionCounts, Objective, auroc, best_threshold};
use heatmap_core::detect::{
    BannerMaps, CHANNELS, ClickMap, LikelihoodRatio, Score, SetNetwork, Smoothing,
    nearest_references,
};
use heatmap_core::synth::{ReferenceSet, ReferenceSets, SetBanner};
use heatmap_core::{Heatmap, sample_rng};
use rand::seq::IteratorRandom;
use rayon::prelude::*;

use crate::data::{Comparison, planes_of};
use crate::{Error, Result};

/// Names of the scores, in order: those of the set network and hand-made ones with the same
/// knowledge. The first three compare a banner with unlabelled banners of its grid, the next four
/// with banners that are known to be good, and the last three with none.
pub const SET_SCORES: [&str; 10] = [
    "set network",
    "distance to the 10 nearest",
    "distance to the median",
    "set network, 8 good banners",
    "set network, 1 good banner",
    "distance to 1 good banner",
    "likelihood ratio, 1 good banner",
    "set network, nothing else known",
    "zero-shot likelihood ratio",
    "largest share at one point",
];

/// The scores of the queries of many sets; a higher score means more likely broken.
#[derive(Debug, Clone, Default)]
pub struct SetScores {
    /// Scores of all queries, for each of [`SET_SCORES`].
    pub scores: Vec<Vec<f64>>,
    /// Name of the defect of each query, or `None` for a good banner.
    pub defects: Vec<Option<&'static str>>,
    /// Index of the set that each query belongs to.
    pub sets: Vec<usize>,
}

impl SetScores {
    /// Computes the scores for the first `number` sets of this seed. `each_set` is called after
    /// every set.
    ///
    /// # Errors
    /// Returns an error when the configuration of the sets is not consistent.
    pub fn of(
        network: &SetNetwork,
        sets: &ReferenceSets,
        seed: u64,
        number: usize,
        each_set: impl Fn() + Sync,
    ) -> Result<Self> {
        sets.check()?;
        let maps = BannerMaps::new(sets.grid);
        let of = |index: usize| {
            let set = sets.set(seed, index as u64);
            let rows = scores_of(network, &maps, &set, seed, index as u64)?;
            each_set();
            Ok((rows, set.queries.iter().map(|query| query.defect).collect::<Vec<_>>()))
        };
        let parts: Vec<_> = (0..number).into_par_iter().map(of).collect::<Result<_>>()?;
        let mut all = Self { scores: vec![Vec::new(); SET_SCORES.len()], ..Default::default() };
        for (index, (rows, defects)) in parts.into_iter().enumerate() {
            for (scores, row) in all.scores.iter_mut().zip(rows) {
                scores.extend(row);
            }
            all.sets.extend(defects.iter().map(|_| index));
            all.defects.extend(defects);
        }
        Ok(all)
    }

    /// Returns whether each query is broken.
    pub fn broken(&self) -> Vec<bool> {
        self.defects.iter().map(Option::is_some).collect()
    }

    /// Returns the AUROC (area under the receiver operating characteristic) of score `which` within
    /// a set, averaged over the sets. With `defect`, only broken banners with that defect are
    /// included. It returns `None` if no set contains both good and broken banners.
    pub fn mean_auroc(&self, which: usize, defect: Option<&str>) -> Option<f64> {
        let (mut sum, mut number) = (0.0, 0);
        let mut first = 0;
        while first < self.sets.len() {
            let end = first + self.sets[first..].partition_point(|&set| set == self.sets[first]);
            let wanted = |at: &usize| {
                self.defects[*at].is_none_or(|kind| defect.is_none_or(|defect| kind == defect))
            };
            let (scores, broken): (Vec<f64>, Vec<bool>) = (first..end)
                .filter(wanted)
                .map(|at| (self.scores[which][at], self.defects[at].is_some()))
                .unzip();
            if let Ok(area) = auroc(&scores, &broken) {
                (sum, number) = (sum + area, number + 1);
            }
            first = end;
        }
        (number > 0).then(|| sum / f64::from(number))
    }

    /// Returns the macro-F1 of score `which` with one threshold for all sets. The threshold is the
    /// best one on the sets with an even index; the macro-F1 is measured on the others.
    ///
    /// # Errors
    /// Returns an error when the sets with an even index do not contain both good and broken
    /// banners, or when there is no set with an odd index.
    pub fn macro_f1(&self, which: usize) -> Result<f64> {
        let half = |odd: usize| -> (Vec<f64>, Vec<bool>) {
            let of = (0..self.sets.len()).filter(|&at| self.sets[at] % 2 == odd);
            of.map(|at| (self.scores[which][at], self.defects[at].is_some())).unzip()
        };
        let ((fit, fit_broken), (test, test_broken)) = (half(0), half(1));
        let threshold = best_threshold(&fit, &fit_broken, Objective::MacroF1)?;
        let flagged: Vec<bool> = test.iter().map(|&score| score > threshold).collect();
        if test.is_empty() {
            return Err(Error::data(
                "one set alone cannot both choose a threshold and be measured at it",
            ));
        }
        Ok(ConfusionCounts::of(&flagged, &test_broken).macro_f1())
    }
}

/// Computes the scores of all queries of a set, for each of [`SET_SCORES`].
fn scores_of(
    network: &SetNetwork,
    maps: &BannerMaps,
    set: &ReferenceSet,
    seed: u64,
    index: u64,
) -> Result<Vec<Vec<f64>>> {
    let all = |comparison| vec![comparison; set.queries.len()];
    let logits = |comparison: Comparison| -> Result<Vec<f64>> {
        let planes = planes_of(set, maps, &all(comparison), &mut sample_rng(seed, index))?;
        Ok(planes
            .chunks_exact(CHANNELS * BannerMaps::POINTS)
            .map(|planes| network.logit(planes))
            .collect())
    };
    let of = |banner: &SetBanner| -> Result<(Vec<f32>, f64)> {
        Ok((maps.of(&banner.heatmap)?, banner.heatmap.total()))
    };
    let references: Vec<(Vec<f32>, f64)> = set.references.iter().map(of).collect::<Result<_>>()?;
    let queries: Vec<(Vec<f32>, f64)> = set.queries.iter().map(of).collect::<Result<_>>()?;
    let median: Vec<f32> = (0..2 * BannerMaps::POINTS)
        .map(|at| {
            let mut values: Vec<f32> = references.iter().map(|reference| reference.0[at]).collect();
            let middle = values.len() / 2;
            *values.select_nth_unstable_by(middle, f32::total_cmp).1
        })
        .collect();
    // The good reference that is assumed to be known, drawn separately for every query.
    let good = || (0..references.len()).filter(|&at| set.references[at].defect.is_none());
    let mut rng = sample_rng(seed, index);
    let anchors: Vec<Option<usize>> = set.queries.iter().map(|_| good().choose(&mut rng)).collect();
    let to = |anchor: Option<usize>, maps: &[f32]| {
        anchor.map_or(0.0, |at| wide_distance(&references[at].0, maps))
    };
    let ratio = |heatmap: &Heatmap, anchor: Option<usize>| -> Result<f64> {
        let Some(at) = anchor else { return Ok(0.0) };
        let map = ClickMap::of([&set.references[at].heatmap], &Smoothing::default())?;
        Ok(LikelihoodRatio::one_shot(map)?.score(heatmap)?)
    };
    let zero_shot = LikelihoodRatio::zero_shot(set.queries[0].heatmap.grid());
    let nearest = |maps: &[f32]| {
        let nearest = nearest_references(maps, &references, None, 10);
        let sum: f64 = nearest.iter().map(|reference| wide_distance(reference.maps, maps)).sum();
        sum / nearest.len().max(1) as f64
    };
    let peak = |maps: &[f32]| {
        maps[BannerMaps::POINTS..].iter().fold(0.0_f64, |most, &value| most.max(value.into()))
    };
    Ok(vec![
        logits(Comparison::Nearest(heatmap_core::detect::MAX_REFERENCES))?,
        queries.iter().map(|(maps, _)| nearest(maps)).collect(),
        queries.iter().map(|(maps, _)| wide_distance(&median, maps)).collect(),
        logits(Comparison::Anchors(8))?,
        logits(Comparison::Anchors(1))?,
        queries.iter().zip(&anchors).map(|((maps, _), &anchor)| to(anchor, maps)).collect(),
        set.queries
            .iter()
            .zip(&anchors)
            .map(|(query, &at)| ratio(&query.heatmap, at))
            .collect::<Result<_>>()?,
        logits(Comparison::Nothing)?,
        set.queries
            .iter()
            .map(|query| zero_shot.score(&query.heatmap))
            .collect::<heatmap_core::Result<_>>()?,
        queries.iter().map(|(maps, _)| peak(maps)).collect(),
    ])
}

/// Returns the Euclidean distance of the wide maps, which is proportional to the Hellinger
/// distance.
fn wide_distance(a: &[f32], b: &[f32]) -> f64 {
    let (a, b) = (&a[BannerMaps::POINTS..], &b[BannerMaps::POINTS..]);
    a.iter().zip(b).map(|(a, b)| f64::from((a - b) * (a - b))).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores() -> SetScores {
        let mut scores = vec![vec![0.0; 6]; SET_SCORES.len()];
        scores[0] = vec![0.9, 0.1, 0.5, 0.2, 0.3, 0.4];
        SetScores {
            scores,
            defects: vec![Some("spot"), None, Some("edge"), Some("spot"), None, None],
            sets: vec![0, 0, 0, 1, 1, 1],
        }
    }

    #[test]
    fn areas_are_those_within_the_sets() {
        let scores = scores();
        assert_eq!(scores.broken(), [true, false, true, true, false, false]);
        assert_eq!(scores.mean_auroc(0, None), Some(0.5));
        assert_eq!(scores.mean_auroc(0, Some("edge")), Some(1.0));
        assert_eq!(scores.mean_auroc(0, Some("none")), None);
        assert_eq!(scores.mean_auroc(1, None), Some(0.5));
    }

    #[test]
    fn the_threshold_is_that_of_the_even_sets() {
        // Between 0.1 and 0.5: in the second set the broken 0.2 and the good 0.3, 0.4 are on one
        // side or the other.
        let f1 = scores().macro_f1(0).expect("both classes");
        assert!((0.0..0.6).contains(&f1), "{f1}");
        let perfect = SetScores {
            defects: vec![Some("spot"), None, Some("edge"), None, None, Some("spot")],
            ..scores()
        };
        assert_eq!(perfect.macro_f1(0).expect("both classes"), 1.0);
    }
}
