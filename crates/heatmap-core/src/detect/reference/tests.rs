use super::choice::{densest_half, thinned};
use super::*;
use crate::Grid;
use crate::synth::{Layout, Population};

/// Banners of one layout, of which the first `broken` share one defect or have any.
fn banners(count: u64, broken: usize, defect: Option<&str>) -> Vec<Heatmap> {
    let good = Population { prevalence: 0.0, ..Default::default() };
    let bad = Population { prevalence: 1.0, ..Default::default() };
    let layout = Layout::draw(11, 1);
    let mut heatmaps = Vec::new();
    let mut index = 0;
    while heatmaps.len() < broken {
        index += 1;
        let banner = bad.banner(&layout, 5, index, 200);
        if defect.is_none_or(|wanted| banner.defect.is_some_and(|defect| defect.name() == wanted)) {
            heatmaps.push(banner.heatmap);
        }
    }
    heatmaps.extend((0..count - broken as u64).map(|at| good.banner(&layout, 6, at, 200).heatmap));
    heatmaps
}

fn choose(heatmaps: &[Heatmap], known: &[Option<Verdict>]) -> Reference {
    let heatmaps: Vec<&Heatmap> = heatmaps.iter().collect();
    ReferenceConfig::default().choose(&heatmaps, known, &Smoothing::default(), 1).unwrap()
}

#[test]
fn broken_banners_are_left_out_also_when_they_are_many_and_alike() {
    for (broken, defect, most) in
        [(20, None, 3), (50, None, 8), (50, Some("bottom-left"), 5), (100, Some("top-right"), 3)]
    {
        let heatmaps = banners(250, broken, defect);
        let reference = choose(&heatmaps, &[None; 250]);
        let inside = reference.banners.iter().filter(|&&at| at < broken).count();
        assert!(inside <= most, "{inside} of {broken} {defect:?}");
        assert!(
            reference.banners.len() >= (250 - broken) * 8 / 10,
            "{} {defect:?}",
            reference.banners.len()
        );
    }
}

#[test]
fn what_is_known_decides() {
    let heatmaps = banners(80, 8, Some("top-right"));
    let mut known = vec![None; 80];
    known[0] = Some(Verdict::of(true));
    known[50] = Some(Verdict::of(false));
    let reference = choose(&heatmaps, &known);
    assert!(reference.banners.contains(&0) && !reference.banners.contains(&50));
}

#[test]
fn small_grids_have_a_reference_too_and_empty_banners_are_in_none() {
    for count in [1, 2, 5, 20] {
        let mut heatmaps = banners(count, 0, None);
        heatmaps.push(Heatmap::zeros(Grid::MEDIUM_RECTANGLE));
        let reference = choose(&heatmaps, &vec![None; heatmaps.len()]);
        assert!(!reference.banners.is_empty() && !reference.banners.contains(&(count as usize)));
        assert!(reference.layouts.len() == 1);
    }
    let empty = Heatmap::zeros(Grid::MEDIUM_RECTANGLE);
    let none = ReferenceConfig::default().choose(&[&empty], &[None], &Smoothing::default(), 1);
    assert!(none.unwrap_err().to_string().contains("no banner with clicks"));
}

#[test]
fn thinning_takes_the_share_it_should_by_bursts() {
    let heatmap = &banners(1, 0, None)[0];
    for bursts in [1.0, 1.9] {
        let drawn: Vec<Heatmap> =
            (0..200).map(|index| thinned(heatmap, 0.25, bursts, 3, index)).collect();
        let mean = drawn.iter().map(Heatmap::total).sum::<f64>() / 200.0;
        // A burst that is cut at what the bin has takes a little less.
        assert!((40.0..=62.0).contains(&mean), "{mean}");
        assert!(
            drawn.iter().all(|few| few
                .values()
                .iter()
                .zip(heatmap.values())
                .all(|(few, all)| few <= all))
        );
    }
    assert_eq!(thinned(heatmap, 0.5, 1.0, 3, 1), thinned(heatmap, 0.5, 1.0, 3, 1));
}

#[test]
fn a_sample_is_spread_out() {
    assert_eq!(spread_out(&[1, 2, 3], 5), [1, 2, 3]);
    assert_eq!(spread_out(&(0..10).collect::<Vec<_>>(), 5), [0, 2, 4, 6, 8]);
}

#[test]
fn the_densest_half_does_not_see_a_third_of_others() {
    let good = (0..200).map(|at| f64::from(at) / 100.0);
    let (middle, spread) = densest_half(good.clone().collect());
    assert!((middle - 1.0).abs() < 0.6 && (spread - 0.74).abs() < 0.01, "{middle} {spread}");
    let others = (0..100).map(|at| 20.0 + f64::from(at));
    let (middle, spread) = densest_half(good.chain(others).collect());
    assert!((middle - 1.0).abs() < 0.3 && spread < 1.2, "{middle} {spread}");
    assert_eq!(densest_half(vec![2.0]), (2.0, 1e-9));
}

#[test]
fn what_is_known_is_considered_first() {
    let mut known = vec![None; 100];
    known[3] = Some(Verdict::of(true));
    known[98] = Some(Verdict::of(false));
    let all: Vec<usize> = (0..100).collect();
    let some = considered(&all, &known, 10);
    assert!(some.len() == 10 && some.contains(&3) && some.contains(&98) && some.is_sorted());
    assert_eq!(considered(&all, &known, 200), all);
    // More is known than there is room for: half of the room is for the rest.
    let told =
        vec![Some(Verdict::of(true)); 50].into_iter().chain(vec![None; 50]).collect::<Vec<_>>();
    let some = considered(&all, &told, 10);
    assert_eq!(some.iter().filter(|at| **at < 50).count(), 5);
}
