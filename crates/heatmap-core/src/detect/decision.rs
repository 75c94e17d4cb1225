//! [`DecisionConfig`]: from the parts of all banners to one score each, and to those that are flagged, by a rule that is stated.
//!
//! * Without labels: the mean z of the parts named in [`DecisionConfig::bulk_parts`], which is itself a z. Flagged is what a good banner would pass
//!   with about the stated probability.
//! * With labels: regularised logistic regression on the parts, that mean, and the metrics. It is used when there are enough labels and it ranks
//!   banners whose labels it has not seen better than the mean does. A labelled banner is scored by a model that has not seen its label,
//!   and the threshold that judges it comes from other banners too (five folds).
//! * A budget flags the n highest, whatever the score.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::evaluation::{Objective, auroc, best_threshold, flag_highest};
use super::{BulkAverage, LogisticFusion, NullModel, Parts, PartsTable, Score, z_of_false_alarms};
use crate::{Error, Result};

/// How banners are scored and flagged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionConfig {
    /// Flag so many banners, no more and no fewer; `None` to flag by a threshold.
    pub budget: Option<usize>,
    /// Without labels, the share of the good banners that may be flagged in error.
    pub false_alarms: f64,
    /// Parts that count without labels.
    pub bulk_parts: Vec<String>,
    /// Inverse strength of the penalty of the regression.
    pub penalty_c: f64,
}

impl Default for DecisionConfig {
    fn default() -> Self {
        let bulk_parts = ["likelihood_ratio", "known_defects"].map(str::to_owned).to_vec();
        Self { budget: None, false_alarms: 0.01, bulk_parts, penalty_c: 0.1 }
    }
}

/// A score for every banner, and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Higher = more broken: a probability with labels, a z without.
    pub scores: Vec<f64>,
    /// Whether flagged.
    pub flagged: Vec<bool>,
    /// What a score must pass to be flagged; none with a budget, or when nothing can be learned.
    pub threshold: Option<f64>,
    /// What the scores are.
    pub meaning: ScoreMeaning,
    /// The rule in words.
    pub rule: String,
}

/// What a score is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMeaning {
    /// Probability of broken, learned from labels.
    Probability,
    /// Standard deviations above the bulk of the banners.
    StandardDeviations,
    /// Likelihood ratio per click: there were too few banners to learn how scores spread.
    LikelihoodRatio,
}

/// Folds of the labelled banners.
const FOLDS: usize = 5;
/// Labels of either kind that a regression is tried with.
const LEAST_LABELS: usize = 20;

/// What is known of banners beside their parts.
pub struct Evidence<'a> {
    /// Whether each banner is broken, as far as known.
    pub labels: &'a [Option<bool>],
    /// Banners that are taken for good, by a label or by how their clicks land.
    pub good: &'a [bool],
    /// Further numbers of a banner for the regression, always as many; without labels nobody knows which way they point.
    pub metrics: &'a (dyn Fn(usize) -> Vec<Option<f64>> + Sync),
}

impl DecisionConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the one that cannot be used.
    pub fn check(&self) -> Result<()> {
        z_of_false_alarms(self.false_alarms)?;
        if self.bulk_parts.is_empty() {
            return Err(Error::config("bulk_parts", "[]", "a score needs a part"));
        }
        Ok(())
    }

    /// Decides on the banners of `table`.
    ///
    /// # Errors
    /// When a named part is not in the table, or a setting cannot be used.
    ///
    /// # Panics
    /// When there is not one label, known or not, and one mark for each banner.
    pub fn decide(&self, table: &PartsTable, evidence: &Evidence<'_>) -> Result<Decision> {
        assert_eq!(evidence.labels.len(), table.len(), "a label, known or not, for each banner");
        self.check()?;
        let z = table.standardized(evidence.good)?;
        let mut decision = self.by_bulk(table, &z, evidence.good)?;
        let of = |wanted: bool| evidence.labels.iter().filter(|label| **label == Some(wanted)).count();
        let (broken, good) = (of(true), of(false));
        if broken.min(good) >= LEAST_LABELS {
            let learned = self.by_labels(&z, &decision.scores, evidence)?;
            let worth = |scores: &[f64]| auroc_of_labelled(scores, evidence.labels);
            let (with, without) = (worth(&learned.scores)?, worth(&decision.scores)?);
            if with > without {
                decision = learned;
            } else {
                decision.rule += &format!(
                    " Learning from the {} labels was tried and not used: it ranks labelled banners no better (AUROC {with:.4} against {without:.4}).",
                    broken + good
                );
            }
        } else if broken + good > 0 {
            decision.rule += &format!(
                " The labels ({broken} broken, {good} good) were not learned from: it takes {LEAST_LABELS} of each."
            );
        }
        Ok(decision)
    }

    /// The sentence on what is flagged, and the flags of a budget.
    fn flags(&self, scores: &[f64], threshold: f64, otherwise: &str) -> Result<(Vec<bool>, Option<f64>, String)> {
        Ok(match self.budget {
            Some(budget) => {
                let flagged = flag_highest(scores, budget)?;
                let count = flagged.iter().filter(|f| **f).count();
                let banners = if count == 1 { "banner" } else { "banners" };
                (flagged, None, format!("Flagged: the {count} {banners} with the highest score, by the alert budget."))
            }
            None => {
                let flagged = scores.iter().map(|&score| score > threshold).collect();
                (flagged, Some(threshold), format!("Flagged: above {threshold:.2}. {otherwise}"))
            }
        })
    }

    fn by_bulk(&self, table: &PartsTable, z: &PartsTable, good: &[bool]) -> Result<Decision> {
        let columns: Vec<usize> = self.bulk_parts.iter().map(|name| column(table, name)).collect::<Result<_>>()?;
        let parts = |banner: usize| -> Vec<Option<f64>> { columns.iter().map(|&part| z.get(banner, part)).collect() };
        let raw: Vec<f64> = (0..z.len()).map(|banner| BulkAverage.score(&parts(banner))).collect::<Result<_>>()?;
        let of = |only_good: bool| -> (Vec<f64>, Vec<f64>) {
            let counted = (0..z.len()).filter(|&banner| good[banner] || !only_good);
            counted.map(|banner| (raw[banner], z.clicks()[banner])).unzip()
        };
        let known = of(true);
        let enough = known.0.len() >= NullModel::LEAST_BANNERS;
        let (reference, clicks) = if enough { known } else { of(false) };
        let Ok(null) = NullModel::fit(&reference, &clicks) else {
            let scores: Vec<f64> =
                (0..table.len()).map(|banner| table.get(banner, columns[0]).unwrap_or(0.0)).collect();
            let (flagged, threshold, rule) = match self.budget {
                Some(_) => self.flags(&scores, 0.0, "")?,
                None => (vec![false; table.len()], None, "Nothing is flagged without a budget.".to_owned()),
            };
            let rule = format!(
                "{rule} {} banners are too few to learn how the scores of good ones spread ({} are needed); the score is {}.",
                table.len(),
                NullModel::LEAST_BANNERS,
                self.bulk_parts[0]
            );
            return Ok(Decision { scores, flagged, threshold, meaning: ScoreMeaning::LikelihoodRatio, rule });
        };
        let scores: Vec<f64> = raw.iter().zip(z.clicks()).map(|(&score, &clicks)| null.z(score, clicks)).collect();
        let rate = format!(
            "About {} of good banners should be flagged in error, or fewer, if their scores spread as those of the {} do.",
            percent(self.false_alarms),
            if enough { "banners that are taken for good" } else { "bulk" }
        );
        let (flagged, threshold, rule) = self.flags(&scores, z_of_false_alarms(self.false_alarms)?, &rate)?;
        let reference = if enough { "the banners that are taken for good" } else { "the bulk of all banners" };
        let rule = format!(
            "The score says how many standard deviations a banner lies above {reference} with about as many clicks, in the mean of {}. {rule}",
            self.bulk_parts.join(" and "),
        );
        Ok(Decision { scores, flagged, threshold, meaning: ScoreMeaning::StandardDeviations, rule })
    }

    /// `bulk` is the score without labels, one part more.
    fn by_labels(&self, z: &PartsTable, bulk: &[f64], evidence: &Evidence<'_>) -> Result<Decision> {
        let row = |banner: usize| {
            let mut parts = z.row(banner);
            parts.push(Some(bulk[banner]));
            parts.extend((evidence.metrics)(banner));
            parts
        };
        let labels = evidence.labels;
        let labelled: Vec<(usize, bool)> =
            labels.iter().enumerate().filter_map(|(at, label)| Some((at, (*label)?))).collect();
        // Every fold has its share of either class.
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
        let score = |banner: usize| if labels[banner].is_some() { Ok(0.0) } else { model.score(&row(banner)) };
        let mut scores: Vec<f64> = (0..z.len()).into_par_iter().map(score).collect::<Result<_>>()?;
        labelled.iter().zip(&out_of_fold).for_each(|(&(banner, _), &score)| scores[banner] = score);
        let (mut flagged, threshold, rule) = self.flags(
            &scores,
            threshold,
            "That gave the best macro-F1 on the labelled banners; a labelled banner is held against a threshold from the others.",
        )?;
        if threshold.is_some() {
            let thresholds: Vec<f64> = (0..FOLDS).map(|fold| threshold_without(Some(fold))).collect::<Result<_>>()?;
            for (at, &(banner, _)) in labelled.iter().enumerate() {
                flagged[banner] = out_of_fold[at] > thresholds[folds[at]];
            }
        }
        let broken = labelled.iter().filter(|(_, broken)| *broken).count();
        let rule = format!(
            "The score is the probability of broken, by logistic regression on {broken} broken and {} good banners that are labelled; it means what it says \
             if they are a fair sample. A labelled banner is scored by a model that has not seen its label. {rule}",
            labelled.len() - broken
        );
        Ok(Decision { scores, flagged, threshold, meaning: ScoreMeaning::Probability, rule })
    }
}

fn auroc_of_labelled(scores: &[f64], labels: &[Option<bool>]) -> Result<f64> {
    let known = scores.iter().zip(labels).filter_map(|(&score, &label)| Some((score, label?)));
    let (scores, broken): (Vec<f64>, Vec<bool>) = known.unzip();
    auroc(&scores, &broken)
}

/// A share in per cent, without the digits that rounding leaves.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", (share * 1e8).round() / 1e6)
}

fn column(table: &PartsTable, name: &str) -> Result<usize> {
    table.names().iter().position(|known| known == name).ok_or_else(|| {
        Error::config("bulk_parts", name, format!("no such part; there are {}", table.names().join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand_distr::{Distribution, StandardNormal};

    type World = (PartsTable, Vec<Vec<Option<f64>>>, Vec<bool>);

    /// Banners of which one in `every` is broken: `apart` higher in both parts that count, and in a metric.
    fn world(count: usize, every: usize, apart: f64) -> World {
        let mut table = PartsTable::new(["likelihood_ratio", "known_defects", "noise"].map(str::to_owned).to_vec());
        let mut rng = sample_rng(2, 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let broken: Vec<bool> = (0..count).map(|banner| banner % every == 0).collect();
        let mut metrics = Vec::new();
        for &broken in &broken {
            let up = if broken { apart } else { 0.0 };
            table.push(&[Some(up + normal()), Some(up + normal()), Some(normal())], 100.0, 0);
            metrics.push(vec![(normal() > 0.0).then(|| 2.0 * up - normal())]);
        }
        (table, metrics, broken)
    }

    fn decide(config: &DecisionConfig, world: &World, labels: &[Option<bool>], good: &[bool]) -> Result<Decision> {
        let metrics = |banner: usize| world.1[banner].clone();
        config.decide(&world.0, &Evidence { labels, good, metrics: &metrics })
    }

    fn unlabelled(config: &DecisionConfig, world: &World) -> Result<Decision> {
        let count = world.2.len();
        decide(config, world, &vec![None; count], &vec![false; count])
    }

    fn errors(decision: &Decision, broken: &[bool]) -> (usize, usize) {
        let wrong = |wanted: bool| {
            let pairs = decision.flagged.iter().zip(broken);
            pairs.filter(|(flagged, broken)| **broken == wanted && **flagged != wanted).count()
        };
        (wrong(false), wrong(true))
    }

    #[test]
    fn without_labels_the_bulk_decides_by_the_stated_rate() {
        let world = world(3_000, 12, 5.0);
        let decision = unlabelled(&DecisionConfig::default(), &world).unwrap();
        let (false_alarms, missed) = errors(&decision, &world.2);
        assert!(false_alarms < 2 * 28 && missed < 10, "{false_alarms} and {missed}");
        assert_eq!(decision.meaning, ScoreMeaning::StandardDeviations);
        assert!(decision.rule.contains("About 1 % of good banners"), "{}", decision.rule);
    }

    #[test]
    fn known_good_banners_carry_the_rule_where_there_is_no_bulk() {
        let world = world(1_200, 3, 5.0);
        let good: Vec<bool> = world.2.iter().enumerate().map(|(at, b)| !b && at % 2 == 0).collect();
        let labels = vec![None; 1_200];
        let decision = decide(&DecisionConfig::default(), &world, &labels, &good).unwrap();
        let (false_alarms, missed) = errors(&decision, &world.2);
        assert!(false_alarms < 24 && missed < 10, "{false_alarms} and {missed}");
    }

    #[test]
    fn labels_teach_and_no_banner_is_judged_by_its_own() {
        // The parts say little, the metric more: only labels tell which way it points.
        let world = world(1_200, 4, 1.0);
        let labels: Vec<Option<bool>> = world.2.iter().enumerate().map(|(at, &b)| (at < 600).then_some(b)).collect();
        let run =
            |labels: &[Option<bool>]| decide(&DecisionConfig::default(), &world, labels, &[false; 1_200]).unwrap();
        let decision = run(&labels);
        assert_eq!(decision.meaning, ScoreMeaning::Probability, "{}", decision.rule);
        assert!(decision.scores.iter().all(|p| (0.0..=1.0).contains(p)));
        let unseen = |scores: &[f64]| auroc(&scores[600..], &world.2[600..]).unwrap();
        let bulk = unlabelled(&DecisionConfig::default(), &world).unwrap();
        assert!(unseen(&decision.scores) > unseen(&bulk.scores) + 0.02);
        // A wrong label of its own does not lower the score of a banner.
        let mut wrong = labels.clone();
        wrong[8] = Some(false);
        assert!((run(&wrong).scores[8] - decision.scores[8]).abs() < 0.1);
    }

    #[test]
    fn labels_that_say_nothing_are_tried_and_not_used() {
        let world = world(1_200, 12, 5.0);
        let labels: Vec<Option<bool>> = (0..1_200).map(|at| Some(at / 12 % 3 == 0)).collect();
        let decision = decide(&DecisionConfig::default(), &world, &labels, &[false; 1_200]).unwrap();
        let chance = auroc_of_labelled(&decision.scores, &labels).unwrap();
        assert!((chance - 0.5).abs() < 0.08, "{chance}");
    }

    #[test]
    fn a_budget_flags_so_many() {
        let world = world(240, 12, 5.0);
        let config = DecisionConfig { budget: Some(20), ..Default::default() };
        let decision = unlabelled(&config, &world).unwrap();
        assert_eq!(decision.flagged.iter().filter(|f| **f).count(), 20);
        assert!(errors(&decision, &world.2).0 <= 1 && decision.threshold.is_none());
        assert!(decision.rule.contains("Flagged: the 20 banners") && !decision.rule.contains("above 2"));
        let all = DecisionConfig { budget: Some(1_000), ..Default::default() };
        assert!(unlabelled(&all, &world).unwrap().flagged.iter().all(|f| *f));
    }

    #[test]
    fn too_little_to_learn_from_is_said() {
        let tiny = world(8, 12, 5.0);
        let decision = unlabelled(&DecisionConfig::default(), &tiny).unwrap();
        assert!(decision.flagged.iter().all(|f| !f) && decision.rule.contains("8 banners are too few"));
        assert_eq!(decision.scores[3], tiny.0.get(3, 0).unwrap());
        let world = world(100, 12, 5.0);
        let labels: Vec<Option<bool>> = world.2.iter().enumerate().map(|(at, &b)| (at < 20).then_some(b)).collect();
        let decision = decide(&DecisionConfig::default(), &world, &labels, &[false; 100]).unwrap();
        assert!(decision.rule.contains("The labels (2 broken, 18 good) were not learned from"), "{}", decision.rule);
    }

    #[test]
    fn settings_that_cannot_be_used_are_named() {
        let world = world(100, 12, 5.0);
        let said = |config: DecisionConfig| unlabelled(&config, &world).unwrap_err().to_string();
        assert!(said(DecisionConfig { false_alarms: 0.9, ..Default::default() }).contains("false alarm rate"));
        assert!(said(DecisionConfig { bulk_parts: vec!["x".into()], ..Default::default() }).contains("no such part"));
        assert!(said(DecisionConfig { bulk_parts: vec![], ..Default::default() }).contains("needs a part"));
        assert_eq!((percent(0.07), percent(0.001)), ("7 %".to_owned(), "0.1 %".to_owned()));
    }
}
