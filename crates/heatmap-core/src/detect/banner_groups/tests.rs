use super::*;
use crate::Grid;
use crate::detect::Smoothing;
use crate::synth::{Layout, Population};

/// 90 banners of one layout and 40 of another, or with one kind of defect.
fn groups(second: Option<&str>, known: &[(usize, bool)]) -> BannerGroups {
    let good = Population { prevalence: 0.0, ..Default::default() };
    let broken = Population { prevalence: 1.0, ..Default::default() };
    let (layout, other) = (Layout::draw(11, 1), Layout::draw(11, 3));
    let mut heatmaps: Vec<Heatmap> =
        (0..90).map(|at| good.banner(&layout, 1, at, 300).heatmap).collect();
    let mut index = 0;
    while heatmaps.len() < 130 {
        index += 1;
        match second {
            None => heatmaps.push(good.banner(&other, 2, index, 300).heatmap),
            Some(name) => {
                let banner = broken.banner(&layout, 3, index, 300);
                if banner.defect.is_some_and(|defect| defect.name() == name) {
                    heatmaps.push(banner.heatmap);
                }
            }
        }
    }
    let smoothing =
        SmoothedShares::for_clicks(Grid::MEDIUM_RECTANGLE, 300.0, &Smoothing::default());
    let mut what = vec![None; heatmaps.len()];
    known.iter().for_each(|&(at, good)| what[at] = Some(Verdict { good, of_its_group: true }));
    let shares = shares_of(&smoothing, &heatmaps.iter().collect::<Vec<_>>()).unwrap();
    BannerGroups::find(&smoothing, &shares, &what).unwrap()
}

#[test]
fn a_rarer_layout_is_a_layout() {
    let found = groups(None, &[]);
    assert_eq!(
        found.defective().count(),
        0,
        "{:?}",
        found.groups.iter().map(|g| g.unlike).collect::<Vec<_>>()
    );
    assert!(found.groups.iter().any(|group| group.banners.iter().all(|&at| at >= 90)));
}

#[test]
fn a_shared_defect_is_a_defect_and_has_words() {
    for (name, words) in [
        ("bottom-left", "at the bottom left"),
        ("top-right", "at the top right"),
        ("left-edge", "along the left edge"),
        ("right-middle", "on the right side"),
        ("diagonal", "along a diagonal"),
    ] {
        let found = groups(Some(name), &[]);
        let defective: Vec<usize> = found.defective().collect();
        let right = defective.iter().filter(|&&at| at >= 90).count();
        assert!(
            right >= 20 && right + 1 >= defective.len(),
            "{name}: {right} of {}",
            defective.len()
        );
        let group = found.groups.iter().find(|group| group.kind.is_defect()).unwrap();
        assert_eq!(group.unlike.words(), words);
    }
}

#[test]
fn one_word_decides_on_a_group() {
    let other = groups(None, &[(100, false)]);
    assert!(other.defective().count() >= 20 && other.defective().all(|at| at >= 90));
    let spot = groups(Some("top-right"), &[(100, true), (101, true), (102, false)]);
    assert_eq!(spot.defective().count(), 0);
}

#[test]
fn a_label_on_one_of_most_banners_is_no_verdict_on_all_but_a_word_on_all_is() {
    let known = |entries: &[(usize, bool)], of_its_group: bool| {
        let mut known = vec![None; 200];
        entries.iter().for_each(|&(at, good)| known[at] = Some(Verdict { good, of_its_group }));
        known
    };
    let most: Vec<usize> = (0..130).collect();
    assert_eq!(told(&most, &known(&[(3, false)], false)), None);
    assert_eq!(told(&most, &known(&[(3, false)], true)), Some(false));
    let few: Vec<usize> = (180..193).collect();
    assert_eq!(told(&few, &known(&[(181, false), (5, false)], false)), Some(false));
    assert_eq!(told(&few, &known(&[(181, false), (182, true)], false)), None);
    assert_eq!(told(&few, &known(&[(182, true)], false)), Some(true));
}

#[test]
fn few_and_equal_banners_are_no_groups() {
    let smoothing = SmoothedShares::new(Grid::MEDIUM_RECTANGLE, 2.0);
    let even = vec![1.0 / smoothing.len() as f32; smoothing.len()];
    for count in [0, 1, 5, 60] {
        let found =
            BannerGroups::find(&smoothing, &vec![even.clone(); count], &vec![None; count]).unwrap();
        assert_eq!(found.defective().count(), 0);
    }
}

#[test]
fn a_median_is_one_value_or_the_mean_of_two() {
    let (a, b, c) = ([1.0, 0.0], [0.5, 0.5], [0.0, 1.0]);
    assert_eq!(median(&[&a, &b, &c]), [0.5, 0.5]);
    assert_eq!(median(&[&a, &b]), [0.75, 0.25]);
    assert_eq!(median(&[&[0.0, 0.0]]), [0.5, 0.5]);
    assert!(median(&[]).is_empty());
}
