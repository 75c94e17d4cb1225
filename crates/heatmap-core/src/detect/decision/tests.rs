use super::*;
use crate::detect::evaluation::auroc;
use crate::sample_rng;
use rand_distr::{Distribution, StandardNormal};

/// With the parts of these tables.
fn config() -> DecisionConfig {
    DecisionConfig {
        bulk_parts: ["neighbor_fit", "pile_up"].map(str::to_owned).to_vec(),
        ..Default::default()
    }
}

type World = (PartsTable, Vec<Vec<Option<f64>>>, Vec<bool>);

/// Banners of which one in `every` is broken: `apart` higher in both parts that count, and in a
/// metric.
fn world(count: usize, every: usize, apart: f64) -> World {
    let mut table =
        PartsTable::new(["neighbor_fit", "pile_up", "noise"].map(str::to_owned).to_vec());
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

fn decide(
    config: &DecisionConfig,
    world: &World,
    labels: &[Option<bool>],
    good: &[bool],
) -> Result<Decision> {
    let metrics = |banner: usize| world.1[banner].clone();
    config.decide(
        &world.0,
        &DecisionInputs { labels, good, metrics: &metrics, flaggable: labels.len() },
    )
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
    let decision = unlabelled(&config(), &world).unwrap();
    let (false_alarms, missed) = errors(&decision, &world.2);
    assert!(false_alarms < 2 * 28 && missed < 10, "{false_alarms} and {missed}");
    assert_eq!(decision.meaning, ScoreMeaning::StandardDeviations);
    assert!(decision.rule.contains("About 1 % of good banners"), "{}", decision.rule);
}

#[test]
fn a_part_that_was_not_computed_is_as_if_it_were_not_named() {
    let (with, metrics, broken) = world(600, 12, 5.0);
    let mut without =
        PartsTable::new(["neighbor_fit", "pile_up", NETWORK_PART].map(str::to_owned).to_vec());
    for banner in 0..with.len() {
        without.push(&[with.get(banner, 0), with.get(banner, 1), None], 100.0, 0);
        without.push_reference(&[with.get(banner, 0), with.get(banner, 1), None], 100.0, 0);
    }
    let named = DecisionConfig { bulk_parts: without.names().to_vec(), ..Default::default() };
    let world = (without, metrics, broken);
    let decision = unlabelled(&named, &world).unwrap();
    assert_eq!(decision, unlabelled(&config(), &world).unwrap());
    assert!(decision.rule.contains("by neighbor_fit and pile_up together"), "{}", decision.rule);
    assert!(decision.rule.contains("that are taken for good"), "{}", decision.rule);
}

#[test]
fn known_good_banners_carry_the_rule_where_there_is_no_bulk() {
    let world = world(1_200, 3, 5.0);
    let good: Vec<bool> = world.2.iter().enumerate().map(|(at, b)| !b && at % 2 == 0).collect();
    let labels = vec![None; 1_200];
    let decision = decide(&config(), &world, &labels, &good).unwrap();
    let (false_alarms, missed) = errors(&decision, &world.2);
    assert!(false_alarms < 24 && missed < 10, "{false_alarms} and {missed}");
}

#[test]
fn labels_teach_and_no_banner_is_judged_by_its_own() {
    // The parts say little, the metric more: only labels tell which way it points.
    let world = world(1_200, 4, 1.0);
    let labels: Vec<Option<bool>> =
        world.2.iter().enumerate().map(|(at, &b)| (at < 600).then_some(b)).collect();
    let run = |labels: &[Option<bool>]| decide(&config(), &world, labels, &[false; 1_200]).unwrap();
    let decision = run(&labels);
    assert_eq!(decision.meaning, ScoreMeaning::Probability, "{}", decision.rule);
    assert!(decision.scores.iter().all(|p| (0.0..=1.0).contains(p)));
    let unseen = |scores: &[f64]| auroc(&scores[600..], &world.2[600..]).unwrap();
    let bulk = unlabelled(&config(), &world).unwrap();
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
    let decision = decide(&config(), &world, &labels, &[false; 1_200]).unwrap();
    let chance = Gain::of(&decision.scores, &decision.scores, &labels).unwrap().with;
    assert!((chance - 0.5).abs() < 0.08, "{chance}");
}

#[test]
fn a_budget_flags_so_many() {
    let world = world(240, 12, 5.0);
    let config = DecisionConfig { budget: Some(20), ..config() };
    let decision = unlabelled(&config, &world).unwrap();
    assert_eq!(decision.flagged.iter().filter(|f| **f).count(), 20);
    assert!(errors(&decision, &world.2).0 <= 1 && decision.threshold.is_none());
    assert!(
        decision.rule.contains("Flagged: the 20 banners") && !decision.rule.contains("above 2")
    );
    let all = DecisionConfig { budget: Some(1_000), ..config };
    assert!(unlabelled(&all, &world).unwrap().flagged.iter().all(|f| *f));
}

#[test]
fn too_little_to_learn_from_is_said() {
    let tiny = world(8, 12, 5.0);
    let decision = unlabelled(&config(), &tiny).unwrap();
    assert!(decision.flagged.iter().all(|f| !f) && decision.rule.contains("8 banners are too few"));
    assert_eq!(decision.scores[3], tiny.0.get(3, 0).unwrap());
    let world = world(100, 12, 5.0);
    let labels: Vec<Option<bool>> =
        world.2.iter().enumerate().map(|(at, &b)| (at < 20).then_some(b)).collect();
    let decision = decide(&config(), &world, &labels, &[false; 100]).unwrap();
    assert!(
        decision
            .rule
            .contains("The labels (2 broken, 18 good) say which banners are taken for good"),
        "{}",
        decision.rule
    );
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let world = world(100, 12, 5.0);
    let said = |config: DecisionConfig| unlabelled(&config, &world).unwrap_err().to_string();
    assert!(said(DecisionConfig { false_alarms: 0.9, ..config() }).contains("false alarm rate"));
    assert!(
        said(DecisionConfig { bulk_parts: vec!["x".into()], ..Default::default() })
            .contains("no such part")
    );
    assert!(
        said(DecisionConfig { bulk_parts: vec![], ..Default::default() }).contains("needs a part")
    );
    assert_eq!((percent(0.07), percent(0.001)), ("7 %".to_owned(), "0.1 %".to_owned()));
}
