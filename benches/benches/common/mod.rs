//! What the benches of whole networks share.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use heatmap_benches::work::{Place, Work};

/// Times works of the race, a bench each.
pub(crate) fn time_works(criterion: &mut Criterion, group: &str, works: &[Work]) {
    let mut group = criterion.benchmark_group(group);
    // As few runs as criterion takes, for some take seconds each. It warns of those that ten
    // samples are more than it has time for, and takes them all the same. `prepare` has warmed up.
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(100));
    for &work in works {
        // Made when it is first asked for, so that those that a filter leaves out cost nothing, and
        // gone before the next.
        let mut prepared = None;
        group.throughput(Throughput::Elements(work.images(work.batch()) as u64));
        group.bench_function(work.name(), |bencher| {
            let prepared =
                prepared.get_or_insert_with(|| work.prepare(work.batch(), &Place::cpu()));
            bencher.iter(|| black_box(prepared.run()));
        });
    }
    group.finish();
}
