//! What the benchmark compares: single scores, and fusions of them, by what each of them needs to
//! know.

use super::parts_of_grids::GridsTable;
use super::world::FURTHER_PARTS;
use crate::Result;
use crate::detect::evaluation::{Objective, best_threshold};
use crate::detect::{
    BulkAverage, LogisticFusion, Needs, NullModel, PARTS, Part, Parts, RankAverage, Score,
    part_named, z_of_false_alarms,
};

/// What a method must know of the grid that it scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Regime {
    /// Nothing: one banner at a time.
    ZeroShot,
    /// One good banner.
    OneShot,
    /// The banners of the grid, without a label.
    Unlabelled,
    /// All of that.
    All,
}

impl Regime {
    /// As tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ZeroShot => "zero-shot",
            Self::OneShot => "one-shot",
            Self::Unlabelled => "unlabelled grid",
            Self::All => "one-shot + unlabelled grid",
        }
    }
}

/// One way of scoring.
#[derive(Debug, Clone)]
pub struct Method {
    /// Name in tables.
    pub name: String,
    /// What it needs to know of the grid.
    pub regime: Regime,
    /// Whether scores, not only thresholds, come from labels of other grids.
    pub learned_elsewhere: bool,
    scoring: Scoring,
}

#[derive(Debug, Clone)]
enum Scoring {
    /// A part as it is.
    Part(usize),
    /// The z of a part among the banners of its grid.
    PartZ(usize),
    /// Logistic regression on parts, or their z, with the labels of other grids.
    Logistic { columns: Vec<usize>, z: bool },
    /// No labels: the mean rank of z.
    Rank(Vec<usize>),
    /// No labels: the mean z, flagged by the rule for unlabelled banners.
    Bulk(Vec<usize>),
    /// No labels: the score of `detect`, flagged by its rule.
    Detect,
}

/// What a method says of the banners to be scored.
#[derive(Debug, Clone, Default)]
pub struct Scored {
    /// Higher = more broken.
    pub scores: Vec<f64>,
    /// By a threshold from other grids, or by the rule without labels.
    pub flagged: Vec<bool>,
}

/// Inverse strength of the penalty of all fusions.
const PENALTY_C: f64 = 0.2;

/// The methods of the benchmark, where the parts end with `learned` cosines of learned features.
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
        // Nobody has labels of the grid that is scored.
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
    // The network with less knowledge than it has anyway adds nothing.
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
    /// Adds the banners of `other`.
    pub fn extend(&mut self, other: Self) {
        self.scores.extend(other.scores);
        self.flagged.extend(other.flagged);
    }
}

impl Method {
    /// Whether its scores are probabilities of broken.
    pub fn gives_probabilities(&self) -> bool {
        matches!(self.scoring, Scoring::Logistic { .. })
    }

    /// Learns from `known`, whose labels may be looked at, and scores `unseen`, whose labels may
    /// not.
    ///
    /// # Errors
    /// When a part is missing that the method needs, or the labels do not suffice.
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

/// What the fusion says of each known banner when it has not seen it: folds are grids, or fifths of
/// a single grid.
fn out_of_fold(known: &GridsTable, parts: &[Vec<Option<f64>>]) -> Result<Vec<f64>> {
    let single = known.groups().len() == 1;
    // Fifths with as many broken banners each.
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

/// One part of every banner; one that is missing is no evidence.
fn column(parts: &[Vec<Option<f64>>], at: usize) -> Vec<f64> {
    parts.iter().map(|parts| parts[at].unwrap_or(0.0)).collect()
}
