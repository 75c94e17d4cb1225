//! What every preset promises, through the public interface.

use heatmap_core::synth::{Family, PRESET_NAMES, Preset, Sample, Span};
use heatmap_core::{Error, Rect};

/// What `a_sample_never_changes` computes, in the order of `PRESET_NAMES`.
const DIGESTS: [u64; 7] = [
    3_528_614_380_180_586_004,
    2_552_412_014_649_768_592,
    9_216_527_545_922_124_699,
    3_982_067_871_498_323_779,
    2_745_776_612_432_560_217,
    15_111_823_256_641_949_543,
    11_307_139_290_632_446_215,
];

fn samples(preset: &Preset, n: u64) -> Vec<Sample> {
    (0..n).map(|index| preset.sample(5, index)).collect()
}

#[test]
fn every_preset_is_consistent_and_survives_json() {
    for name in PRESET_NAMES {
        let preset = Preset::named(name).unwrap();
        preset.check().unwrap();
        assert_eq!(preset.name, name);
        let json = serde_json::to_string(&preset).unwrap();
        assert_eq!(serde_json::from_str::<Preset>(&json).unwrap(), preset, "{name}");
    }
}

#[test]
fn samples_hold_their_truth() {
    for name in PRESET_NAMES {
        let preset = Preset::named(name).unwrap();
        for class in 0..preset.num_classes() {
            for index in 0..5 {
                let sample = preset.sample_of_class(3, class, index);
                assert_eq!((sample.class, sample.lost_clicks), (class, 0), "{name}");
                assert_eq!(sample.heatmap.grid(), preset.grid);
                let whole = Rect { right: 60.001, bottom: 50.001, ..Rect::whole(&preset.grid) };
                assert!(sample.centres.iter().all(|&centre| whole.contains(centre)), "{name}");
                if let Family::Clusters(clusters) = &preset.classes[class].family {
                    assert_eq!(sample.centres.len(), clusters.count.min as usize);
                }
            }
        }
    }
}

#[test]
fn the_number_of_classes_is_as_published() {
    let classes = |name| Preset::named(name).unwrap().num_classes();
    assert_eq!(classes("simclr-report"), 8);
    assert!(classes("simclr-wide") >= 32);
    assert_eq!(classes("count-report"), 21);
    assert_eq!(classes("count-separable"), 21);
    assert_eq!(classes("location-report"), 7);
    assert_eq!(classes("banners"), 13);
}

#[test]
fn a_sample_does_not_depend_on_order_or_thread() {
    let preset = Preset::named("simclr-wide").unwrap();
    let forward = samples(&preset, 64);
    let threads: Vec<_> = (0..4_u64)
        .map(|t| {
            let preset = preset.clone();
            std::thread::spawn(move || {
                (0..16).rev().map(|i| (i * 4 + t, preset.sample(5, i * 4 + t))).collect::<Vec<_>>()
            })
        })
        .collect();
    for thread in threads {
        for (index, sample) in thread.join().unwrap() {
            assert_eq!(sample, forward[index as usize]);
        }
    }
}

#[test]
fn a_sample_never_changes() {
    // A digest of the counts of one sample per preset: another machine, or a later version, must
    // give the same.
    let digest = |name: &str| {
        let sample = Preset::named(name).unwrap().sample(1, 2);
        let values = sample.heatmap.values().iter();
        values
            .fold(sample.class as u64, |hash, &v| (hash ^ v as u64).wrapping_mul(0x0100_0000_01B3))
    };
    let digests: Vec<u64> = PRESET_NAMES.iter().map(|name| digest(name)).collect();
    assert_eq!(digests, DIGESTS);
}

#[test]
fn the_prevalence_is_what_was_asked_for() {
    for prevalence in [0.0, 0.036, 0.16, 1.0] {
        let preset = Preset::banners(prevalence, Span::only(50)).unwrap();
        let broken = samples(&preset, 4_000).iter().filter(|s| s.broken).count() as f64 / 4_000.0;
        let error = (prevalence * (1.0 - prevalence) / 4_000.0).sqrt();
        assert!((broken - prevalence).abs() <= 4.5 * error, "{broken} is not {prevalence}");
    }
    assert!(Preset::banners(1.5, Span::only(50)).unwrap_err().to_string().contains("`prevalence`"));
}

#[test]
fn the_click_budget_does_not_depend_on_the_class() {
    let budget = Span::new(50, 200);
    for sample in samples(&Preset::banners(0.5, budget).unwrap(), 500) {
        assert!((50.0..=200.0).contains(&sample.heatmap.total()));
    }
    for name in ["simclr-report", "simclr-wide", "count-separable", "location-separable", "banners"]
    {
        let preset = Preset::named(name).unwrap();
        let span =
            preset.total_clicks.expect("these presets draw the total without regard to the class");
        let (middle, sigma) =
            (f64::from(span.min + span.max) / 2.0, f64::from(span.max - span.min) / 12_f64.sqrt());
        for class in 0..preset.num_classes() {
            let totals = (0..300).map(|i| preset.sample_of_class(8, class, i).heatmap.total());
            let mean = totals.sum::<f64>() / 300.0;
            assert!(
                (mean - middle).abs() < 4.5 * sigma / 300_f64.sqrt(),
                "{name}, class {class}: mean total {mean}"
            );
        }
    }
}

#[test]
fn an_unknown_preset_lists_the_known_ones() {
    let error = Preset::named("nope").unwrap_err();
    assert!(matches!(error, Error::UnknownPreset { .. }));
    assert!(error.to_string().contains("simclr-report, simclr-wide"));
}

#[test]
fn a_class_that_cannot_be_drawn_is_named() {
    let mut preset = Preset::named("simclr-report").unwrap();
    if let Family::Clusters(clusters) = &mut preset.classes[2].family {
        clusters.clicks_per_cluster = Span::new(9, 3);
    }
    let error = preset.check().unwrap_err().to_string();
    assert!(error.contains("classes[3 clusters].clicks_per_cluster"), "{error}");
}

#[test]
fn classes_are_counts_where_each_is_one_cluster_more() {
    let counts = |name: &str| Preset::named(name).unwrap().cluster_counts();
    assert_eq!(counts("count-report"), Some(0..=20));
    assert_eq!(counts("location-separable"), Some(0..=6));
    assert_eq!(counts("simclr-report"), Some(1..=8));
    assert_eq!((counts("simclr-wide"), counts("banners")), (None, None));
    let mut gap = Preset::named("simclr-report").unwrap();
    gap.classes.remove(3);
    assert_eq!(gap.cluster_counts(), None);
    gap.classes.clear();
    assert_eq!(gap.cluster_counts(), None);
}
