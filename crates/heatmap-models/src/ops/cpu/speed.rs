//! Measures how close each layer of a ResNet-50 comes to the peak of the processor; the figures in
//! docs/design/kernels.md come from here.
//!
//! ```text
//! cargo test --release layer_speeds -- --ignored --nocapture
//! PRECISION=bf16 cargo test --release layer_speeds -- --ignored --nocapture
//! ```

use std::time::Instant;

use super::conv::{self, Kernel};
use super::conv_weight;
use super::patches::ConvShape;
use super::product::{COLUMNS, Left, Multiplier, Packed, ROWS, Source, product};
use super::{MatmulPrecision, on_the_pool, set_matmul_precision};

/// Returns the convolutions of a ResNet-50 for images of `size` px, each with the number of times
/// that it occurs.
fn layers(batch: usize, size: usize) -> Vec<(ConvShape, usize)> {
    let conv = |in_channels, out_channels, kernel_size: usize, stride, side| ConvShape {
        batch,
        in_channels,
        height: side,
        width: side,
        out_channels,
        kernel_size,
        stride,
        padding: kernel_size / 2,
    };
    let mut all = vec![conv(3, 64, 7, 2, size)];
    let (mut side, mut channels) = (size / 4, 64);
    for (stage, (blocks, width)) in [(3, 64), (4, 128), (6, 256), (3, 512)].into_iter().enumerate()
    {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            all.extend([conv(channels, width, 1, 1, side), conv(width, width, 3, stride, side)]);
            all.push(conv(width, 4 * width, 1, 1, side / stride));
            if block == 0 {
                all.push(conv(channels, 4 * width, 1, stride, side));
            }
            (side, channels) = (side / stride, 4 * width);
        }
    }
    let mut counted: Vec<(ConvShape, usize)> = Vec::new();
    for shape in all {
        match counted.iter_mut().find(|(seen, _)| *seen == shape) {
            Some((_, count)) => *count += 1,
            None => counted.push((shape, 1)),
        }
    }
    counted
}

/// Returns the shortest of several run times, in seconds.
fn best<R>(mut work: impl FnMut() -> R + Send) -> f64
where
    R: Send,
{
    let mut time = || {
        let start = Instant::now();
        std::hint::black_box(on_the_pool(&mut work));
        start.elapsed().as_secs_f64()
    };
    (0..8).map(|_| time()).fold(f64::INFINITY, f64::min)
}

/// Returns the most that the product kernel reaches when all it reads is in the L1 cache, in
/// GFLOP/s.
fn peak() -> f64 {
    const INNER: usize = 200;
    const TIMES: usize = 20_000;
    let seconds = best(|| {
        rayon::broadcast(|_| {
            let left = numbers(ROWS * INNER);
            let right = Packed::new(
                Source::Rows(&numbers(INNER * COLUMNS), COLUMNS),
                INNER,
                COLUMNS,
                Multiplier::Vector,
            );
            let mut out = vec![0.0; ROWS * COLUMNS];
            for _ in 0..TIMES {
                product(Left::rows(std::hint::black_box(&left), ROWS, INNER), &right, &mut out);
            }
            std::hint::black_box(out);
        });
    });
    2e-9 * (rayon::current_num_threads() * TIMES * ROWS * COLUMNS * INNER) as f64 / seconds
}

/// Makes values for images, weights and gradients; any will do.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|at| (at * 7919 % 2003) as f32 / 1001.5 - 1.0).collect()
}

/// Counts the multiplications and additions of a layer, as for a direct convolution, in GFLOP.
fn work(shape: &ConvShape) -> f64 {
    2e-9 * (shape.out_pixels() * shape.out_channels * shape.patch_len()) as f64
}

fn name(shape: &ConvShape, count: usize) -> String {
    let ConvShape { in_channels, out_channels, kernel_size, stride, height, .. } = shape;
    format!(
        "{count} x {in_channels:>4} -> {out_channels:<4} {kernel_size}x{kernel_size} stride \
         {stride} {height:>3} px"
    )
}

#[test]
#[ignore = "a measurement, not a check"]
#[allow(clippy::print_stdout, reason = "what it is for")]
fn layer_speeds() {
    if std::env::var("PRECISION").as_deref() == Ok("bf16") {
        assert!(set_matmul_precision(MatmulPrecision::Bf16), "a processor that multiplies in bf16");
    }
    println!(
        "peak: {:.0} GFLOP/s, a tile of the product from the first cache, on all threads\n",
        peak()
    );
    for (batch, size) in [(32, 64), (8, 224)] {
        println!(
            "training, batch {batch}, {size} px; GFLOP/s, multiplications counted as of a plain \
             convolution"
        );
        let mut total = [0.0; 3];
        for (shape, count) in layers(batch, size) {
            let image = numbers(batch * shape.height * shape.width * shape.in_channels);
            let weight = numbers(shape.out_channels * shape.patch_len());
            let gradient = numbers(shape.out_pixels() * shape.out_channels);
            let seconds = [
                best(|| {
                    conv::forward(&image, &Kernel::new(&weight, &shape, false), &shape, |_, _| ())
                }),
                best(|| conv_weight::weight_gradient(&image, &gradient, &shape)),
                best(|| conv::image_gradient(&weight, &gradient, &shape)),
            ];
            total.iter_mut().zip(seconds).for_each(|(sum, seconds)| *sum += seconds * count as f64);
            let [forward, of_weight, of_image] = seconds.map(|seconds| work(&shape) / seconds);
            println!(
                "{}: forward {forward:>4.0}, gradient of the weight {of_weight:>4.0}, of the \
                 image {of_image:>4.0}",
                name(&shape, count)
            );
        }
        let [forward, of_weight, of_image] = total.map(|seconds| seconds * 1e3);
        println!("all: {forward:.0} ms, {of_weight:.0} ms, {of_image:.0} ms\n");
    }
    for batch in [1, 8] {
        println!("evaluation, batch {batch}, 224 px, weights prepared; GFLOP/s as above");
        let mut total = 0.0;
        for (shape, count) in layers(batch, 224) {
            let image = numbers(batch * shape.height * shape.width * shape.in_channels);
            let kernel =
                Kernel::new(&numbers(shape.out_channels * shape.patch_len()), &shape, true);
            let seconds = best(|| conv::forward(&image, &kernel, &shape, |_, _| ()));
            total += seconds * count as f64;
            println!(
                "{}: {:>4.0}, {:>5.2} ms each",
                name(&shape, count),
                work(&shape) / seconds,
                seconds * 1e3
            );
        }
        println!("all: {:.0} ms\n", total * 1e3);
    }
}
