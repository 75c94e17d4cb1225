//! How many rows a second NT-Xent takes, gradients included, from the batch of the simclr example
//! to that of the paper.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use heatmap_benches::work::{Place, Work};

fn losses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("losses");
    group.sample_size(20);
    for rows in [16, 256, 4_096] {
        let mut prepared = None;
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(format!("nt-xent with gradients/{rows} rows, 128 wide"), |bencher| {
            // Made when it is first asked for, so that those that a filter leaves out cost nothing.
            let prepared =
                prepared.get_or_insert_with(|| Work::NtXent.prepare(rows / 2, &Place::cpu()));
            bencher.iter(|| black_box(prepared.run()));
        });
    }
    group.finish();
}

criterion_group!(benches, losses);
criterion_main!(benches);
