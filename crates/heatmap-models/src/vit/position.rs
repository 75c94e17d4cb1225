//! [`Position`]: one learned vector for the position of each token, interpolated for images of
//! other sizes.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::config::VitConfig;
use super::parameters::token;

/// The position embedding. The first vector is that of the class token; the others are those of a
/// square grid of patches, row by row.
#[derive(Module, Debug)]
pub(super) struct Position {
    /// The learned vectors, `[1, grid_size * grid_size + 1, embed_dim]`.
    embedding: Param<Tensor<3>>,
    #[module(skip)]
    grid_size: usize,
}

impl Position {
    pub(super) fn init(config: &VitConfig, device: &Device) -> Self {
        let embedding = token([1, config.num_tokens(), config.embed_dim], device);
        Self { embedding, grid_size: config.grid_size() }
    }

    /// Returns the vectors for a grid of `rows` by `columns` patches.
    ///
    /// For another grid than the learned one, they are interpolated bicubically, as in transformers
    /// (`interpolate_pos_encoding`; the paper, section 3.2, says only "2D interpolation").
    ///
    /// # Shapes
    /// - output: `[1, rows * columns + 1, embed_dim]`
    pub(super) fn forward(&self, rows: usize, columns: usize) -> Tensor<3> {
        let embedding = self.embedding.val();
        let grid = self.grid_size;
        if (rows, columns) == (grid, grid) {
            return embedding;
        }
        let [_, _, embed_dim] = embedding.dims();
        let device = embedding.device();
        let class = embedding.clone().narrow(1, 0, 1);
        let places = embedding.narrow(1, 1, grid * grid);
        // Interpolation is linear and separable: a product with one matrix along the rows and one
        // along the columns.
        let along_rows =
            bicubic(grid, rows, &device).matmul(places.reshape([grid, grid * embed_dim]));
        let along_columns: Tensor<3> = bicubic(grid, columns, &device).unsqueeze();
        let places = along_columns.matmul(along_rows.reshape([rows, grid, embed_dim]));
        Tensor::cat(vec![class, places.reshape([1, rows * columns, embed_dim])], 1)
    }
}

/// Returns the matrix `[to, from]` that resamples `from` values to `to` by cubic convolution with a
/// = -0.75 (Keys 1981) and the border repeated, as in PyTorch's
/// `interpolate(mode="bicubic", align_corners=False)`.
fn bicubic(from: usize, to: usize, device: &Device) -> Tensor<2> {
    const A: f64 = -0.75;
    let kernel = |distance: f64| match distance.abs() {
        d if d <= 1.0 => ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0,
        d if d < 2.0 => ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A,
        _ => 0.0,
    };
    let mut weights = vec![0.0_f32; to * from];
    for at in 0..to {
        let centre = (at as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        let first = centre.floor() as i64 - 1;
        for tap in first..first + 4 {
            let inside = tap.clamp(0, from as i64 - 1) as usize;
            weights[at * from + inside] += kernel(centre - tap as f64) as f32;
        }
    }
    Tensor::from_data(TensorData::new(weights, [to, from]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(from: usize, to: usize) -> Vec<f32> {
        bicubic(from, to, &Device::flex()).into_data().try_to_vec().unwrap()
    }

    #[test]
    fn values_are_those_of_pytorch() {
        // torch 2.15: F.interpolate(torch.eye(3)[None, None], (3, 5), mode="bicubic"), transposed.
        #[rustfmt::skip]
        let expected = [
            1.096, -0.096, 0.0,
            0.612, 0.460, -0.072,
            0.0, 1.0, 0.0,
            -0.072, 0.460, 0.612,
            0.0, -0.096, 1.096,
        ];
        for (ours, theirs) in weights(3, 5).iter().zip(expected) {
            assert!((ours - theirs).abs() < 1e-6, "{ours} is not {theirs}");
        }
    }

    #[test]
    fn a_constant_stays_constant() {
        for (from, to) in [(14, 24), (14, 7), (3, 1), (1, 4)] {
            for row in weights(from, to).chunks(from) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            }
        }
    }
}
