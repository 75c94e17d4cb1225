//! How many images a second a training step takes in: forward, loss, backward and Adam, at the
//! sizes of the race.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};
use heatmap_benches::work::Work;

fn training(criterion: &mut Criterion) {
    let works = [Work::ResNetTrain64, Work::ResNetTrain224, Work::SimClrTrain64, Work::VitTrain224];
    common::time_works(criterion, "training", &works);
}

criterion_group!(benches, training);
criterion_main!(benches);
