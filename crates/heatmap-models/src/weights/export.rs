//! Writes a module to a file in the layout of another program.

use std::path::Path;

use burn::module::Module;
use safetensors::tensor::Dtype;

use super::layout::{Family, Layout, is_head};
use super::modules::{ModuleTensor, read_tensors, tensors_of, transposed};
use super::safetensors::write_tensors;
use crate::weight_layout::WeightLayout;
use crate::{Error, Result};

/// Saves a module to a safetensors file in one of the family's layouts.
pub(super) fn save(
    module: &impl Module,
    family: &'static Family,
    path: &Path,
    layout: WeightLayout,
) -> Result<()> {
    let tensors = tensors_of(module);
    let layout = layout_for(family, layout, &tensors)?;
    if let Some(tensor) = tensors.iter().find(|tensor| layout.keys(&tensor.path).is_none()) {
        return Err(Error::NoPlace {
            path: path.to_owned(),
            layout: layout.name,
            tensor: tensor.path.clone(),
        });
    }
    let mut named = Vec::new();
    read_tensors(module, |tensor, values| named.extend(parts(layout, tensor, values)));
    named.extend(unused(layout, &tensors));
    write_tensors(path, named)
}

/// Selects the layout with this name. transformers has several: those of one network, and of DINOv2
/// another, which have names for different tensors; and in a network with a head, all names but
/// those of the head have a prefix, in a bare encoder none.
fn layout_for(
    family: &'static Family,
    name: WeightLayout,
    tensors: &[ModuleTensor],
) -> Result<&'static Layout> {
    let has_head = tensors.iter().any(|tensor| is_head(&tensor.path));
    let lacks = |layout: &Layout| tensors.iter().any(|tensor| layout.keys(&tensor.path).is_none());
    let mut named: Vec<&Layout> =
        family.layouts.iter().filter(|layout| layout.name == name).collect();
    named.sort_by_key(|layout| (lacks(layout), layout.body.is_empty() == has_head));
    named.first().copied().ok_or_else(|| {
        let known: Vec<String> =
            family.layouts.iter().map(|layout| layout.name.to_string()).collect();
        let reason = format!("{} is kept as one of {}", family.name, known.join(", "));
        Error::Unknown { what: "layout", value: name.to_string(), reason }
    })
}

/// Returns zeros in place of the tensor that no network here has, for programs that insist on it.
fn unused(
    layout: &Layout,
    tensors: &[ModuleTensor],
) -> Option<(String, Dtype, Vec<usize>, Vec<u8>)> {
    let like = layout.unused.as_ref()?.like;
    let tensor = tensors.iter().find(|tensor| tensor.path == like)?;
    let values: usize = tensor.shape.iter().product();
    Some((layout.unused_key()?, Dtype::F32, vec![1, values], vec![0; 4 * values]))
}

/// Names a tensor as the layout does, split into several tensors if the layout has it so. Matrices
/// are transposed into PyTorch's `[out, in]`.
fn parts(
    layout: &Layout,
    tensor: ModuleTensor,
    mut values: Vec<f32>,
) -> Vec<(String, Dtype, Vec<usize>, Vec<u8>)> {
    let keys = layout.keys(&tensor.path).expect("checked before");
    let mut shape = tensor.shape;
    if let [rows, columns] = shape[..] {
        values = transposed(&values, rows, columns);
        shape = vec![columns, rows];
    }
    shape[0] /= keys.len();
    let part_len = values.len() / keys.len();
    let mut named = Vec::new();
    for (key, part) in keys.into_iter().zip(values.chunks_exact(part_len)) {
        if let Some(layer) = key.strip_suffix(".running_mean") {
            // PyTorch expects this counter beside running statistics, but uses it only if a layer
            // has no momentum.
            named.push((
                format!("{layer}.num_batches_tracked"),
                Dtype::I64,
                Vec::new(),
                vec![0; 8],
            ));
        }
        named.push((
            key,
            Dtype::F32,
            shape.clone(),
            part.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ));
    }
    named
}
