//! [`FeaturePyramid`]: merges feature maps of all resolutions into one at the finest resolution.
//!
//! After Lin et al. 2017 ("Feature pyramid networks for object detection", section 3), of which the
//! heads here need only the finest level: coarse maps know what is in the image, fine ones know
//! where. A 1x1 convolution brings each map to the same width. From coarse to fine, each map is
//! upsampled by a factor of two and added to the next one, and a 3x3 convolution smooths the
//! artefacts of upsampling. For a network that has only one, coarse map, the map can be refined as
//! in ViTDet (Li et al. 2022, section 3).

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::layers::ConvNorm;
use crate::ops::{Activations, Epilogue};

/// Configures a [`FeaturePyramid`].
#[derive(Config, Debug)]
pub struct FeaturePyramidConfig {
    /// The number of channels of each map, from fine to coarse.
    pub map_channels: Vec<usize>,
    /// The number of channels of the merged map.
    #[config(default = 128)]
    pub width: usize,
    /// How often the merged map is refined; each refinement doubles its rows and columns.
    #[config(default = 0)]
    pub refinements: usize,
}

/// A feature pyramid of convolutions with batch normalisation; see the module documentation.
#[derive(Module, Debug)]
pub struct FeaturePyramid {
    laterals: Vec<ConvNorm>,
    refinements: Vec<ConvNorm>,
    smooth: ConvNorm,
}

impl FeaturePyramidConfig {
    /// Makes a pyramid with fresh parameters.
    ///
    /// # Panics
    /// When there are no maps, or `width` or a number of channels is 0.
    pub fn init(&self, device: &Device) -> FeaturePyramid {
        let Self { map_channels, width, refinements } = self;
        assert!(!map_channels.is_empty(), "a pyramid needs a map");
        assert!(*width > 0 && !map_channels.contains(&0), "the maps of a pyramid need channels");
        let layer = |channels, size| ConvNorm::init(channels, size, 1, device);
        FeaturePyramid {
            laterals: map_channels.iter().map(|&channels| layer([channels, *width], 1)).collect(),
            refinements: (0..*refinements).map(|_| layer([*width, 4 * width], 1)).collect(),
            smooth: layer([*width, *width], 3),
        }
    }
}

impl FeaturePyramid {
    /// Merges feature maps into one.
    ///
    /// # Shapes
    /// - `maps`, from fine to coarse: `[batch, channels, rows, columns]`, each with half the rows
    ///   and columns of the one before, rounded up. If there are more maps than configured, the
    ///   finest ones are ignored.
    /// - output: `[batch, width, rows, columns]` with the rows and columns of the finest map that
    ///   is used, doubled by each refinement
    ///
    /// # Panics
    /// When there are fewer maps than configured.
    pub fn forward(&self, mut maps: Vec<Tensor<4>>) -> Tensor<4> {
        let (found, asked) = (maps.len(), self.laterals.len());
        assert!(found >= asked, "a pyramid of {asked} maps got {found}");
        let mut above: Option<Activations> = None;
        for (map, lateral) in maps.drain(found - asked..).zip(&self.laterals).rev() {
            let map = Activations::new(map);
            let after = match above {
                Some(above) => Epilogue::SumRelu(above.doubled(map.size())),
                None => Epilogue::Relu,
            };
            above = Some(lateral.forward(map, after));
        }
        let map = above.expect("a pyramid has a map");
        let map = self
            .refinements
            .iter()
            .fold(map, |map, layer| layer.forward(map, Epilogue::Relu).unfolded());
        self.smooth.forward(map, Epilogue::Relu).into_tensor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Distribution, TensorData};

    fn map(shape: [usize; 4], device: &Device) -> Tensor<4> {
        Tensor::random(shape, Distribution::Default, device)
    }

    #[test]
    fn the_result_is_as_fine_as_the_finest_map_and_the_refinements_say() {
        let device = Device::flex();
        let pyramid = FeaturePyramidConfig::new(vec![4, 8, 16]).with_width(6).init(&device);
        // Odd sizes are rounded up from map to map.
        let maps = [[2, 4, 9, 6], [2, 8, 5, 3], [2, 16, 3, 2]].map(|shape| map(shape, &device));
        assert_eq!(pyramid.forward(maps.to_vec()).dims(), [2, 6, 9, 6]);
        // More maps than it was made for: the finest is left out.
        let pyramid = FeaturePyramidConfig::new(vec![8, 16]).with_width(6).init(&device);
        assert_eq!(pyramid.forward(maps.to_vec()).dims(), [2, 6, 5, 3]);
        let pyramid =
            FeaturePyramidConfig::new(vec![4]).with_width(6).with_refinements(2).init(&device);
        assert_eq!(pyramid.forward(vec![map([2, 4, 3, 2], &device)]).dims(), [2, 6, 12, 8]);
    }

    #[test]
    fn a_cell_sees_its_own_place_in_every_map() {
        let device = Device::flex();
        // Wide enough that some channel answers for sure.
        let pyramid = FeaturePyramidConfig::new(vec![3, 5]).with_width(64).init(&device);
        let (fine, coarse) = (map([1, 3, 8, 8], &device), map([1, 5, 4, 4], &device));
        let before = pyramid.forward(vec![fine.clone(), coarse.clone()]);
        let changes = |fine: Tensor<4>, coarse: Tensor<4>| -> Vec<[usize; 2]> {
            let change = (pyramid.forward(vec![fine, coarse]) - before.clone()).abs().sum_dim(1);
            let change = change.into_data().try_to_vec::<f32>().expect("f32");
            (0..64).filter(|&at| change[at] > 1e-6).map(|at| [at / 8, at % 8]).collect()
        };
        // Far more in one cell, at row 2 and column 1 of the coarse map, reaches the four cells
        // there and those beside them.
        let mut bump = [0.0_f32; 16];
        bump[9] = 50.0;
        let bump = Tensor::<4>::from_data(TensorData::new(bump.to_vec(), [1, 1, 4, 4]), &device);
        let reached = changes(fine.clone(), coarse.clone() + bump);
        assert!(
            !reached.is_empty()
                && reached.iter().all(|[y, x]| (3..=6).contains(y) && (1..=4).contains(x))
        );
        let mut bump = [0.0_f32; 64];
        bump[8 * 6 + 7] = 50.0;
        let bump = Tensor::<4>::from_data(TensorData::new(bump.to_vec(), [1, 1, 8, 8]), &device);
        let reached = changes(fine + bump, coarse);
        assert!(
            !reached.is_empty()
                && reached.iter().all(|[y, x]| (5..=7).contains(y) && (6..=7).contains(x))
        );
    }

    #[test]
    fn every_map_is_learned_from() {
        let device = Device::flex().autodiff();
        let pyramid =
            FeaturePyramidConfig::new(vec![3, 5]).with_width(4).with_refinements(1).init(&device);
        let maps = [[2, 3, 4, 4], [2, 5, 2, 2]].map(|shape| map(shape, &device).require_grad());
        let gradients = pyramid.forward(maps.to_vec()).powi_scalar(2).sum().backward();
        for map in maps {
            let slope = map.grad(&gradients).expect("a gradient").abs().sum().into_scalar::<f32>();
            assert!(slope > 0.0);
        }
    }

    #[test]
    #[should_panic(expected = "a pyramid of 2 maps got 1")]
    fn too_few_maps_are_refused() {
        let device = Device::flex();
        FeaturePyramidConfig::new(vec![3, 5])
            .init(&device)
            .forward(vec![map([1, 3, 4, 4], &device)]);
    }
}
