//! PyTorch's own files, which are pickles; only data is accepted from them.
//!
//! The `pytorch-reader` crate interprets the pickle and calls nothing that the file names: it knows
//! the few functions that rebuild tensors, and keeps most other objects as a name only. A file with
//! such a name outside a short list is refused, so that an attack is not only harmless but noticed.
//! Calls whose result the reader discards are harmless too, but go unnoticed.
//!
//! The memory that a file expands to is bounded by its length. Its archive entries must be stored
//! uncompressed, as `torch.save` does it, and no tensor may have more values than the file has
//! bytes, so that a stride of 0 cannot turn a few bytes into a huge tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error as IoError, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader, Tensor};

use super::numbers::{NumberType, to_f32};
use super::stored::{Stored, StoredTensor};
use crate::{Error, Result};

/// Prefixes of the names of Python objects that may be stored beside the weights: numbers, shapes,
/// names and settings.
const HARMLESS: [&str; 4] = ["argparse.Namespace", "collections.", "numpy.", "torch."];

/// Opens a PyTorch file and reads the names and shapes of its tensors.
pub(super) fn open(path: &Path) -> Result<BTreeMap<String, StoredTensor>> {
    let bad = |error: pytorch_reader::PytorchError| Error::bad_file(path, error);
    check_stored(path)?;
    let length = std::fs::metadata(path).map_err(Error::io(path))?.len();
    let values = PytorchReader::read_pickle_data(path, None).map_err(bad)?;
    let mut foreign = Vec::new();
    collect_foreign(&values, &mut foreign);
    if let Some(name) = foreign.first() {
        let reason = format!(
            "the pickle holds `{name}`, which is no weight; nothing was run. Save only \
             `state_dict()`"
        );
        return Err(Error::bad_file(path, reason));
    }
    let mut names = Vec::new();
    collect_names(&values, "", &mut names);
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|two| two[0] == two[1]) {
        return Err(Error::bad_file(path, format!("two objects have the name `{}`", twice[0])));
    }
    let tensors = PytorchReader::new(path).map_err(bad)?.into_tensors();
    for (name, tensor) in &tensors {
        let values = tensor
            .shape()
            .iter()
            .try_fold(1_u64, |product, side| product.checked_mul(*side as u64));
        if values.is_none_or(|values| values > length) {
            let reason = format!(
                "`{name}` would have the shape {:?} in a file of {length} bytes",
                tensor.shape()
            );
            return Err(Error::bad_file(path, reason));
        }
    }
    if tensors.is_empty() {
        return Err(Error::bad_file(path, "holds no tensors"));
    }
    let stored = |(name, tensor): (String, Tensor)| {
        (name, StoredTensor { shape: tensor.shape().to_vec(), stored: Box::new(tensor) })
    };
    Ok(tensors.into_iter().map(stored).collect())
}

/// Refuses a zip archive with compressed entries, 10 kB of which may expand to gigabytes. Files
/// that are not zip archives pass.
fn check_stored(path: &Path) -> Result<()> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut start = [0; 4];
    if file.read_exact(&mut start).is_err() || start != *b"PK\x03\x04" {
        return Ok(());
    }
    let whole = |error: zip::result::ZipError| {
        Error::bad_file(path, format!("no whole zip archive: {error}"))
    };
    let mut archive = zip::ZipArchive::new(file).map_err(whole)?;
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at).map_err(whole)?;
        if entry.compression() != zip::CompressionMethod::Stored
            || entry.size() != entry.compressed_size()
        {
            let reason = format!("its entry {at} is compressed, which torch.save never does");
            return Err(Error::bad_file(path, reason));
        }
    }
    Ok(())
}

/// Collects the names of tensors and other objects in nested dictionaries, joined by dots.
fn collect_names(value: &PickleValue, name: &str, names: &mut Vec<String>) {
    match value {
        PickleValue::Dict(values) => {
            for (key, value) in values {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                collect_names(value, &name, names);
            }
        }
        PickleValue::Unsupported(_) => names.push(name.to_owned()),
        _ => {}
    }
}

/// Collects the names of all objects in a pickle that are neither plain data nor in [`HARMLESS`].
fn collect_foreign<'a>(value: &'a PickleValue, names: &mut Vec<&'a str>) {
    match value {
        // `int` here is an integer that is too large for 64 bits.
        PickleValue::Unsupported(name)
            if name != "int" && !HARMLESS.iter().any(|known| name.starts_with(known)) =>
        {
            names.push(name);
        }
        PickleValue::List(values) => values.iter().for_each(|value| collect_foreign(value, names)),
        PickleValue::Dict(values) => {
            values.values().for_each(|value| collect_foreign(value, names))
        }
        _ => {}
    }
}

impl Stored for Tensor {
    fn read(&self, rows: Range<usize>) -> std::io::Result<Vec<f32>> {
        // The whole tensor is read first; partial reads of weights do not occur.
        let bytes = Tensor::read(self)?;
        let row = bytes.len().checked_div(self.shape().first().copied().unwrap_or(1)).unwrap_or(0);
        let bytes = &bytes[rows.start * row..rows.end * row];
        Ok(to_f32(number_type(self.dtype())?, bytes))
    }
}

fn number_type(dtype: DType) -> std::io::Result<NumberType> {
    Ok(match dtype {
        DType::F64 => NumberType::F64,
        DType::F32 => NumberType::F32,
        DType::F16 => NumberType::F16,
        DType::BF16 => NumberType::BF16,
        DType::I64 => NumberType::I64,
        DType::I32 => NumberType::I32,
        DType::U8 => NumberType::U8,
        other => {
            return Err(IoError::new(
                ErrorKind::InvalidData,
                format!("cannot use numbers of type {other:?}"),
            ));
        }
    })
}
