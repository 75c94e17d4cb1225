//! Every convolution and every product of the networks, by shape, against Flex. A backend picks its
//! kernel by the shape, so that one of them can be wrong while all others are right.
//!
//! ```text
//! cargo test --release --features wgpu --test devices shapes -- --ignored
//! ```

use std::collections::BTreeSet;

use burn::tensor::ops::ConvOptions;

use super::*;

/// Images in a batch, and sequences.
const BATCH: usize = 2;

/// The largest difference that is taken for rounding, in units of the largest value: sums are of up
/// to 30,000 products, in an order that is the kernel's.
const ROUNDING: f64 = 2e-5;

/// A convolution with square kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Convolution {
    kernel_size: usize,
    stride: usize,
    padding: usize,
    channels: [usize; 2],
    /// The rows of the image, and its columns.
    side: usize,
}

/// A product of two matrices, `[rows, inner]` and `[inner, columns]`; several of them if `heads` is
/// not 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Product {
    heads: usize,
    rows: usize,
    inner: usize,
    columns: usize,
}

/// The convolutions of a residual network (He et al. 2016, table 1) for images of `size` px, with
/// bottleneck blocks or without, and of the feature pyramid on it.
fn of_residual_network(bottleneck: bool, size: usize) -> BTreeSet<Convolution> {
    let conv = |channels, kernel_size: usize, stride, side| Convolution {
        kernel_size,
        stride,
        padding: kernel_size / 2,
        channels,
        side,
    };
    // Photographs and heatmaps.
    let mut all = BTreeSet::from([3, 1].map(|colours| conv([colours, 64], 7, 2, size)));
    let (blocks, expansion) = if bottleneck { ([3, 4, 6, 3], 4) } else { ([2, 2, 2, 2], 1) };
    let (mut side, mut channels) = (size / 4, 64);
    for (stage, count) in blocks.into_iter().enumerate() {
        let width = 64 << stage;
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let out = side.div_ceil(stride);
            if bottleneck {
                all.extend([conv([channels, width], 1, 1, side)]);
                all.extend([conv([width, width], 3, stride, side)]);
                all.extend([conv([width, expansion * width], 1, 1, out)]);
            } else {
                all.extend([conv([channels, width], 3, stride, side)]);
                all.extend([conv([width, width], 3, 1, out)]);
            }
            if channels != expansion * width {
                all.extend([conv([channels, expansion * width], 1, stride, side)]);
            }
            (side, channels) = (out, expansion * width);
        }
        all.extend([conv([channels, 128], 1, 1, side)]);
    }
    all.extend([conv([128, 128], 3, 1, size / 4)]);
    all
}

/// The convolutions of a ViT-B/16: its patches, and the refinements of the map of its tokens.
fn of_vision_transformer(size: usize) -> BTreeSet<Convolution> {
    let conv = |channels, kernel_size, stride, side| Convolution {
        kernel_size,
        stride,
        padding: kernel_size / 2 * usize::from(stride == 1),
        channels,
        side,
    };
    let side = size / 16;
    BTreeSet::from([
        conv([3, 768], 16, 16, size),
        conv([1, 768], 16, 16, size),
        conv([768, 128], 1, 1, side),
        conv([128, 512], 1, 1, side),
        conv([128, 512], 1, 1, 2 * side),
        conv([128, 128], 3, 1, 4 * side),
    ])
}

/// The products of a ViT-B/16 with `tokens` tokens, and of the heads.
fn products(tokens: usize) -> BTreeSet<Product> {
    let product = |heads, rows, inner, columns| Product { heads, rows, inner, columns };
    let linear = |inner, columns| product(1, BATCH * tokens, inner, columns);
    let mut all = BTreeSet::from([
        linear(768, 3 * 768),
        linear(768, 768),
        linear(768, 4 * 768),
        linear(4 * 768, 768),
        product(BATCH * 12, tokens, 64, tokens),
        product(BATCH * 12, tokens, tokens, 64),
    ]);
    for width in [512, 768, 2048] {
        // The projection, the similarities of NT-Xent, classes and counts.
        all.extend([width, 128, 1000, 9].map(|columns| product(1, 2 * BATCH, width, columns)));
        all.extend([product(1, 2 * BATCH, 128, 2 * BATCH)]);
    }
    // Locations and densities, for each place of a map.
    all.extend([3, 1].map(|columns| product(1, BATCH * 16 * 16, 128, columns)));
    all
}

/// Numbers between -1 and 1, the same for each device. Not Burn's random numbers, whose generator
/// the tests of other threads share.
fn numbers<const D: usize>(shape: [usize; D], salt: u64, device: &Device) -> Tensor<D> {
    // The mixing steps of SplitMix64 (Steele, Lea and Flood 2014).
    let number = |at: u64| {
        let mut bits = (at + (salt << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits >> 40) as f32 / (1_u64 << 23) as f32) - 1.0
    };
    let values: Vec<f32> = (0..shape.iter().product::<usize>() as u64).map(number).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The result for some values, and its gradients along some direction.
fn convolve(layer: Convolution, device: &Device) -> Vec<TensorData> {
    let Convolution { kernel_size, stride, padding, channels: [from, to], side } = layer;
    let device = device.clone().autodiff();
    let image = numbers([BATCH, from, side, side], 1, &device).require_grad();
    let weight = numbers([to, from, kernel_size, kernel_size], 2, &device).require_grad();
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
    let out = burn::tensor::module::conv2d(image.clone(), weight.clone(), None, options);
    let direction = numbers(out.dims(), 3, &device);
    let gradients = (out.clone() * direction).sum().backward();
    let gradient = |of: &Tensor<4>| of.grad(&gradients).expect("a gradient").into_data();
    vec![out.into_data(), gradient(&image), gradient(&weight)]
}

/// As [`convolve`].
fn multiply(sizes: Product, device: &Device) -> Vec<TensorData> {
    let Product { heads, rows, inner, columns } = sizes;
    let device = device.clone().autodiff();
    let left = numbers([heads, rows, inner], 1, &device).require_grad();
    let right = numbers([heads, inner, columns], 2, &device).require_grad();
    let out = left.clone().matmul(right.clone());
    let direction = numbers(out.dims(), 3, &device);
    let gradients = (out.clone() * direction).sum().backward();
    let gradient = |of: &Tensor<3>| of.grad(&gradients).expect("a gradient").into_data();
    vec![out.into_data(), gradient(&left), gradient(&right)]
}

/// The largest difference, in units of the largest value.
fn off(found: &TensorData, expected: &TensorData) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let largest = expected.iter::<f64>().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let differences = found.iter::<f64>().zip(expected.iter::<f64>());
    // Not `max`, which passes over NaN.
    differences
        .map(|(found, expected)| (found - expected).abs() / largest)
        .fold(0.0, |most, off| if off <= most { most } else { off })
}

/// Compares results by shape, and fails with all that are wrong.
fn compare<S: std::fmt::Debug + Copy>(
    shapes: BTreeSet<S>,
    compute: impl Fn(S, &Device) -> Vec<TensorData>,
) {
    for (name, device) in others() {
        let mut wrong = Vec::new();
        let mut most = 0.0_f64;
        for &shape in &shapes {
            let (found, expected) = (compute(shape, &device), compute(shape, &Device::flex()));
            for (what, (found, expected)) in
                ["the result", "the gradient of the left side", "that of the right side"]
                    .into_iter()
                    .zip(found.iter().zip(&expected))
            {
                let off = off(found, expected);
                most = most.max(off);
                if off.is_nan() || off > ROUNDING {
                    wrong.push(format!("{shape:?}: {what} is off by {off:.1e}"));
                }
            }
        }
        tell(&format!("{name}: {} shapes, off by at most {most:.1e}", shapes.len()));
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
}

#[test]
#[ignore = "minutes on a software driver, which compiles every kernel that Burn tries"]
fn convolutions_of_small_images_are_those_of_flex() {
    let all = [of_residual_network(false, 64), of_residual_network(true, 64)];
    compare(all.into_iter().flatten().collect(), convolve);
}

#[test]
#[ignore = "minutes on a software driver, which compiles every kernel that Burn tries"]
fn convolutions_of_large_images_are_those_of_flex() {
    let all = [
        of_residual_network(false, 224),
        of_residual_network(true, 224),
        of_vision_transformer(224),
    ];
    compare(all.into_iter().flatten().collect(), convolve);
}

#[test]
#[ignore = "minutes on a software driver, which compiles every kernel that Burn tries"]
fn products_are_those_of_flex() {
    compare(products(197), multiply);
}
