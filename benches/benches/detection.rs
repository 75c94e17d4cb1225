//! How many banners a second one core scores, part by part and all of them.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use heatmap_core::Heatmap;
use heatmap_core::detect::{
    Anchor, AnchorChoice, Candidate, DetectorConfig, KnownDefects, LayoutDetector, LikelihoodRatio,
    PartSet, ReferenceConfig, Score, Smoothing,
};
use heatmap_core::synth::{Layout, Population};

const BANNERS: usize = 200;
const CLICKS: u32 = 200;

/// Banners of one grid, and the good map of their bulk.
fn grid() -> (Vec<Heatmap>, Anchor) {
    let (population, layout) = (Population::default(), Layout::draw(1, 0));
    let heatmaps: Vec<Heatmap> = (0..BANNERS as u64)
        .map(|index| population.banner(&layout, 1, index, CLICKS).heatmap)
        .collect();
    let candidate = |heatmap| Candidate {
        heatmap,
        domain: "",
        broken: None,
        landing_rate: None,
        example: None,
    };
    let candidates: Vec<Candidate<'_>> = heatmaps.iter().map(candidate).collect();
    let anchor = AnchorChoice::Bulk
        .choose(&candidates, population.grid, &Smoothing::default(), 0)
        .expect("a bulk");
    (heatmaps, anchor)
}

fn detection(criterion: &mut Criterion) {
    let (heatmaps, anchor) = grid();
    let mut group = criterion.benchmark_group("detection");
    group.throughput(Throughput::Elements(BANNERS as u64)).sample_size(20);
    let all: Vec<&Heatmap> = heatmaps.iter().collect();
    let nothing = vec![None; all.len()];
    let smoothing = Smoothing::default();
    let reference = ReferenceConfig::default()
        .choose(&all, &nothing, &smoothing, 0)
        .expect("banners with clicks");
    let ratio = LikelihoodRatio::one_shot(anchor.map.clone()).expect("one grid");
    let known = KnownDefects::new("known_defects", &anchor.map);
    let mut time = |name: &str, score: &dyn Fn(&Heatmap)| {
        group.bench_function(format!("{name}, {BANNERS} heatmaps of 50 x 60 bins"), |bencher| {
            bencher.iter(|| heatmaps.iter().for_each(|heatmap| score(black_box(heatmap))));
        });
    };
    time("likelihood ratio", &|heatmap| _ = black_box(ratio.score(heatmap).expect("one grid")));
    time("known defects", &|heatmap| _ = black_box(known.score(heatmap).expect("one grid")));
    for (name, parts) in [("fast parts", PartSet::Fast), ("all parts", PartSet::All)] {
        let config = DetectorConfig { parts, ..Default::default() };
        let detector =
            LayoutDetector::fit(&config, &anchor, &all, Some(&reference)).expect("enough banners");
        time(name, &|heatmap| _ = black_box(detector.parts(heatmap).expect("one grid")));
    }
    group.finish();
}

criterion_group!(benches, detection);
criterion_main!(benches);
