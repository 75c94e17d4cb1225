//! Scores that are learned from labels.

use rayon::prelude::*;

use super::{Decision, DecisionConfig, DecisionInputs, ScoreMeaning};
use crate::Result;
use crate::detect::evaluation::{Objective, best_threshold};
use crate::detect::{LogisticFusion, Parts, PartsTable, Score};

/// Number of cross-validation folds of the labelled banners.
const FOLDS: usize = 5;

impl DecisionConfig {
    /// Logistic regression on `columns` of `z`, the score without labels (`bulk`) and the metrics.
    pub(super) fn by_labels(
        &self,
        z: &PartsTable,
        columns: &[usize],
        bulk: &[f64],
        evidence: &DecisionInputs<'_>,
    ) -> Result<Decision> {
        let row = |banner: usize| {
            let mut parts: Vec<Option<f64>> =
                columns.iter().map(|&part| z.get(banner, part)).collect();
            parts.push(Some(bulk[banner]));
            parts.extend((evidence.metrics)(banner));
            parts
        };
        let labels = evidence.labels;
        let labelled: Vec<(usize, bool)> =
            labels.iter().enumerate().filter_map(|(at, label)| Some((at, (*label)?))).collect();
        // Stratified: every fold gets its share of both classes.
        let mut seen = [0, 0];
        let folds: Vec<usize> = labelled
            .iter()
            .map(|&(_, broken)| {
                seen[usize::from(broken)] += 1;
                seen[usize::from(broken)] % FOLDS
            })
            .collect();
        let rows: Vec<Vec<Option<f64>>> = labelled.iter().map(|&(banner, _)| row(banner)).collect();
        let model_without = |fold: Option<usize>| {
            let kept = || (0..labelled.len()).filter(|&at| Some(folds[at]) != fold);
            let parts: Vec<&Parts> = kept().map(|at| rows[at].as_slice()).collect();
            let broken: Vec<bool> = kept().map(|at| labelled[at].1).collect();
            LogisticFusion::fit(&parts, &broken, self.penalty_c)
        };
        let mut out_of_fold = vec![0.0; labelled.len()];
        for fold in 0..FOLDS {
            let model = model_without(Some(fold))?;
            for at in (0..labelled.len()).filter(|&at| folds[at] == fold) {
                out_of_fold[at] = model.score(&rows[at])?;
            }
        }
        let threshold_without = |fold: Option<usize>| {
            let kept = || (0..labelled.len()).filter(|&at| Some(folds[at]) != fold);
            let scores: Vec<f64> = kept().map(|at| out_of_fold[at]).collect();
            let broken: Vec<bool> = kept().map(|at| labelled[at].1).collect();
            best_threshold(&scores, &broken, Objective::MacroF1)
        };
        let (model, threshold) = (model_without(None)?, threshold_without(None)?);
        let score = |banner: usize| {
            if labels[banner].is_some() { Ok(0.0) } else { model.score(&row(banner)) }
        };
        let mut scores: Vec<f64> =
            (0..z.len()).into_par_iter().map(score).collect::<Result<_>>()?;
        labelled.iter().zip(&out_of_fold).for_each(|(&(banner, _), &score)| scores[banner] = score);
        let (mut flagged, threshold, rule) = self.flags(
            &scores,
            evidence.flaggable,
            threshold,
            "That gave the best macro-F1 on the labelled banners; a labelled banner is held \
             against a threshold from the others.",
        )?;
        if threshold.is_some() {
            let thresholds: Vec<f64> =
                (0..FOLDS).map(|fold| threshold_without(Some(fold))).collect::<Result<_>>()?;
            for (at, &(banner, _)) in labelled.iter().enumerate() {
                flagged[banner] = out_of_fold[at] > thresholds[folds[at]];
            }
        }
        let broken = labelled.iter().filter(|(_, broken)| *broken).count();
        let rule = format!(
            "The score is the probability of broken, by logistic regression on {broken} broken \
             and {} good banners that are labelled; it means what it says \
             if they are a fair sample. A labelled banner is scored by a model that has not seen \
             its label. {rule}",
            labelled.len() - broken
        );
        Ok(Decision { scores, flagged, threshold, meaning: ScoreMeaning::Probability, rule })
    }
}
