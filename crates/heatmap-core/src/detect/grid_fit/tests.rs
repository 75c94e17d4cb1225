use super::*;
use crate::Grid;
use crate::detect::Smoothing;
use crate::synth::{Layout, Population, Span};

struct World {
    fit: GridFit,
    reference: Vec<Heatmap>,
    fresh: Vec<Heatmap>,
    broken: Vec<Heatmap>,
}

fn world() -> World {
    let good = Population { prevalence: 0.0, ..Default::default() };
    let bad = Population { prevalence: 1.0, severity: Span::only(0.8), ..Default::default() };
    let layout = Layout::draw(11, 2);
    let draw = |population: &Population, from: u64, count: u64| -> Vec<Heatmap> {
        (from..from + count).map(|at| population.banner(&layout, 7, at, 300).heatmap).collect()
    };
    let (reference, fresh, broken) = (draw(&good, 0, 80), draw(&good, 80, 60), draw(&bad, 200, 60));
    let smoothing =
        SmoothedShares::for_clicks(Grid::MEDIUM_RECTANGLE, 300.0, &Smoothing::default());
    let shares: Vec<Vec<f32>> =
        reference.iter().map(|heatmap| smoothing.of(heatmap).unwrap()).collect();
    let rows: Vec<&[f32]> = shares.iter().map(Vec::as_slice).collect();
    let map = ClickMap::of(&reference, &Smoothing::default()).unwrap();
    let heatmaps: Vec<&Heatmap> = reference.iter().collect();
    let fit = GridFit::new(smoothing, &rows, &[map]).with_network(&heatmaps).unwrap();
    World { fit, reference, fresh, broken }
}

#[test]
fn broken_banners_fit_worse_by_each_score() {
    let World { fit, fresh, broken, .. } = world();
    for (part, least) in [(0, 0.95), (1, 0.75), (2, 0.9), (3, 0.97)] {
        let of = |heatmaps: &[Heatmap]| -> Vec<f64> {
            heatmaps.iter().map(|heatmap| fit.parts(heatmap).unwrap()[part].unwrap()).collect()
        };
        let scores = [of(&fresh), of(&broken)].concat();
        let truth: Vec<bool> = (0..scores.len()).map(|at| at >= fresh.len()).collect();
        let area = crate::detect::evaluation::auroc(&scores, &truth).unwrap();
        assert!(area > least, "{}: {area}", FIT_PARTS[part]);
    }
}

#[test]
fn a_reference_banner_is_scored_as_if_it_were_not_in_the_reference() {
    let World { fit, reference, .. } = world();
    for at in [0, 40, 79] {
        let without: Vec<Vec<f32>> = reference
            .iter()
            .map(|h| fit.smoothing.of(h).unwrap())
            .enumerate()
            .filter(|r| r.0 != at)
            .map(|r| r.1)
            .collect();
        let rows: Vec<&[f32]> = without.iter().map(Vec::as_slice).collect();
        let heatmaps: Vec<&Heatmap> =
            (0..80).filter(|&other| other != at).map(|other| &reference[other]).collect();
        let other = GridFit {
            reference: GridFit::new(fit.smoothing.clone(), &rows, &[]).reference,
            ..fit.clone()
        };
        let other = other.with_network(&heatmaps).unwrap();
        let (with, without) =
            (fit.parts(&reference[at]).unwrap(), other.parts(&reference[at]).unwrap());
        for (a, b) in with.iter().zip(without).take(4) {
            assert!((a.unwrap() - b.unwrap()).abs() < 1e-6);
        }
    }
}

#[test]
fn a_layout_of_which_a_label_says_that_it_is_foreign_is_told_from_the_others() {
    let World { fit, fresh, .. } = world();
    let foreign = Layout::draw(11, 3);
    let good = Population { prevalence: 0.0, ..Default::default() };
    let foreign: Vec<Heatmap> =
        (0..20).map(|at| good.banner(&foreign, 9, at, 300).heatmap).collect();
    let shares = fit.smoothing.of(&foreign[0]).unwrap();
    let fit = fit.with_broken([shares.as_slice()].into_iter());
    let of = |heatmap: &Heatmap| fit.parts(heatmap).unwrap()[4];
    // It is not held against itself, and there is no other.
    assert_eq!(of(&foreign[0]), None);
    let least =
        foreign[1..].iter().map(|heatmap| of(heatmap).unwrap()).fold(f64::INFINITY, f64::min);
    let most = fresh.iter().map(|heatmap| of(heatmap).unwrap()).fold(f64::NEG_INFINITY, f64::max);
    assert!(least > 0.0 && most < -0.2, "{least} {most}");
}

#[test]
fn all_clicks_on_one_spot_pile_up_there() {
    let World { fit, .. } = world();
    let mut values = vec![0.0; Grid::MEDIUM_RECTANGLE.len()];
    values[48 * 60 + 3] = 100.0;
    let heatmap = Heatmap::from_values(Grid::MEDIUM_RECTANGLE, values).unwrap();
    let shares = fit.smoothing.of(&heatmap).unwrap();
    let pile = fit.pile_up_against(&shares, &fit.expected(&fit.nearest(&roots(&shares), None)));
    assert!(pile.share > 0.85 && pile.place.0 < 0.1 && pile.place.1 > 0.9, "{pile:?}");
}

#[test]
fn without_another_banner_or_a_click_nothing_is_said() {
    let World { fit, .. } = world();
    let alone = GridFit::new(fit.smoothing.clone(), &[], &[]);
    let empty = Heatmap::zeros(Grid::MEDIUM_RECTANGLE);
    assert_eq!(alone.parts(&empty).unwrap(), [None, None, Some(0.0), None, None]);
    let alone = alone.with_network(&[]).unwrap().parts(&empty).unwrap();
    assert!(alone[3].is_some_and(f64::is_finite));
    assert!(fit.parts(&empty).unwrap()[..4].iter().all(|part| part.unwrap().is_finite()));
    assert!(fit.parts(&Heatmap::zeros(Grid { rows: 2, columns: 2, bin_size_px: 5.0 })).is_err());
}
