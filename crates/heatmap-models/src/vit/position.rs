//! [`Position`]: one learned vector for the position of each token, resampled for images of other
//! sizes.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::config::VitConfig;
use super::interpolation::Interpolation;
use super::parameters::token;

/// The position embedding of a square grid of patches, row by row, and of the class token where
/// that has a position. Register tokens have none. One of the two tensors is there; they have
/// different names because most layouts have no place for the second.
#[derive(Module, Debug)]
pub(super) struct Position {
    /// The learned vectors, `[1, 1 + grid_size * grid_size, embed_dim]`, that of the class token
    /// first.
    embedding: Option<Param<Tensor<3>>>,
    /// The learned vectors without one of the class token, `[1, grid_size * grid_size, embed_dim]`.
    patches: Option<Param<Tensor<3>>>,
    #[module(skip)]
    grid_size: usize,
    #[module(skip)]
    interpolation: Interpolation,
}

impl Position {
    pub(super) fn init(config: &VitConfig, device: &Device) -> Self {
        let with_class = config.class_position;
        let learned = |count: usize| token([1, count, config.embed_dim], device);
        let grid_size = config.grid_size();
        Self {
            embedding: with_class.then(|| learned(grid_size.pow(2) + 1)),
            patches: (!with_class).then(|| learned(grid_size.pow(2))),
            grid_size,
            interpolation: config.interpolation,
        }
    }

    /// Returns whether the class token has a position.
    pub(super) fn has_class(&self) -> bool {
        self.embedding.is_some()
    }

    /// Returns how the vectors are resampled.
    pub(super) fn interpolation(&self) -> Interpolation {
        self.interpolation
    }

    /// Returns the vectors for a grid of `rows` by `columns` patches, resampled if the learned grid
    /// is another (the paper, section 3.2, says only "2D interpolation").
    ///
    /// # Shapes
    /// - output: `[1, rows * columns, embed_dim]`, with that of the class token before them
    ///   `[1, 1 + rows * columns, embed_dim]`
    pub(super) fn forward(&self, rows: usize, columns: usize) -> Tensor<3> {
        let learned = self.embedding.as_ref().or(self.patches.as_ref());
        let embedding = learned.expect("one of the two").val();
        let grid = self.grid_size;
        if (rows, columns) == (grid, grid) {
            return embedding;
        }
        let [_, count, embed_dim] = embedding.dims();
        let device = embedding.device();
        let before = count - grid * grid;
        let places = embedding.clone().narrow(1, before, grid * grid);
        // Interpolation is linear and separable: a product with one matrix along the rows and one
        // along the columns.
        let along_rows = self
            .interpolation
            .matrix(grid, rows, &device)
            .matmul(places.reshape([grid, grid * embed_dim]));
        let along_columns: Tensor<3> =
            self.interpolation.matrix(grid, columns, &device).unsqueeze();
        let places = along_columns.matmul(along_rows.reshape([rows, grid, embed_dim]));
        let places = places.reshape([1, rows * columns, embed_dim]);
        if before == 0 {
            return places;
        }
        Tensor::cat(vec![embedding.narrow(1, 0, before), places], 1)
    }
}
