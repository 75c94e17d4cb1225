//! [`DecisionConfig`]: from the parts of all banners to one score each, and to those that are flagged, by a rule that is stated.
//!
//! * With labels of both classes: regularised logistic regression on the parts and the metrics. A labelled banner is scored by a model
//!   that has not seen it, and the threshold that judges it comes from other banners too (five folds).
//! * Without: the mean z of the parts named in [`DecisionConfig::bulk_parts`], which is itself a z. Flagged is what a good banner would pass
//!   with no more than the stated probability.
//! * A budget flags the n highest, whatever the score.

use serde::{Deserialize, Serialize};

use super::evaluation::{Objective, best_threshold, flag_highest};
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

    /// Decides on the banners of `table`, whose labels, as far as known, are `labels`. `metrics` has further columns for the
    /// regression; without labels nobody knows which way they point.
    ///
    /// # Errors
    /// When a named part is not in the table, or a setting cannot be used.
    ///
    /// # Panics
    /// When there is not one label, known or not, for each banner.
    pub fn decide(
        &self,
        table: &PartsTable,
        metrics: &[Vec<Option<f64>>],
        labels: &[Option<bool>],
    ) -> Result<Decision> {
        assert_eq!(labels.len(), table.len(), "a label, known or not, for each banner");
        self.check()?;
        let z = table.standardized()?;
        let of = |wanted: bool| labels.iter().filter(|label| **label == Some(wanted)).count();
        let enough = of(true).min(of(false)) >= FOLDS.max(LogisticFusion::LEAST_OF_A_CLASS);
        let mut decision = if enough { self.by_labels(&z, metrics, labels)? } else { self.by_bulk(table, &z)? };
        if !enough && of(true) + of(false) > 0 {
            decision.rule += &format!(
                " The labels ({} broken, {} good) were not used: {FOLDS} of each are needed to learn from.",
                of(true),
                of(false)
            );
        }
        if let Some(budget) = self.budget {
            decision.flagged = flag_highest(&decision.scores, budget)?;
            decision.threshold = None;
            let flagged = decision.flagged.iter().filter(|f| **f).count();
            decision.rule = format!(
                "Flagged: the {flagged} banners with the highest score, by the alert budget. {}",
                decision.rule
            );
        }
        Ok(decision)
    }

    fn by_bulk(&self, table: &PartsTable, z: &PartsTable) -> Result<Decision> {
        let columns: Vec<usize> = self.bulk_parts.iter().map(|name| column(table, name)).collect::<Result<_>>()?;
        let parts = |banner: usize| -> Vec<Option<f64>> { columns.iter().map(|&part| z.get(banner, part)).collect() };
        let raw: Vec<f64> = (0..z.len()).map(|banner| BulkAverage.score(&parts(banner))).collect::<Result<_>>()?;
        let Ok(null) = NullModel::fit(&raw, z.clicks()) else {
            let scores = (0..table.len()).map(|banner| table.get(banner, columns[0]).unwrap_or(0.0)).collect();
            let rule = format!(
                "Nothing is flagged without a budget: {} banners are too few to learn how the scores of good ones spread ({} are needed). The score is {}.",
                table.len(),
                NullModel::LEAST_BANNERS,
                self.bulk_parts[0]
            );
            let flagged = vec![false; table.len()];
            return Ok(Decision { scores, flagged, threshold: None, meaning: ScoreMeaning::LikelihoodRatio, rule });
        };
        let scores: Vec<f64> = raw.iter().zip(z.clicks()).map(|(&score, &clicks)| null.z(score, clicks)).collect();
        let threshold = z_of_false_alarms(self.false_alarms)?;
        let rule = format!(
            "The score says how many standard deviations a banner lies above the bulk of all banners with about as many clicks, in the mean of {}. Above {threshold:.2} it is flagged: \
             no more than {} % of good banners should be, if their scores spread as those of the bulk do.",
            self.bulk_parts.join(" and "),
            100.0 * self.false_alarms
        );
        let flagged = scores.iter().map(|&score| score > threshold).collect();
        Ok(Decision { scores, flagged, threshold: Some(threshold), meaning: ScoreMeaning::StandardDeviations, rule })
    }

    fn by_labels(&self, z: &PartsTable, metrics: &[Vec<Option<f64>>], labels: &[Option<bool>]) -> Result<Decision> {
        let row = |banner: usize| {
            let mut parts = z.row(banner);
            parts.extend(metrics.get(banner).into_iter().flatten());
            parts
        };
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
        let mut scores = Vec::with_capacity(z.len());
        for (banner, label) in labels.iter().enumerate() {
            scores.push(if label.is_some() { 0.0 } else { model.score(&row(banner))? });
        }
        let mut flagged: Vec<bool> = scores.iter().map(|&score| score > threshold).collect();
        let thresholds: Vec<f64> = (0..FOLDS).map(|fold| threshold_without(Some(fold))).collect::<Result<_>>()?;
        for (at, &(banner, _)) in labelled.iter().enumerate() {
            scores[banner] = out_of_fold[at];
            flagged[banner] = out_of_fold[at] > thresholds[folds[at]];
        }
        let broken = labelled.iter().filter(|(_, broken)| *broken).count();
        let rule = format!(
            "The score is the probability of broken, by logistic regression on the labels ({broken} broken, {} good). A labelled banner is scored by a model \
             that has not seen its label. Above {threshold:.2}, which gave the best macro-F1 on the labelled banners, it is flagged; a labelled banner is held against a threshold from the others.",
            labelled.len() - broken
        );
        Ok(Decision { scores, flagged, threshold: Some(threshold), meaning: ScoreMeaning::Probability, rule })
    }
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

    /// Banners of which every twelfth is broken: 5 higher in both parts that count, and in a metric.
    fn world(count: usize) -> (PartsTable, Vec<Vec<Option<f64>>>, Vec<bool>) {
        let mut table = PartsTable::new(["likelihood_ratio", "known_defects", "noise"].map(str::to_owned).to_vec());
        let mut rng = sample_rng(2, 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let broken: Vec<bool> = (0..count).map(|banner| banner % 12 == 0).collect();
        let mut metrics = Vec::new();
        for &broken in &broken {
            let up = if broken { 5.0 } else { 0.0 };
            table.push(&[Some(up + normal()), Some(up + normal()), Some(normal())], 100.0, 0);
            metrics.push(vec![(normal() > 0.0).then(|| up - normal())]);
        }
        (table, metrics, broken)
    }

    fn errors(decision: &Decision, broken: &[bool]) -> (usize, usize) {
        let count =
            |wanted: bool| decision.flagged.iter().zip(broken).filter(|(f, b)| **b == wanted && **f != wanted).count();
        (count(false), count(true))
    }

    #[test]
    fn without_labels_the_bulk_decides_by_the_stated_rate() {
        let (table, metrics, broken) = world(3_000);
        let decision = DecisionConfig::default().decide(&table, &metrics, &vec![None; 3_000]).unwrap();
        let (false_alarms, missed) = errors(&decision, &broken);
        assert!(false_alarms < 2 * 28 && missed < 10, "{false_alarms} and {missed}");
        assert_eq!(decision.meaning, ScoreMeaning::StandardDeviations);
        assert!(decision.rule.contains("no more than 1 % of good banners"), "{}", decision.rule);
    }

    #[test]
    fn labels_teach_and_no_banner_is_judged_by_its_own() {
        let (table, metrics, broken) = world(1_200);
        let labels: Vec<Option<bool>> = broken.iter().enumerate().map(|(at, &b)| (at < 600).then_some(b)).collect();
        let decision = DecisionConfig::default().decide(&table, &metrics, &labels).unwrap();
        assert_eq!(decision.meaning, ScoreMeaning::Probability);
        assert!(decision.scores.iter().all(|p| (0.0..=1.0).contains(p)));
        let (false_alarms, missed) = errors(&decision, &broken);
        assert!(false_alarms + missed < 12, "{false_alarms} and {missed}");
        // A wrong label of its own does not change the score of a banner.
        let mut wrong = labels.clone();
        wrong[12] = Some(false);
        let other = DecisionConfig::default().decide(&table, &metrics, &wrong).unwrap();
        assert!(other.scores[12] > 0.8, "{}", other.scores[12]);
    }

    #[test]
    fn a_budget_flags_so_many() {
        let (table, metrics, broken) = world(240);
        let config = DecisionConfig { budget: Some(20), ..Default::default() };
        let decision = config.decide(&table, &metrics, &vec![None; 240]).unwrap();
        assert_eq!(decision.flagged.iter().filter(|f| **f).count(), 20);
        assert!(errors(&decision, &broken).0 <= 1 && decision.threshold.is_none());
        assert!(decision.rule.starts_with("Flagged: the 20 banners"));
        let all = DecisionConfig { budget: Some(1_000), ..Default::default() };
        assert!(all.decide(&table, &metrics, &vec![None; 240]).unwrap().flagged.iter().all(|f| *f));
    }

    #[test]
    fn too_little_to_learn_from_is_said() {
        let (table, metrics, _) = world(8);
        let decision = DecisionConfig::default().decide(&table, &metrics, &[None; 8]).unwrap();
        assert!(decision.flagged.iter().all(|f| !f) && decision.rule.contains("8 banners are too few"));
        assert_eq!(decision.scores[3], table.get(3, 0).unwrap());
        let (table, metrics, broken) = world(100);
        let labels: Vec<Option<bool>> = broken.iter().enumerate().map(|(at, &b)| (at < 20).then_some(b)).collect();
        let decision = DecisionConfig::default().decide(&table, &metrics, &labels).unwrap();
        assert!(decision.rule.contains("The labels (2 broken, 18 good) were not used"), "{}", decision.rule);
    }

    #[test]
    fn settings_that_cannot_be_used_are_named() {
        let (table, metrics, _) = world(100);
        let decide = |config: DecisionConfig| config.decide(&table, &metrics, &[None; 100]).unwrap_err().to_string();
        assert!(decide(DecisionConfig { false_alarms: 0.9, ..Default::default() }).contains("false alarm rate"));
        assert!(decide(DecisionConfig { bulk_parts: vec!["x".into()], ..Default::default() }).contains("no such part"));
        assert!(decide(DecisionConfig { bulk_parts: vec![], ..Default::default() }).contains("needs a part"));
    }
}
