//! [`LoadOptions`], and loading a file into a module.

use std::collections::{BTreeSet, HashMap};

use burn::module::Module;

use super::container::{begins_with, container_of};
use super::layout::{Family, Recognised, is_head};
use super::leftover::beginnings;
use super::modules::{ModuleTensor, fill, tensors_of, transposed};
use super::report::LoadReport;
use super::tensor_file::TensorFile;
use crate::mismatch::{Mismatch, Misshaped};
use crate::{Error, Result};

/// How a file may differ from the network. By default it may not differ at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Whether to ignore the head in the file and to keep the network's own head, if it has one.
    pub without_head: bool,
    /// Whether to ignore the pooler in the file and to keep the network's own pooler, if it has
    /// one.
    pub without_pooler: bool,
    /// Whether to load a stem for three colours into a network for one grey channel, by summing its
    /// weights over the colours. The output is the same as for a grey image in all three channels.
    pub grey_stem: bool,
    /// Tensors in the file whose names start with one of these are ignored, such as those of a
    /// projection head or a momentum encoder. A container such as `state_dict.` may be left away.
    pub ignored: Vec<String>,
}

impl LoadOptions {
    /// Makes options by which the file may not differ from the network.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ignores the head in the file.
    pub fn without_head(mut self) -> Self {
        self.without_head = true;
        self
    }

    /// Ignores the pooler in the file.
    pub fn without_pooler(mut self) -> Self {
        self.without_pooler = true;
        self
    }

    /// Sums the weights of the stem over the colours.
    pub fn grey_stem(mut self) -> Self {
        self.grey_stem = true;
        self
    }

    /// Ignores all tensors in the file whose names start with `beginning`.
    pub fn ignoring(mut self, beginning: impl Into<String>) -> Self {
        self.ignored.push(beginning.into());
        self
    }
}

/// The counter of batches that PyTorch stores with every batch normalisation, and that is not used
/// here.
const BATCHES_TRACKED: &str = ".num_batches_tracked";

/// How one tensor of the module is read from the file.
struct Plan {
    keys: Vec<String>,
    adds_colours: bool,
}

/// Loads the weights in `file` into a module of the given family; see
/// [`Pretrained`](super::Pretrained).
pub(super) fn load<M: Module>(
    module: M,
    family: &'static Family,
    file: &TensorFile,
    options: &LoadOptions,
) -> Result<(M, LoadReport)> {
    let recognised = family.recognise(file)?;
    let mut mismatch = Mismatch {
        layout: recognised.layout.name,
        missing: Vec::new(),
        unused: Vec::new(),
        misshaped: Vec::new(),
        beginnings: Vec::new(),
        hints: Vec::new(),
    };
    let mut plans: HashMap<String, Plan> = HashMap::new();
    let mut kept = Vec::new();
    for tensor in tensors_of(&module) {
        let left_out = (options.without_head && is_head(&tensor.path))
            || (options.without_pooler && tensor.path.starts_with("pooler."));
        if left_out {
            kept.push(tensor.path);
        } else if let Some(plan) = plan(&tensor, &recognised, file, options, &mut mismatch) {
            plans.insert(tensor.path, plan);
        }
    }

    let loaded: BTreeSet<&str> =
        plans.values().flat_map(|plan| &plan.keys).map(String::as_str).collect();
    let tracked = |key: &str| {
        let layer = key.strip_suffix(BATCHES_TRACKED);
        layer.is_some_and(|layer| loaded.contains(&format!("{layer}.running_mean")[..]))
    };
    let mut left_out = file.left_out().to_vec();
    for key in file.keys().filter(|key| !loaded.contains(key) && !tracked(key)) {
        let list = if may_be_left_out(key, &recognised, options) {
            &mut left_out
        } else {
            &mut mismatch.unused
        };
        list.push(key.to_owned());
    }
    // A tensor with the wrong shape is not also reported as unused.
    mismatch.unused.retain(|key| !mismatch.misshaped.iter().any(|other| other.key == *key));
    if !mismatch.is_empty() {
        let misshaped = mismatch.misshaped.iter().map(|other| other.key.as_str());
        let used = loaded.iter().copied().chain(misshaped).collect();
        mismatch.beginnings = beginnings(&mismatch.unused, &used);
        mismatch.hints = hints(&mismatch, &recognised, options);
        return Err(Error::Mismatch { path: file.path().to_owned(), mismatch: Box::new(mismatch) });
    }

    let report = LoadReport {
        layout: recognised.layout.name,
        prefix: recognised.prefix.to_owned(),
        loaded: loaded.into_iter().map(str::to_owned).collect(),
        left_out,
        kept,
        grey_stem: plans.values().any(|plan| plan.adds_colours),
    };
    let module = fill(module, |tensor| {
        plans.get(&tensor.path).map(|plan| values(plan, tensor, file)).transpose()
    })?;
    Ok((module, report))
}

/// Finds the keys of a tensor in the file and compares the shapes. Returns `None` and notes the
/// difference in `mismatch` if they do not fit.
fn plan(
    tensor: &ModuleTensor,
    recognised: &Recognised<'_>,
    file: &TensorFile,
    options: &LoadOptions,
    mismatch: &mut Mismatch,
) -> Option<Plan> {
    let Some(keys) = recognised.keys(&tensor.path) else {
        mismatch.missing.push(format!("{} (no place in this layout)", tensor.path));
        return None;
    };
    let expected = shape_in_file(tensor, keys.len());
    let mut adds_colours = false;
    let mut fits = true;
    for key in &keys {
        let Some(found) = file.shape(key) else {
            mismatch.missing.push(key.clone());
            fits = false;
            continue;
        };
        let grey = match (found, &expected[..]) {
            ([o, 3, h, w], [p, 1, x, y]) => (o, h, w) == (p, x, y),
            _ => false,
        };
        if grey && options.grey_stem {
            adds_colours = true;
        } else if found != expected {
            let (in_file, in_network) = (found.to_vec(), expected.clone());
            mismatch.misshaped.push(Misshaped { key: key.clone(), in_file, in_network });
            fits = false;
        }
    }
    fits.then_some(Plan { keys, adds_colours })
}

/// Returns the shape that the file has under each of `parts` keys. Matrices are the weights of
/// linear layers: `[out, in]` in files, `[in, out]` in Burn.
fn shape_in_file(tensor: &ModuleTensor, parts: usize) -> Vec<usize> {
    let mut shape = tensor.shape.clone();
    if shape.len() == 2 {
        shape.reverse();
    }
    shape[0] /= parts;
    shape
}

/// Returns whether the options, or its place outside the network's container, allow a key to be
/// ignored.
fn may_be_left_out(key: &str, recognised: &Recognised<'_>, options: &LoadOptions) -> bool {
    let (prefix, layout) = (recognised.prefix, recognised.layout);
    let container = container_of(prefix);
    container.is_some_and(|container| !key.starts_with(container))
        || (options.without_head && key.starts_with(&format!("{prefix}{}", layout.head)))
        || (options.without_pooler && key.starts_with(&format!("{prefix}{}pooler.", layout.body)))
        || layout
            .unused_key()
            .is_some_and(|unused| key.strip_prefix(prefix) == Some(unused.as_str()))
        || options.ignored.iter().any(|beginning| begins_with(key, beginning))
}

/// Returns sentences that name the options which would resolve some of the differences.
fn hints(mismatch: &Mismatch, recognised: &Recognised<'_>, options: &LoadOptions) -> Vec<String> {
    let head = format!("{}{}", recognised.prefix, recognised.layout.head);
    let pooler = format!("{}{}pooler.", recognised.prefix, recognised.layout.body);
    let concerns = |beginning: &str| {
        let misshaped = mismatch.misshaped.iter().map(|other| &other.key);
        mismatch
            .missing
            .iter()
            .chain(&mismatch.unused)
            .chain(misshaped)
            .any(|key| key.starts_with(beginning))
    };
    let colours = |other: &Misshaped| {
        matches!((&other.in_file[..], &other.in_network[..]), ([_, 3, ..], [_, 1, ..]))
    };
    let mut hints: Vec<String> = Vec::new();
    if !options.without_head && concerns(&head) {
        hints.push("To leave the head out, load without_head".to_owned());
    }
    if !options.without_pooler && concerns(&pooler) {
        hints.push("To leave the pooler out, load without_pooler".to_owned());
    }
    if !options.grey_stem && mismatch.misshaped.iter().any(colours) {
        hints.push("To load a stem for colours into one for grey, load with grey_stem".to_owned());
    }
    hints
}

/// Reads a tensor: concatenates its parts, sums the colours if planned, and transposes matrices.
fn values(plan: &Plan, tensor: &ModuleTensor, file: &TensorFile) -> Result<Vec<f32>> {
    let mut values = Vec::with_capacity(tensor.shape.iter().product());
    for key in &plan.keys {
        let part = file.read(key)?;
        if let Some(at) = part.iter().position(|value| !value.is_finite()) {
            return Err(Error::bad_file(
                file.path(),
                format!("`{key}` has the value {} at place {at}", part[at]),
            ));
        }
        values.extend(part);
    }
    if plan.adds_colours {
        let pixels = tensor.shape[2] * tensor.shape[3];
        let add = |colours: &[f32]| {
            (0..pixels)
                .map(|at| colours[at] + colours[at + pixels] + colours[at + 2 * pixels])
                .collect::<Vec<f32>>()
        };
        values = values.chunks_exact(3 * pixels).flat_map(add).collect();
    }
    if let [rows, columns] = tensor.shape[..] {
        values = transposed(&values, columns, rows);
    }
    Ok(values)
}
