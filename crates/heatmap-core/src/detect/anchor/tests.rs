use super::*;
use crate::Grid;
use crate::synth::{Layout, Population};

const GRID: Grid = Grid::MEDIUM_RECTANGLE;

struct World {
    heatmaps: Vec<Heatmap>,
    broken: Vec<bool>,
}

fn world() -> World {
    let population = Population { prevalence: 0.15, ..Default::default() };
    let layout = Layout::draw(2, 0);
    let banners: Vec<_> = (0..100).map(|i| population.banner(&layout, 6, i, 400)).collect();
    World {
        broken: banners.iter().map(|b| b.defect.is_some()).collect(),
        heatmaps: banners.into_iter().map(|b| b.heatmap).collect(),
    }
}

fn choose(choice: &AnchorChoice, world: &World, labelled: bool) -> Result<Anchor> {
    let candidates: Vec<_> = world
        .heatmaps
        .iter()
        .zip(&world.broken)
        .map(|(heatmap, &broken)| Candidate {
            heatmap,
            domain: if broken { "b.com" } else { "a.com" },
            broken: labelled.then_some(broken),
            landing_rate: labelled.then_some(if broken { 0.2 } else { 0.9 }),
            example: None,
        })
        .collect();
    choice.choose(&candidates, GRID, &Smoothing::default(), 1)
}

#[test]
fn choices_are_read_by_name_and_others_refused() {
    assert_eq!("bulk".parse::<AnchorChoice>().unwrap(), AnchorChoice::Bulk);
    assert_eq!("landing-rate=0.7".parse::<AnchorChoice>().unwrap(), AnchorChoice::LandingRate(0.7));
    assert_eq!(
        "domain=a.com".parse::<AnchorChoice>().unwrap(),
        AnchorChoice::Domain("a.com".into())
    );
    for wrong in ["", "best", "domain=", "landing-rate=7", "landing-rate=x"] {
        assert!(wrong.parse::<AnchorChoice>().is_err(), "{wrong}");
    }
}

#[test]
fn the_bulk_leaves_most_broken_banners_out() {
    let world = world();
    let anchor = choose(&AnchorChoice::Bulk, &world, false).unwrap();
    let inside = anchor.banners.iter().filter(|&&at| world.broken[at]).count();
    let broken = world.broken.iter().filter(|b| **b).count();
    assert!(
        anchor.banners.len() >= 75 && broken >= 8 && inside * 3 <= broken,
        "{inside} of {broken}"
    );
}

#[test]
fn labels_and_landing_rates_choose_good_banners_only() {
    let world = world();
    let good = world.broken.iter().filter(|b| !**b).count();
    for (choice, count) in [
        (AnchorChoice::MeanOfGood, good.div_ceil(2)),
        (AnchorChoice::TwoGood, 2),
        (AnchorChoice::LandingRate(CLEAN_LANDING_RATE), good),
        (AnchorChoice::Domain("a.com".into()), good),
    ] {
        let anchor = choose(&choice, &world, true).unwrap();
        assert_eq!(anchor.banners.len(), count, "{choice:?}");
        assert!(anchor.banners.iter().all(|&at| !world.broken[at]));
        assert_eq!(anchor.clicks, 400.0 * count as f64);
    }
    assert_eq!(choose(&AnchorChoice::Random, &world, false).unwrap().banners.len(), 1);
}

#[test]
fn an_anchor_that_cannot_be_had_is_named() {
    let world = world();
    for (choice, said) in [
        (AnchorChoice::TwoGood, "labelled good"),
        (AnchorChoice::LandingRate(0.8), "landing rate above 80 %"),
        (AnchorChoice::Domain("z.com".into()), "domain z.com"),
    ] {
        assert!(choose(&choice, &world, false).unwrap_err().to_string().contains(said));
    }
    let few = World { heatmaps: world.heatmaps[..3].to_vec(), broken: world.broken[..3].to_vec() };
    assert!(
        choose(&AnchorChoice::Bulk, &few, false)
            .unwrap_err()
            .to_string()
            .contains("a bulk needs 5")
    );
    assert!(choose(&AnchorChoice::None, &few, false).unwrap().banners.is_empty());
}
