use super::*;
use std::collections::BTreeSet;

const GRID: Grid = Grid { rows: 4, columns: 5, bin_size_px: 5.0 };

fn numbered(count: usize, classes: usize) -> Vec<(Heatmap, usize)> {
    let heatmap = |at: usize| Heatmap::from_values(GRID, vec![at as f32 + 1.0; 20]).unwrap();
    (0..count).map(|at| (heatmap(at), at % classes)).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| format!("class {class}")).collect()
}

#[test]
fn splits_share_no_heatmap_and_have_all_of_them() {
    let source = OwnSamples::of_heatmaps("own", names(2), numbered(60, 2), 7).unwrap();
    let mut seen = BTreeSet::new();
    for (split, of_class) in
        [(Split::Train, 19), (Split::Valid, 3), (Split::Fit, 4), (Split::Test, 4)]
    {
        for class in 0..2 {
            let heatmaps: BTreeSet<u32> = (0..100)
                .map(|at| source.heatmap(split.seed(7), class, at).values()[0] as u32)
                .collect();
            assert_eq!(heatmaps.len(), of_class);
            assert!(heatmaps.iter().all(|value| (value - 1) % 2 == class as u32));
            assert!(heatmaps.iter().all(|value| seen.insert(*value)), "{split:?}");
        }
    }
    assert_eq!(seen.len(), 60);
}

#[test]
#[should_panic(expected = "`own` was made for runs with another seed")]
fn a_split_is_never_guessed() {
    let source = OwnSamples::of_heatmaps("own", names(2), numbered(60, 2), 7).unwrap();
    let _ = source.heatmap(Split::Test.seed(8), 0, 0);
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let refused = |classes: usize, heatmaps: Vec<(Heatmap, usize)>| {
        OwnSamples::of_heatmaps("own", names(classes), heatmaps, 1).unwrap_err().to_string()
    };
    assert!(refused(1, numbered(20, 1)).contains("has 1 classes"));
    assert!(refused(2, numbered(30, 3)).contains("has the class 2"));
    assert!(refused(2, numbered(15, 2)).contains("fewer than 8"));
    let mut mixed = numbered(40, 2);
    let other = Grid { rows: 5, columns: 4, ..GRID };
    mixed[9].0 = Heatmap::from_values(other, vec![1.0; 20]).unwrap();
    assert!(refused(2, mixed).contains("sample 9 of `own` lies on another grid"));
}
