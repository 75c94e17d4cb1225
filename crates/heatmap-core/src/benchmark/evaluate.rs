//! Runs every benchmark method at every click budget and measures how well it separates broken
//! banners from good ones.

use std::collections::BTreeMap;

use crate::Result;
use crate::detect::evaluation::{
    Bootstrap, ConfusionCounts, Interval, auroc, average_precision, brier_score,
};
use serde::Serialize;

use super::learned::LearnedScores;
use super::methods::{Method, Scored, methods};
use super::parts_of_grids::GridsTable;
use super::world::{Aggregated, BenchmarkConfig, BenchmarkGrid};

/// The results of one method at one click budget, over the scored grids of all seeds.
///
/// Every [`Interval`] holds 95 % bootstrap limits: seeds are resampled (each seed has its own
/// fits), and within each seed whole grids.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Name of the method.
    pub method: String,
    /// Name of the method's [`Regime`](super::Regime): what it must have seen of a grid before it
    /// can score it.
    pub regime: &'static str,
    /// Whether the scores themselves were learned from labels of other grids, and not only the
    /// threshold.
    pub learned_elsewhere: bool,
    /// Number of clicks of each banner.
    pub clicks: u32,
    /// Area under the ROC curve (AUROC) over the banners of all grids pooled.
    pub auroc: Interval,
    /// Difference between [`Row::auroc`] and that of the baseline, the best plain likelihood ratio
    /// (one good anchor against the mean map of the broken banners of other grids).
    pub auroc_gain: Interval,
    /// Mean of the AUROC within each grid that has both good and broken banners.
    pub auroc_within: f64,
    /// Average precision over the banners of all grids pooled.
    pub aupr: Interval,
    /// Macro-F1 of the flags; the threshold comes from other grids, or from the rule without
    /// labels.
    pub macro_f1: Interval,
    /// F1 of the broken banners.
    pub f1: f64,
    /// Share of the good banners that are flagged.
    pub false_alarms: f64,
    /// Share of the broken banners that are flagged.
    pub recall: f64,
    /// Brier score (mean squared error of the probabilities), for methods that give probabilities.
    pub brier: Option<f64>,
}

/// The recall of one method on the banners with one kind of defect, at one click budget.
#[derive(Debug, Clone, Serialize)]
pub struct DefectRow {
    /// Name of the method.
    pub method: String,
    /// Number of clicks of each banner.
    pub clicks: u32,
    /// Name of the defect.
    pub defect: &'static str,
    /// Number of banners with this defect.
    pub banners: usize,
    /// Share of these banners that are flagged.
    pub recall: f64,
}

/// All results of a benchmark run.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Results where thresholds and weights come from all known grids of a seed.
    pub rows: Vec<Row>,
    /// Results of the transfer from one grid to another: thresholds and weights come from a single
    /// grid.
    pub transfer: Vec<Row>,
    /// Recall by kind of defect, for the methods in `rows`.
    pub defects: Vec<DefectRow>,
}

/// Methods whose transfer from a single grid is measured.
const TRANSFERRED: [&str; 5] = [
    "likelihood_ratio",
    "likelihood_ratio_z",
    "likelihood_ratio_aggregated",
    "known_defects",
    "fusion",
];
/// The method that [`Row::auroc_gain`] compares with.
const BASELINE: &str = "likelihood_ratio_aggregated";

/// Runs every method at every click budget of `config` and returns the results.
///
/// `learned` adds scores from outside the crate. `done` is called with the click budget each time
/// one seed is finished at that budget.
///
/// # Errors
/// When a method cannot be fitted.
pub fn compare(
    config: &BenchmarkConfig,
    learned: &mut dyn LearnedScores,
    mut done: impl FnMut(u32),
) -> Result<Comparison> {
    let methods = methods(&learned.names());
    let (mut rows, mut transfer, mut defect_rows) = (Vec::new(), Vec::new(), Vec::new());
    for &budget in &config.budgets {
        let mut results: Vec<Scored> = methods.iter().map(|_| Scored::default()).collect();
        let mut transferred: Vec<Scored> = methods.iter().map(|_| Scored::default()).collect();
        let (mut broken, mut groups, mut defects, mut fits) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for &seed in &config.seeds {
            let (known, unseen) = tables(config, seed, budget, learned)?;
            for (method, result) in methods.iter().zip(&mut results) {
                result.extend(method.apply(&known, &unseen, config.false_alarms)?);
            }
            // For the transfer, the i-th unseen grid is scored by what was learned from the i-th
            // known grid.
            let pairs: Vec<(GridsTable, GridsTable)> = known
                .groups()
                .into_iter()
                .zip(unseen.groups())
                .map(|(k, u)| (known.of_group(k), unseen.of_group(u)))
                .collect();
            for (method, result) in methods.iter().zip(&mut transferred) {
                if TRANSFERRED.contains(&method.name.as_str()) {
                    for (known, unseen) in &pairs {
                        result.extend(method.apply(known, unseen, config.false_alarms)?);
                    }
                }
            }
            broken.extend(&unseen.broken);
            defects.extend(&unseen.defects);
            groups.extend(&unseen.banner_groups);
            fits.extend(std::iter::repeat_n(seed as usize, unseen.banner_groups.len()));
            done(budget);
        }
        // With one seed there is only one fit, so only whole grids can be resampled.
        let bootstrap = match config.seeds.len() {
            1 => Bootstrap::grouped(&groups, config.resamples, 0)?,
            _ => Bootstrap::nested(&fits, &groups, config.resamples, 0)?,
        };
        let truth = Truth { broken: &broken, groups: &groups, bootstrap };
        let baseline = |results: &[Scored]| {
            let at = methods
                .iter()
                .position(|method| method.name == BASELINE)
                .expect("the baseline is a method");
            results[at].scores.clone()
        };
        let (base, base_transferred) = (baseline(&results), baseline(&transferred));
        for (method, result) in methods.iter().zip(&results) {
            rows.push(truth.row(method, budget, result, &base)?);
            defect_rows.extend(by_defect(&method.name, budget, &result.flagged, &defects));
        }
        for (method, result) in
            methods.iter().zip(&transferred).filter(|(_, result)| !result.scores.is_empty())
        {
            transfer.push(truth.row(method, budget, result, &base_transferred)?);
        }
    }
    Ok(Comparison { rows, transfer, defects: defect_rows })
}

/// The recall of `method` on every kind of defect that occurs.
fn by_defect(
    method: &str,
    clicks: u32,
    flagged: &[bool],
    defects: &[Option<&'static str>],
) -> Vec<DefectRow> {
    let mut counts: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
    for (defect, flagged) in
        defects.iter().zip(flagged).filter_map(|(defect, flagged)| Some(((*defect)?, flagged)))
    {
        let (banners, hits) = counts.entry(defect).or_default();
        *banners += 1;
        *hits += usize::from(*flagged);
    }
    let row = |(defect, (banners, hits)): (&'static str, (usize, usize))| DefectRow {
        method: method.to_owned(),
        clicks,
        defect,
        banners,
        recall: hits as f64 / banners as f64,
    };
    counts.into_iter().map(row).collect()
}

/// Computes the parts of the known and of the unseen grids of one seed.
fn tables(
    config: &BenchmarkConfig,
    seed: u64,
    budget: u32,
    learned: &mut dyn LearnedScores,
) -> Result<(GridsTable, GridsTable)> {
    let (known, unseen) = (config.known_grids(seed, budget)?, config.scored_grids(seed, budget)?);
    let mut parts = |grid: &BenchmarkGrid, aggregated: &Aggregated| {
        let mut own = grid.parts(aggregated)?;
        for scores in learned.scores(grid)? {
            own.iter_mut().zip(scores).for_each(|(parts, score)| parts.push(Some(score)));
        }
        Result::Ok(own)
    };
    let mut known_parts = Vec::new();
    for grid in &known {
        // The aggregated maps leave out the known grid that is scored, so that it is as new to them
        // as an unseen grid is.
        let others = known.iter().filter(|other| other.group != grid.group);
        known_parts.push(parts(grid, &Aggregated::of(others)?)?);
    }
    let all = Aggregated::of(known.iter())?;
    let unseen_parts = unseen.iter().map(|grid| parts(grid, &all)).collect::<Result<_>>()?;
    Ok((GridsTable::new(&known, known_parts)?, GridsTable::new(&unseen, unseen_parts)?))
}

struct Truth<'a> {
    broken: &'a [bool],
    groups: &'a [usize],
    bootstrap: Bootstrap,
}

impl Truth<'_> {
    fn row(&self, method: &Method, clicks: u32, result: &Scored, baseline: &[f64]) -> Result<Row> {
        let Scored { scores, flagged } = result;
        let counts = ConfusionCounts::of(flagged, self.broken);
        let of_flags = |drawn: &[usize]| {
            let pick = |from: &[bool]| -> Vec<bool> { drawn.iter().map(|&at| from[at]).collect() };
            Ok(ConfusionCounts::of(&pick(flagged), &pick(self.broken)).macro_f1())
        };
        let bootstrap = &self.bootstrap;
        Ok(Row {
            method: method.name.clone(),
            regime: method.regime.name(),
            learned_elsewhere: method.learned_elsewhere,
            clicks,
            auroc: bootstrap.of_scores(auroc, scores, self.broken)?,
            auroc_gain: bootstrap.of_difference(auroc, (scores, baseline), self.broken)?,
            auroc_within: self.within(scores)?,
            aupr: bootstrap.of_scores(average_precision, scores, self.broken)?,
            macro_f1: bootstrap.interval(of_flags)?,
            f1: counts.f1(),
            false_alarms: counts.false_alarm_rate(),
            recall: counts.recall(),
            brier: method
                .gives_probabilities()
                .then(|| brier_score(scores, self.broken))
                .transpose()?,
        })
    }

    fn within(&self, scores: &[f64]) -> Result<f64> {
        let mut groups = self.groups.to_vec();
        groups.sort_unstable();
        groups.dedup();
        let (mut sum, mut counted) = (0.0, 0);
        for &group in &groups {
            let rows = (0..scores.len()).filter(|&at| self.groups[at] == group);
            let (scores, broken): (Vec<f64>, Vec<bool>) =
                rows.map(|at| (scores[at], self.broken[at])).unzip();
            // A grid without a broken banner has no AUROC and is skipped.
            if let Ok(area) = auroc(&scores, &broken) {
                (sum, counted) = (sum + area, counted + 1);
            }
        }
        Ok(sum / f64::from(counted.max(1)))
    }
}
