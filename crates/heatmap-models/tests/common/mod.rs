//! Fixtures of the Python originals (see `tests/python/fixtures.py`) and how to compare with them.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::path::PathBuf;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use heatmap_models::{Pretrained, TensorFile, WeightLayout};

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub(crate) fn open(name: &str) -> TensorFile {
    TensorFile::open(path(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// A tensor of a fixture.
pub(crate) fn tensor<const D: usize>(file: &TensorFile, key: &str, device: &Device) -> Tensor<D> {
    let shape: [usize; D] =
        file.shape(key).unwrap_or_else(|| panic!("no {key}")).try_into().expect("the rank");
    Tensor::from_data(TensorData::new(file.read(key).expect("values"), shape), device)
}

/// Asserts that no value differs from the fixture's by more than `tolerance` of the largest.
pub(crate) fn assert_close<const D: usize>(
    ours: Tensor<D>,
    file: &TensorFile,
    key: &str,
    tolerance: f32,
) {
    assert_eq!(&ours.dims()[..], file.shape(key).unwrap_or_else(|| panic!("no {key}")), "{key}");
    let ours = ours.into_data().convert::<f32>().try_to_vec::<f32>().expect("f32");
    assert_values(&ours, &file.read(key).expect("values"), key, tolerance);
}

pub(crate) fn assert_values(ours: &[f32], theirs: &[f32], what: &str, tolerance: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let difference = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference <= tolerance * largest, "{what}: {difference} of {largest}");
    assert!(ours.iter().all(|value| value.is_finite()), "{what}");
}

/// A network whose parameters are the gradients of `network`'s: saved in a published layout, each
/// gradient has its name.
pub(crate) fn gradients<M: Module>(network: M, gradients: &Gradients) -> M {
    struct ToGradients<'a>(&'a Gradients);
    impl ModuleMapper for ToGradients<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let id = param.id;
            // Running statistics have none.
            let gradient =
                param.val().grad(self.0).unwrap_or_else(|| param.val().inner().zeros_like());
            Param::initialized(id, gradient)
        }
    }
    network.map(&mut ToGradients(gradients))
}

/// The tensors of a network under their published names, by way of a file.
pub(crate) fn saved<M: Pretrained>(network: &M, layout: WeightLayout) -> TensorFile {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("saved.safetensors");
    network.save_weights(&path, layout).expect("saved");
    // The open file outlives its name.
    TensorFile::open(&path).expect("a file that we wrote")
}

/// The devices of this build beside Flex, and why others are left out.
#[allow(clippy::print_stderr, reason = "a skipped device says why")]
pub(crate) fn devices() -> Vec<(&'static str, Device)> {
    #[allow(unused_mut, reason = "without features there is one")]
    let mut devices = vec![("flex", Device::flex())];
    #[cfg(feature = "ndarray")]
    #[allow(deprecated, reason = "offered for comparison as long as Burn has it")]
    devices.push(("ndarray", Device::ndarray()));
    #[cfg(feature = "wgpu")]
    {
        use burn::tensor::{DeviceKind, DeviceType};
        let found =
            std::panic::catch_unwind(|| Device::enumerate(DeviceType::Wgpu).into_vec().len())
                .unwrap_or(0);
        if found == 0 {
            eprintln!("wgpu: skipped, this machine has no adapter");
        } else {
            devices.push(("wgpu", Device::wgpu(DeviceKind::DefaultDevice)));
        }
    }
    devices
}
