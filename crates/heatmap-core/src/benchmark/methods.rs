//! The methods that the benchmark compares: single parts and fusions of parts, grouped by what each
//! must have seen of a grid.

use super::parts_of_grids::GridsTable;
use super::world::FURTHER_PARTS;
use crate::Result;
use crate::detect::evaluation::{Objective, best_threshold};
use crate::detect::{
    BulkAverage, LogisticFusion, Needs, NullModel, PARTS, Part, Parts, RankAverage, Score,
    part_named, z_of_false_alarms,
};

/// What a method must have seen of the grid that it scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Regime {
    /// Nothing: the method sees one banner at a time.
    ZeroShot,
    /// One banner of the grid that is known to be good.
    OneShot,
    /// The banners of the grid, without labels.
    Unlabelled,
    /// One good banner and the unlabelled banners of the grid.
    All,
}

impl Regime {
    /// Returns the name that result tables use.
    pub fn name(self) -> &'static str {
        match self {
            Self::ZeroShot => "zero-shot",
            Self::OneShot => "one-shot",
            Self::Unlabelled => "unlabelled grid",
            Self::All => "one-shot + unlabelled grid",
        }
    }
}

/// One way of scoring and flagging banners.
#[derive(Debug, Clone)]
pub struct Method {
    /// Name in result tables.
    pub name: String,
    /// What it must have seen of the grid.
    pub regime: Regime,
    /// Whether the scores themselves are learned from labels of other grids, and not only the
    /// threshold.
    pub learned_elsewhere: bool,
    scoring: Scoring,
}

#[derive(Debug, Clone)]
enum Scoring {
    /// One part, unchanged, by its column in the parts.
    Part(usize),
    /// The z score of one part among the banners of its grid.
    PartZ(usize),
    /// Logistic regression on these parts (or on their z scores), fitted to the labels of other
    /// grids.
    Logistic { columns: Vec<usize>, z: bool },
    /// Without labels: the mean rank of the z scores of these parts.
    Rank(Vec<usize>),
    /// Without labels: the mean z score of these parts, flagged at the stated false-alarm rate.
    Bulk(Vec<usize>),
    /// Without labels: the score of `detect`, flagged by its own rule.
    Detect,
}

/// The scores and flags that a method gives to the banners it is tested on.
#[derive(Debug, Clone, Default)]
pub struct Scored {
    /// Score of each banner; higher means more likely broken.
    pub scores: Vec<f64>,
    /// Whether each banner is flagged, by a threshold from other grids or by the rule without
    /// labels.
    pub flagged: Vec<bool>,
}

/// Inverse strength of the L2 penalty of all logistic fusions (scikit-learn's `C`).
const PENALTY_C: f64 = 0.2;

/// Lists the methods of the benchmark. Each banner's parts are [`PARTS`], then [`FURTHER_PARTS`],
/// then one cosine score for each name in `learned`.
pub(super) fn methods(learned: &[String]) -> Vec<Method> {
    let method = |name: &str, regime, scoring| {
        let learned_elsewhere =
            name.ends_with("_aggregated") || matches!(scoring, Scoring::Logistic { .. });
        Method { name: name.to_owned(), regime, learned_elsewhere, scoring }
    };
    let regime_of = |needs| match needs {
        Needs::Nothing => Some(Regime::ZeroShot),
        Needs::Anchor => Some(Regime::OneShot),
        Needs::Population | Needs::Reference => Some(Regime::Unlabelled),
        // In the benchmark, no banner of a scored grid is labelled, so parts that need such labels
        // are left out.
        Needs::Labels => None,
    };
    let mut all: Vec<Method> = Vec::new();
    for (at, Part { name, needs, .. }) in PARTS.into_iter().enumerate() {
        all.extend(regime_of(needs).map(|regime| method(name, regime, Scoring::Part(at))));
    }
    let further = |at: usize| PARTS.len() + at;
    all.push(method(FURTHER_PARTS[0], Regime::Unlabelled, Scoring::Part(further(0))));
    all.push(method(FURTHER_PARTS[1], Regime::Unlabelled, Scoring::Part(further(1))));
    all.push(method(FURTHER_PARTS[2], Regime::OneShot, Scoring::Part(further(2))));
    all.push(method(FURTHER_PARTS[3], Regime::ZeroShot, Scoring::Part(further(3))));
    all.push(method(FURTHER_PARTS[4], Regime::ZeroShot, Scoring::Part(further(4))));
    all.push(method(FURTHER_PARTS[5], Regime::OneShot, Scoring::Part(further(5))));
    all.push(method(FURTHER_PARTS[6], Regime::ZeroShot, Scoring::Part(further(6))));
    let ratio = part_named("likelihood_ratio").expect("a part");
    all.push(method("likelihood_ratio_z", Regime::All, Scoring::PartZ(ratio)));
    let first_learned = PARTS.len() + FURTHER_PARTS.len();
    for (at, name) in learned.iter().enumerate() {
        all.push(method(
            &format!("cosine of {name}"),
            Regime::OneShot,
            Scoring::Part(first_learned + at),
        ));
    }
    let of = |wanted: &[Needs]| -> Vec<usize> {
        (0..PARTS.len()).filter(|&at| wanted.contains(&PARTS[at].needs)).collect()
    };
    let with = |mut columns: Vec<usize>, more: &[usize]| {
        columns.extend(more);
        columns
    };
    let statics = with(of(&[Needs::Nothing]), &[further(3), further(4)]);
    let one_shot =
        with(of(&[Needs::Nothing, Needs::Anchor]), &[further(2), further(3), further(4)]);
    // All parts but the last two of `FURTHER_PARTS`: those are the network with less information
    // than it has in `set_network`, so they add nothing to a fusion.
    let everything: Vec<usize> = (0..further(5))
        .filter(|&at| PARTS.get(at).is_none_or(|part| part.needs != Needs::Labels))
        .collect();
    let knows_kinds = |at: &usize| {
        PARTS
            .iter()
            .map(|part| part.name)
            .chain(FURTHER_PARTS)
            .nth(*at)
            .is_some_and(|name| name.contains("defects"))
    };
    let logistic = |columns, z| Scoring::Logistic { columns, z };
    all.push(method("zero_shot_fusion", Regime::ZeroShot, logistic(statics, false)));
    all.push(method("one_shot_fusion", Regime::OneShot, logistic(one_shot.clone(), false)));
    all.push(method("fusion", Regime::All, logistic(everything.clone(), true)));
    let blind = |columns: &[usize]| -> Vec<usize> {
        columns.iter().copied().filter(|at| !knows_kinds(at)).collect()
    };
    all.push(method(
        "one_shot_fusion_without_known_defects",
        Regime::OneShot,
        logistic(blind(&one_shot), false),
    ));
    all.push(method(
        "fusion_without_known_defects",
        Regime::All,
        logistic(blind(&everything), true),
    ));
    if !learned.is_empty() {
        let with: Vec<usize> = everything
            .iter()
            .copied()
            .chain(first_learned..first_learned + learned.len())
            .collect();
        all.push(method("fusion_with_learned", Regime::All, logistic(with, true)));
    }
    all.push(method(
        "rank_average",
        Regime::Unlabelled,
        Scoring::Rank(vec![further(0), further(1)]),
    ));
    all.push(method(
        "bulk_average",
        Regime::Unlabelled,
        Scoring::Bulk(vec![further(0), further(1)]),
    ));
    all.push(method("detect", Regime::Unlabelled, Scoring::Detect));
    all.push(method(
        "bulk_average_without_known_defects",
        Regime::Unlabelled,
        Scoring::Bulk(vec![further(0)]),
    ));
    all
}

impl Scored {
    /// Appends the banners of `other`.
    pub fn extend(&mut self, other: Self) {
        self.scores.extend(other.scores);
        self.flagged.extend(other.flagged);
    }
}

impl Method {
    /// Returns whether the scores are probabilities of being broken.
    pub fn gives_probabilities(&self) -> bool {
        matches!(self.scoring, Scoring::Logistic { .. })
    }

    /// Fits the method to `known`, whose labels it may use, and scores the banners of `unseen`,
    /// whose labels it does not look at.
    ///
    /// `false_alarms` is the share of good banners (0 to 1) that the rules without labels may flag.
    ///
    /// # Errors
    /// When a part that the method needs is missing, or there are too few labels.
    pub fn apply(
        &self,
        known: &GridsTable,
        unseen: &GridsTable,
        false_alarms: f64,
    ) -> Result<Scored> {
        match &self.scoring {
            Scoring::Part(at) => {
                by_threshold(known, column(&known.raw, *at), column(&unseen.raw, *at))
            }
            Scoring::PartZ(at) => {
                by_threshold(known, column(&known.z, *at), column(&unseen.z, *at))
            }
            Scoring::Logistic { columns, z } => {
                let (parts, seen) = (unseen.picked(columns, *z), known.picked(columns, *z));
                let fusion = LogisticFusion::fit(&rows(&seen), &known.broken, PENALTY_C)?;
                let scores = scores(&fusion, &parts)?;
                by_threshold(known, out_of_fold(known, &seen)?, scores)
            }
            Scoring::Rank(columns) => {
                let (parts, seen) = (unseen.picked(columns, true), known.picked(columns, true));
                let of =
                    |parts: &[Vec<Option<f64>>]| scores(&RankAverage::fit(rows(parts))?, parts);
                by_threshold(known, of(&seen)?, of(&parts)?)
            }
            Scoring::Detect => {
                let threshold = z_of_false_alarms(false_alarms)?;
                let flagged = unseen.detected.iter().map(|&z| z > threshold).collect();
                Ok(Scored { flagged, scores: unseen.detected.clone() })
            }
            Scoring::Bulk(columns) => {
                let raw = scores(&BulkAverage, &unseen.picked(columns, true))?;
                let null = NullModel::fit(&raw, &unseen.clicks)?;
                let scores: Vec<f64> =
                    raw.iter().zip(&unseen.clicks).map(|(&s, &clicks)| null.z(s, clicks)).collect();
                let threshold = z_of_false_alarms(false_alarms)?;
                Ok(Scored { flagged: scores.iter().map(|&z| z > threshold).collect(), scores })
            }
        }
    }
}

/// Flags by the threshold that gives the best macro-F1 on the known banners.
fn by_threshold(known: &GridsTable, known_scores: Vec<f64>, scores: Vec<f64>) -> Result<Scored> {
    let threshold = best_threshold(&known_scores, &known.broken, Objective::MacroF1)?;
    Ok(Scored { flagged: scores.iter().map(|&score| score > threshold).collect(), scores })
}

/// Scores each known banner with a fusion fitted without its fold. The folds are whole grids, or
/// stratified fifths of the banners where there is only one grid.
fn out_of_fold(known: &GridsTable, parts: &[Vec<Option<f64>>]) -> Result<Vec<f64>> {
    let single = known.groups().len() == 1;
    // Stratified: every fifth gets its share of the broken banners.
    let mut seen = [0, 0];
    let mut fifth = |broken: bool| {
        seen[usize::from(broken)] += 1;
        seen[usize::from(broken)] % 5
    };
    let fold: Vec<usize> = (0..parts.len())
        .map(|row| if single { fifth(known.broken[row]) } else { known.banner_groups[row] })
        .collect();
    let fold_of = |row: usize| fold[row];
    let mut folds = fold.clone();
    folds.sort_unstable();
    folds.dedup();
    let mut result = vec![0.0; parts.len()];
    for fold in folds {
        let (inside, outside): (Vec<usize>, Vec<usize>) =
            (0..parts.len()).partition(|&row| fold_of(row) == fold);
        let seen: Vec<&Parts> = outside.iter().map(|&row| parts[row].as_slice()).collect();
        let broken: Vec<bool> = outside.iter().map(|&row| known.broken[row]).collect();
        let fusion = LogisticFusion::fit(&seen, &broken, PENALTY_C)?;
        for row in inside {
            result[row] = fusion.score(&parts[row])?;
        }
    }
    Ok(result)
}

fn rows(parts: &[Vec<Option<f64>>]) -> Vec<&Parts> {
    parts.iter().map(Vec::as_slice).collect()
}

fn scores(score: &impl Score<Parts>, parts: &[Vec<Option<f64>>]) -> Result<Vec<f64>> {
    parts.iter().map(|parts| score.score(parts)).collect()
}

/// One part of every banner. A missing value counts as 0, no evidence either way.
fn column(parts: &[Vec<Option<f64>>], at: usize) -> Vec<f64> {
    parts.iter().map(|parts| parts[at].unwrap_or(0.0)).collect()
}
