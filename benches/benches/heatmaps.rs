//! How many clicks a second one core counts on a grid, and draws when it upsamples a sparse
//! heatmap.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use heatmap_core::binning::bin_clicks;
use heatmap_core::synth::Span;
use heatmap_core::{BannerSize, Click, Upsampling, sample_rng};

const BANNER: BannerSize = BannerSize { width_px: 300, height_px: 250 };
const BIN_SIZE_PX: f64 = 5.0;

/// Clicks all over the banner, the same in every process.
fn clicks(count: usize) -> Vec<Click> {
    let mut rng = sample_rng(1, 0);
    let (x_px, y_px) =
        (Span::new(0.0, f64::from(BANNER.width_px)), Span::new(0.0, f64::from(BANNER.height_px)));
    (0..count).map(|_| Click::once(x_px.draw(&mut rng), y_px.draw(&mut rng))).collect()
}

fn binning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("binning");
    for count in [200, 50_000] {
        let clicks = clicks(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} clicks to 50 x 60 bins"), |bencher| {
            bencher.iter(|| bin_clicks(black_box(&clicks), BANNER, BIN_SIZE_PX).expect("a grid"));
        });
    }
    group.finish();
}

fn upsampling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("upsampling");
    let sparse = bin_clicks(&clicks(200), BANNER, BIN_SIZE_PX).expect("a grid").heatmap;
    let upsampling = Upsampling::default();
    group.throughput(Throughput::Elements(upsampling.clicks.into()));
    group.bench_function(format!("200 clicks to {}", upsampling.clicks), |bencher| {
        // A generator of its own for every iteration, so that all of them draw the same clicks.
        bencher.iter(|| {
            upsampling
                .apply(black_box(&sparse), &mut sample_rng(1, 1))
                .expect("a standard deviation")
        });
    });
    group.finish();
}

criterion_group!(benches, binning, upsampling);
criterion_main!(benches);
