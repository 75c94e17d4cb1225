//! How many heatmaps of each preset one core makes in a second.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use heatmap_core::synth::{PRESET_NAMES, Preset};

fn generators(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("generators");
    // Samples differ in their number of clicks: one iteration is always the same hundred of them.
    group.throughput(Throughput::Elements(100));
    for name in PRESET_NAMES {
        let preset = Preset::named(name).expect("a name from the list");
        group.bench_function(name, |bencher| {
            bencher.iter(|| (0..100).for_each(|index| drop(black_box(preset.sample(1, index)))));
        });
    }
    group.finish();
}

criterion_group!(benches, generators);
criterion_main!(benches);
