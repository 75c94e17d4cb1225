//! How many images a second a network looks at in evaluation, at the sizes of the race.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};
use heatmap_benches::work::Work;

fn inference(criterion: &mut Criterion) {
    let works = [Work::ResNetInfer224, Work::ResNetInfer224One, Work::VitInfer224];
    common::time_works(criterion, "inference", &works);
}

criterion_group!(benches, inference);
criterion_main!(benches);
