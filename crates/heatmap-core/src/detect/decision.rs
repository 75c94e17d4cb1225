//! [`DecisionConfig`]: makes one score of each banner's parts, and flags banners by a stated rule.
//!
//! * Without labels, the z scores of the parts in [`DecisionConfig::bulk_parts`] are fused by
//!   [`FitNorm`] and combined with the network's log odds ([`NetworkAndFit`]), and the result
//!   becomes a z score again. A banner is flagged where a good one would be with about the stated
//!   probability.
//! * With enough labels, the score is a regularised logistic regression on the parts, the score
//!   without labels and the metrics, if that ranks held-out labelled banners clearly better. A
//!   labelled banner is scored by a model, and flagged by a threshold, that have not seen its label
//!   (five folds).
//! * With a budget, the n banners with the highest scores are flagged, whatever these are.

mod gain;
mod learned;

use serde::{Deserialize, Serialize};

use self::gain::Gain;
use super::evaluation::flag_highest;
use super::words::{listed, percent};
use super::{
    FIT_PARTS, FitNorm, NETWORK_PART, NetworkAndFit, NullModel, Parts, PartsTable, Score,
    z_of_false_alarms,
};
use crate::{Error, Result};

/// Settings of how banners are scored and flagged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionConfig {
    /// Number of banners to flag; `None` to flag by a threshold.
    pub budget: Option<usize>,
    /// Without labels: the share of good banners that may be flagged in error (0 to 0.5).
    pub false_alarms: f64,
    /// Names of the parts that the score without labels is made of.
    pub bulk_parts: Vec<String>,
    /// Inverse strength of the L2 penalty of the regression (scikit-learn's `C`).
    pub penalty_c: f64,
}

impl Default for DecisionConfig {
    fn default() -> Self {
        let bulk_parts = FIT_PARTS.iter().map(|&part| part.to_owned()).collect();
        Self { budget: None, false_alarms: 0.01, bulk_parts, penalty_c: 0.2 }
    }
}

/// The score of every banner and the flags that follow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Score of each banner, higher for broken: a probability with labels, a z score without.
    pub scores: Vec<f64>,
    /// Whether each banner is flagged.
    pub flagged: Vec<bool>,
    /// Score above which banners are flagged; `None` with a budget, or where too little can be
    /// learned.
    pub threshold: Option<f64>,
    /// What kind of number the scores are.
    pub meaning: ScoreMeaning,
    /// The rule by which banners are scored and flagged, in words.
    pub rule: String,
}

/// The kind of number that a score is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMeaning {
    /// Probability of being broken, learned from labels.
    Probability,
    /// Standard deviations above the good banners of the grid.
    StandardDeviations,
    /// One part, unscaled, because there were too few banners to learn how scores spread.
    Unscaled,
}

/// Labels of each kind from which on a regression on all parts is tried.
const MIN_LABELS: usize = 20;
/// Labels of each kind from which on a regression on `bulk_parts` is tried.
const FEW_LABELS: usize = 5;

/// What is known of the banners besides their parts.
pub struct DecisionInputs<'a> {
    /// Whether each banner is broken, as far as that is known.
    pub labels: &'a [Option<bool>],
    /// Whether each banner is taken for good, by a label or by its landing rate.
    pub good: &'a [bool],
    /// Returns the metrics of a banner, always equally many. Only the regression uses them: without
    /// labels it is unknown which way they point.
    pub metrics: &'a (dyn Fn(usize) -> Vec<Option<f64>> + Sync),
    /// Number of banners, the first ones, that a budget may flag; any further ones are there to be
    /// learned from.
    pub flaggable: usize,
}

impl DecisionConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// When a setting cannot be used; the error names it.
    pub fn check(&self) -> Result<()> {
        z_of_false_alarms(self.false_alarms)?;
        if self.bulk_parts.is_empty() {
            return Err(Error::config("bulk_parts", "[]", "a score needs a part"));
        }
        Ok(())
    }

    /// Scores and flags the banners of `table`.
    ///
    /// # Errors
    /// When a part in `bulk_parts` is not in the table, or a setting cannot be used.
    ///
    /// # Panics
    /// When `evidence` does not have one label (known or not) and one good mark for each banner.
    pub fn decide(&self, table: &PartsTable, evidence: &DecisionInputs<'_>) -> Result<Decision> {
        assert_eq!(evidence.labels.len(), table.len(), "a label, known or not, for each banner");
        self.check()?;
        let z = table.standardized(evidence.good)?;
        let mut decision = self.by_bulk(table, &z, evidence)?;
        let of =
            |wanted: bool| evidence.labels.iter().filter(|label| **label == Some(wanted)).count();
        let (broken, good) = (of(true), of(false));
        let columns: Vec<usize> = match broken.min(good) {
            // A few labels can only weigh the parts of the usual score; many can weigh every part.
            FEW_LABELS..MIN_LABELS => self.columns_of_few_labels(table)?,
            MIN_LABELS.. => (0..table.names().len()).collect(),
            _ if broken + good == 0 => return Ok(decision),
            _ => {
                decision.rule += &format!(
                    " The labels ({broken} broken, {good} good) say which banners are taken for \
                     good; to learn from them takes {FEW_LABELS} of each."
                );
                return Ok(decision);
            }
        };
        let learned = self.by_labels(&z, &columns, &decision.scores, evidence)?;
        let gain = Gain::of(&learned.scores, &decision.scores, evidence.labels)?;
        if gain.is_clear() {
            decision = learned;
        } else {
            decision.rule += &format!(
                " Learning from the {} labels was tried and not used: it does not clearly rank \
                 labelled banners better (AUROC {:.4} against {:.4}).",
                broken + good,
                gain.with,
                gain.without
            );
        }
        Ok(decision)
    }

    /// Columns of `bulk_parts` in the table.
    fn columns(&self, table: &PartsTable) -> Result<Vec<usize>> {
        self.bulk_parts.iter().map(|name| column(table, name)).collect()
    }

    /// Columns of the parts that a few labels weigh: `bulk_parts` without the network, which is
    /// already in the score without labels.
    fn columns_of_few_labels(&self, table: &PartsTable) -> Result<Vec<usize>> {
        Ok(self
            .columns(table)?
            .into_iter()
            .filter(|&part| table.names()[part] != NETWORK_PART)
            .collect())
    }

    /// The flags, the threshold if no budget is set, and the sentence that explains both.
    fn flags(
        &self,
        scores: &[f64],
        flaggable: usize,
        threshold: f64,
        otherwise: &str,
    ) -> Result<(Vec<bool>, Option<f64>, String)> {
        Ok(match self.budget {
            Some(budget) => {
                let mut flagged = flag_highest(&scores[..flaggable], budget)?;
                flagged.resize(scores.len(), false);
                let count = flagged.iter().filter(|f| **f).count();
                let banners = if count == 1 { "banner" } else { "banners" };
                (
                    flagged,
                    None,
                    format!(
                        "Flagged: the {count} {banners} with the highest score, by the alert \
                         budget."
                    ),
                )
            }
            None => {
                let flagged = scores.iter().map(|&score| score > threshold).collect();
                (flagged, Some(threshold), format!("Flagged: above {threshold:.2}. {otherwise}"))
            }
        })
    }

    fn by_bulk(
        &self,
        table: &PartsTable,
        z: &PartsTable,
        evidence: &DecisionInputs<'_>,
    ) -> Result<Decision> {
        let &DecisionInputs { good, flaggable, .. } = evidence;
        let columns = self.columns(table)?;
        // Parts that were not computed (the network under `PartSet::Fast`) are left out.
        let used: Vec<usize> = columns.iter().copied().filter(|&part| table.has(part)).collect();
        let (network, others): (Vec<usize>, Vec<usize>) =
            used.iter().partition(|&&part| table.names()[part] == NETWORK_PART);
        let score: &dyn Score<Parts> = if network.is_empty() { &FitNorm } else { &NetworkAndFit };
        let fused = z.fused(table, [&others, &network], score)?;
        let standardized = fused.standardized_by(good, NullModel::fit_reference)?;
        let scores: Vec<Option<f64>> =
            (0..z.len()).map(|banner| standardized.get(banner, 0)).collect();
        if scores.iter().all(Option::is_none) {
            return self.by_rank_alone(table, &columns, flaggable);
        }
        // A banner without a part, such as one alone in its grid, has no evidence against it.
        let scores: Vec<f64> = scores.into_iter().map(|score| score.unwrap_or(0.0)).collect();
        let by_good = table.reference().is_none()
            && good.iter().filter(|good| **good).count() >= NullModel::MIN_BANNERS;
        let reference = match (table.reference().is_some(), by_good) {
            (true, _) => "those banners of its grid that are taken for good",
            (_, true) => "the banners that are taken for good",
            _ => "the bulk of all banners",
        };
        let rate = format!(
            "About {} of good banners should be flagged in error, or fewer, if they spread as \
             these do.",
            percent(self.false_alarms),
        );
        let (flagged, threshold, rule) =
            self.flags(&scores, flaggable, z_of_false_alarms(self.false_alarms)?, &rate)?;
        let rule = format!(
            "The score is in standard deviations above {reference}, at about as many clicks, by \
             {} together. {rule}",
            listed(&used.iter().map(|&part| table.names()[part].as_str()).collect::<Vec<_>>()),
        );
        Ok(Decision { scores, flagged, threshold, meaning: ScoreMeaning::StandardDeviations, rule })
    }

    /// Ranks by the first part that any banner has, where banners are too few for a threshold.
    fn by_rank_alone(
        &self,
        table: &PartsTable,
        columns: &[usize],
        flaggable: usize,
    ) -> Result<Decision> {
        let part = columns.iter().copied().find(|&part| table.has(part)).unwrap_or(columns[0]);
        let scores: Vec<f64> =
            (0..table.len()).map(|banner| table.get(banner, part).unwrap_or(0.0)).collect();
        let (flagged, threshold, rule) = match self.budget {
            Some(_) => self.flags(&scores, flaggable, 0.0, "")?,
            None => (
                vec![false; table.len()],
                None,
                "Nothing is flagged without a budget (--budget N).".to_owned(),
            ),
        };
        let rule = format!(
            "{rule} {} banners are too few to learn how the scores of good ones spread ({} are \
             needed); they are ranked by {}. \
             Landing rates (--metrics) or labels (--labels) would say more.",
            table.len(),
            NullModel::MIN_BANNERS,
            table.names()[part]
        );
        Ok(Decision { scores, flagged, threshold, meaning: ScoreMeaning::Unscaled, rule })
    }
}

fn column(table: &PartsTable, name: &str) -> Result<usize> {
    table.names().iter().position(|known| known == name).ok_or_else(|| {
        Error::config(
            "bulk_parts",
            name,
            format!("no such part; there are {}", table.names().join(", ")),
        )
    })
}

#[cfg(test)]
mod tests;
