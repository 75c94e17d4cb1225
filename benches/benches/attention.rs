//! Is Burn's fused attention faster than product, softmax, product? On Flex, at the sizes of ViT-B/16.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use heatmap_models::burn::tensor::activation::softmax;
use heatmap_models::burn::tensor::ops::AttentionModuleOptions;
use heatmap_models::burn::tensor::{Device, Distribution, Tensor, module};

fn attention(criterion: &mut Criterion) {
    let device = Device::flex();
    let mut group = criterion.benchmark_group("attention");
    group.sample_size(20);
    // Tokens of an image of 64, 224 and 384 px.
    for tokens in [17, 197, 577] {
        const BATCH: usize = 8;
        device.seed(1);
        let [query, key, value] =
            [0, 1, 2].map(|_| Tensor::<4>::random([BATCH, 12, tokens, 64], Distribution::Normal(0.0, 1.0), &device));
        group.throughput(Throughput::Elements(BATCH as u64));
        group.bench_function(format!("fused/batch {BATCH}, {tokens} tokens"), |bencher| {
            bencher.iter(|| {
                let (query, key, value) = (query.clone(), key.clone(), value.clone());
                let options = AttentionModuleOptions::default();
                black_box(module::attention(query, key, value, None, None, options).into_data())
            });
        });
        group.bench_function(format!("composed/batch {BATCH}, {tokens} tokens"), |bencher| {
            bencher.iter(|| {
                let map = softmax(query.clone().matmul(key.clone().transpose()) / 8.0, 3);
                black_box(map.matmul(value.clone()).into_data())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, attention);
criterion_main!(benches);
