//! Batch normalisation over the tensors of a GPU: how many units run the `kernels`, and over what.

use burn::cubecl::prelude::*;
use burn::cubecl::{calculate_cube_count_elemwise, tensor_vector_size_parallel};
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::ops::{permute_nchw_to_nhwc, permute_nhwc_to_nchw};
use burn_cubecl::tensor::CubeTensor;

use super::kernels;

/// Units in a cube that sums: as many as WebGPU promises.
const UNITS: usize = 256;

/// Cubes that sum, together enough for a large GPU.
const CUBES: usize = 512;

/// Rows that a unit sums at least: fewer do not pay for writing a share.
const ROWS: usize = 4;

/// What follows the normalisation, and the number that is added to the variance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) relu: bool,
    pub(super) epsilon: f32,
}

/// A layer of normalisation as its backward pass needs it. Images are channels last.
#[derive(Debug, Clone)]
pub(super) struct Normed {
    x: CubeTensor,
    output: CubeTensor,
    gamma: CubeTensor,
    pub(super) mean: CubeTensor,
    pub(super) variance: CubeTensor,
    settings: Settings,
}

/// The sizes of a matrix of places by channels.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    rows: usize,
    channels: usize,
    /// Channels that a unit reads at a time.
    vector: usize,
}

impl Sizes {
    fn of(x: &CubeTensor) -> Self {
        let shape = x.meta.shape();
        let last = shape.num_dims() - 1;
        let channels = shape[last];
        let vector = tensor_vector_size_parallel(
            x.client.io_optimized_vector_sizes(x.dtype.size()),
            shape,
            x.meta.strides(),
            last,
        );
        Self { rows: shape.num_elements() / channels.max(1), channels, vector }
    }

    fn lines(&self) -> usize {
        self.channels / self.vector
    }

    /// Returns the cubes that sum the rows, `(lines, shares)`, and the units of each, `(lines,
    /// rows)`.
    fn for_sums(&self) -> ([usize; 2], [usize; 2]) {
        let width = self.lines().next_power_of_two().min(32);
        let height = UNITS / width;
        let across = self.lines().div_ceil(width);
        let shares = (self.rows / (height * ROWS)).clamp(1, (CUBES / across).max(1));
        ([across, shares], [width, height])
    }
}

/// Normalises by the batch. Returns the output, in the order of `x`, and what the backward pass
/// needs.
///
/// `x`, the residual and the output are `[batch, channels, ...]`.
pub(super) fn train(
    x: CubeTensor,
    gamma: CubeTensor,
    beta: CubeTensor,
    residual: Option<CubeTensor>,
    settings: Settings,
) -> (CubeTensor, Normed) {
    let x = channels_last(x);
    let residual = residual.map(channels_last);
    let [gamma, beta] = [gamma, beta].map(into_contiguous);
    let sizes = Sizes::of(&x);
    let (lines, vector) = (sizes.lines() as u32, sizes.vector);
    let ([across, shares], [width, height]) = sizes.for_sums();
    let parts = empty(&x, [shares, 2, sizes.channels]);
    kernels::sums::launch(
        &x.client,
        CubeCount::Static(across as u32, shares as u32, 1),
        CubeDim::new_2d(width as u32, height as u32),
        vector,
        x.clone().into_tensor_arg(),
        parts.clone().into_tensor_arg(),
        sizes.rows as u32,
        lines,
        UNITS,
    );
    let [mean, variance] = [(); 2].map(|()| empty(&x, [sizes.channels]));
    let factors = empty(&x, [2, sizes.channels]);
    let (count, dim) = elementwise(&x, sizes.lines());
    kernels::statistics::launch(
        &x.client,
        count,
        dim,
        vector,
        x.clone().into_tensor_arg(),
        parts.into_tensor_arg(),
        gamma.clone().into_tensor_arg(),
        beta.into_tensor_arg(),
        mean.clone().into_tensor_arg(),
        variance.clone().into_tensor_arg(),
        factors.clone().into_tensor_arg(),
        sizes.rows as f32,
        settings.epsilon,
        lines,
        shares as u32,
    );
    let output = empty(&x, x.meta.shape().clone());
    let (count, dim) = elementwise(&x, sizes.rows * sizes.lines());
    let has_residual = residual.is_some();
    kernels::normalise::launch(
        &x.client,
        count,
        dim,
        vector,
        x.clone().into_tensor_arg(),
        factors.into_tensor_arg(),
        // Without a residual it is not read.
        residual.unwrap_or_else(|| x.clone()).into_tensor_arg(),
        output.clone().into_tensor_arg(),
        lines,
        has_residual,
        settings.relu,
    );
    let normed = Normed { x, output: output.clone(), gamma, mean, variance, settings };
    (permute_nhwc_to_nchw(output), normed)
}

/// The gradients of a layer.
pub(super) struct Gradients {
    pub(super) x: CubeTensor,
    pub(super) gamma: CubeTensor,
    pub(super) beta: CubeTensor,
    pub(super) residual: Option<CubeTensor>,
}

impl Normed {
    /// Computes the gradients from that of the output, that of the residual if there is one.
    pub(super) fn gradients(self, gradient: CubeTensor, with_residual: bool) -> Gradients {
        let Self { x, output, gamma, mean, variance, settings } = self;
        let gradient = channels_last(gradient);
        let sizes = Sizes::of(&x);
        let (lines, vector) = (sizes.lines() as u32, sizes.vector);
        let ([across, shares], [width, height]) = sizes.for_sums();
        let parts = empty(&x, [shares, 2, sizes.channels]);
        kernels::gradient_sums::launch(
            &x.client,
            CubeCount::Static(across as u32, shares as u32, 1),
            CubeDim::new_2d(width as u32, height as u32),
            vector,
            gradient.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
            x.clone().into_tensor_arg(),
            mean.clone().into_tensor_arg(),
            parts.clone().into_tensor_arg(),
            sizes.rows as u32,
            lines,
            settings.relu,
            UNITS,
        );
        let [of_gamma, of_beta] = [(); 2].map(|()| empty(&x, [sizes.channels]));
        let factors = empty(&x, [3, sizes.channels]);
        let (count, dim) = elementwise(&x, sizes.lines());
        kernels::gradient_statistics::launch(
            &x.client,
            count,
            dim,
            vector,
            parts.into_tensor_arg(),
            gamma.into_tensor_arg(),
            variance.into_tensor_arg(),
            of_gamma.clone().into_tensor_arg(),
            of_beta.clone().into_tensor_arg(),
            factors.clone().into_tensor_arg(),
            sizes.rows as f32,
            settings.epsilon,
            lines,
            shares as u32,
        );
        let of_x = empty(&x, x.meta.shape().clone());
        // Without a residual nothing is written.
        let of_residual = if with_residual {
            empty(&x, x.meta.shape().clone())
        } else {
            empty(&x, [sizes.vector])
        };
        let (count, dim) = elementwise(&x, sizes.rows * sizes.lines());
        kernels::gradient::launch(
            &x.client,
            count,
            dim,
            vector,
            gradient.into_tensor_arg(),
            output.into_tensor_arg(),
            x.clone().into_tensor_arg(),
            mean.into_tensor_arg(),
            factors.into_tensor_arg(),
            of_x.clone().into_tensor_arg(),
            of_residual.clone().into_tensor_arg(),
            lines,
            settings.relu,
            with_residual,
        );
        Gradients {
            x: permute_nhwc_to_nchw(of_x),
            gamma: of_gamma,
            beta: of_beta,
            residual: with_residual.then(|| permute_nhwc_to_nchw(of_residual)),
        }
    }
}

/// Moves the channels to the end, in memory too. Convolutions leave them there.
fn channels_last(x: CubeTensor) -> CubeTensor {
    into_contiguous(permute_nchw_to_nhwc(x))
}

/// A contiguous tensor of f32 with arbitrary contents, on the device of `like`.
fn empty(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let (client, device) = (like.client.clone(), like.device.clone());
    empty_device_contiguous_dtype(client, device, shape.into(), DType::F32)
}

/// Returns the cubes for as many units, and the units in each.
fn elementwise(x: &CubeTensor, units: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new(&x.client, units);
    (calculate_cube_count_elemwise(&x.client, units, dim), dim)
}
