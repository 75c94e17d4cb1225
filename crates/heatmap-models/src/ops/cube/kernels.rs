//! The kernels of batch normalisation, in CubeCL's subset of Rust: compiled for the device when it
//! first runs them.
//!
//! A matrix has `rows` rows, the places of all images, and in each `lines` vectors of neighbouring
//! channels. Sums over the rows are made in two steps: every cube sums a share of the rows of some
//! lines, and then one unit for each line adds up the shares. Shared memory does within a cube what
//! planes would do faster, because software drivers have none.

use burn::cubecl::{self, prelude::*};

/// The sums over a share of the rows: of `value(row) - shift` and of its square, for the variance.
/// The shift, the first row, keeps the square from losing what is small beside the mean.
///
/// `parts` is `[shares, 2, lines]`. A cube is `(lines, rows)`, `units` in all; the grid is
/// `(lines, shares)`.
#[cube(launch)]
pub(super) fn sums<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    parts: &mut Tensor<Vector<f32, N>>,
    rows: u32,
    lines: u32,
    #[comptime] units: usize,
) {
    let line = CUBE_POS_X * CUBE_DIM_X + UNIT_POS_X;
    // Units behind the last line go along, so that all meet at the barrier.
    let at = select(line < lines, line, 0u32);
    let shift = x[at as usize];
    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut square = Vector::<f32, N>::new(0.0f32);
    let mut row = CUBE_POS_Y * CUBE_DIM_Y + UNIT_POS_Y;
    while row < rows {
        let value = x[(row * lines + at) as usize] - shift;
        sum += value;
        square += value * value;
        row += CUBE_DIM_Y * CUBE_COUNT_Y;
    }
    add_up::<N>(sum, square, parts, line, lines, units);
}

/// The sums over a share of the rows for the backward pass: of the gradient, and of the gradient
/// times the distance from the mean. Where the output is not above zero, ReLU lets nothing through.
#[cube(launch)]
pub(super) fn gradient_sums<N: Size>(
    gradient: &Tensor<Vector<f32, N>>,
    output: &Tensor<Vector<f32, N>>,
    x: &Tensor<Vector<f32, N>>,
    mean: &Tensor<Vector<f32, N>>,
    parts: &mut Tensor<Vector<f32, N>>,
    rows: u32,
    lines: u32,
    #[comptime] relu: bool,
    #[comptime] units: usize,
) {
    let line = CUBE_POS_X * CUBE_DIM_X + UNIT_POS_X;
    let at = select(line < lines, line, 0u32);
    let mean = mean[at as usize];
    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut along = Vector::<f32, N>::new(0.0f32);
    let mut row = CUBE_POS_Y * CUBE_DIM_Y + UNIT_POS_Y;
    while row < rows {
        let place = (row * lines + at) as usize;
        let gradient = passed::<N>(gradient[place], output[place], relu);
        sum += gradient;
        along += gradient * (x[place] - mean);
        row += CUBE_DIM_Y * CUBE_COUNT_Y;
    }
    add_up::<N>(sum, along, parts, line, lines, units);
}

/// What ReLU lets through of a gradient, given its output.
#[cube]
fn passed<N: Size>(
    gradient: Vector<f32, N>,
    output: Vector<f32, N>,
    #[comptime] relu: bool,
) -> Vector<f32, N> {
    if relu {
        let zero = Vector::<f32, N>::new(0.0f32);
        select_many(output.greater_than(&zero), gradient, zero)
    } else {
        gradient
    }
}

/// Adds up the sums of a cube's rows, and writes them as its share.
#[cube]
fn add_up<N: Size>(
    first: Vector<f32, N>,
    second: Vector<f32, N>,
    parts: &mut Tensor<Vector<f32, N>>,
    line: u32,
    lines: u32,
    #[comptime] units: usize,
) {
    let mut shared: Shared<[Vector<f32, N>]> = Shared::new_slice(2 * units);
    shared[UNIT_POS as usize] = first;
    shared[units + UNIT_POS as usize] = second;
    sync_cube();
    if UNIT_POS_Y == 0 && line < lines {
        let mut first = first;
        let mut second = second;
        for y in 1..CUBE_DIM_Y {
            let other = (y * CUBE_DIM_X + UNIT_POS_X) as usize;
            first += shared[other];
            second += shared[units + other];
        }
        parts[(CUBE_POS_Y * 2 * lines + line) as usize] = first;
        parts[((CUBE_POS_Y * 2 + 1) * lines + line) as usize] = second;
    }
}

/// The sum over all shares, from the place `at` of the first.
#[cube]
fn total<N: Size>(
    parts: &Tensor<Vector<f32, N>>,
    at: u32,
    lines: u32,
    shares: u32,
) -> Vector<f32, N> {
    let mut sum = Vector::<f32, N>::new(0.0f32);
    for share in 0..shares {
        sum += parts[(share * 2 * lines + at) as usize];
    }
    sum
}

/// Mean and biased variance of each channel from the shares of [`sums`], and in `factors`,
/// `[2, lines]`, what normalises: a scale and a shift.
#[cube(launch)]
pub(super) fn statistics<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    parts: &Tensor<Vector<f32, N>>,
    gamma: &Tensor<Vector<f32, N>>,
    beta: &Tensor<Vector<f32, N>>,
    mean: &mut Tensor<Vector<f32, N>>,
    variance: &mut Tensor<Vector<f32, N>>,
    factors: &mut Tensor<Vector<f32, N>>,
    rows: f32,
    epsilon: f32,
    lines: u32,
    shares: u32,
) {
    let line = ABSOLUTE_POS as u32;
    if line < lines {
        let sum = total::<N>(parts, line, lines, shares);
        let square = total::<N>(parts, lines + line, lines, shares);
        let at = line as usize;
        let count = Vector::<f32, N>::new(rows);
        let off = sum / count;
        let of_channel = square / count - off * off;
        let zero = Vector::<f32, N>::new(0.0f32);
        let of_channel = select_many(of_channel.greater_than(&zero), of_channel, zero);
        let centre = x[at] + off;
        let scale = gamma[at] / Vector::sqrt(of_channel + Vector::<f32, N>::new(epsilon));
        mean[at] = centre;
        variance[at] = of_channel;
        factors[at] = scale;
        factors[(lines + line) as usize] = beta[at] - centre * scale;
    }
}

/// Scales and shifts each channel, adds a residual, and applies ReLU.
#[cube(launch)]
pub(super) fn normalise<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    factors: &Tensor<Vector<f32, N>>,
    residual: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    lines: u32,
    #[comptime] sum: bool,
    #[comptime] relu: bool,
) {
    if ABSOLUTE_POS < output.len() {
        let line = ABSOLUTE_POS % lines as usize;
        let mut value = x[ABSOLUTE_POS] * factors[line] + factors[lines as usize + line];
        if sum {
            value += residual[ABSOLUTE_POS];
        }
        if relu {
            let zero = Vector::<f32, N>::new(0.0f32);
            // Not the larger of both, which would make zero of NaN.
            value = select_many(value.less_than(&zero), zero, value);
        }
        output[ABSOLUTE_POS] = value;
    }
}

/// The gradients of beta and gamma from the shares of [`gradient_sums`], and in `factors`,
/// `[3, lines]`, what makes the gradient of x: `a (g - b - (x - mean) c)`.
#[cube(launch)]
pub(super) fn gradient_statistics<N: Size>(
    parts: &Tensor<Vector<f32, N>>,
    gamma: &Tensor<Vector<f32, N>>,
    variance: &Tensor<Vector<f32, N>>,
    of_gamma: &mut Tensor<Vector<f32, N>>,
    of_beta: &mut Tensor<Vector<f32, N>>,
    factors: &mut Tensor<Vector<f32, N>>,
    rows: f32,
    epsilon: f32,
    lines: u32,
    shares: u32,
) {
    let line = ABSOLUTE_POS as u32;
    if line < lines {
        let sum = total::<N>(parts, line, lines, shares);
        let along = total::<N>(parts, lines + line, lines, shares);
        let at = line as usize;
        let one = Vector::<f32, N>::new(1.0f32);
        let precise = one / (variance[at] + Vector::<f32, N>::new(epsilon));
        let inverse = Vector::sqrt(precise);
        let count = Vector::<f32, N>::new(rows);
        of_beta[at] = sum;
        of_gamma[at] = along * inverse;
        factors[at] = gamma[at] * inverse;
        factors[(lines + line) as usize] = sum / count;
        factors[(2 * lines + line) as usize] = along * precise / count;
    }
}

/// The gradient of x, and that of the residual, which is what ReLU lets through.
#[cube(launch)]
pub(super) fn gradient<N: Size>(
    gradient: &Tensor<Vector<f32, N>>,
    output: &Tensor<Vector<f32, N>>,
    x: &Tensor<Vector<f32, N>>,
    mean: &Tensor<Vector<f32, N>>,
    factors: &Tensor<Vector<f32, N>>,
    of_x: &mut Tensor<Vector<f32, N>>,
    of_residual: &mut Tensor<Vector<f32, N>>,
    lines: u32,
    #[comptime] relu: bool,
    #[comptime] residual: bool,
) {
    if ABSOLUTE_POS < of_x.len() {
        let lines = lines as usize;
        let line = ABSOLUTE_POS % lines;
        let gradient = passed::<N>(gradient[ABSOLUTE_POS], output[ABSOLUTE_POS], relu);
        let off = (x[ABSOLUTE_POS] - mean[line]) * factors[2 * lines + line];
        of_x[ABSOLUTE_POS] = factors[line] * (gradient - factors[lines + line] - off);
        if residual {
            of_residual[ABSOLUTE_POS] = gradient;
        }
    }
}
