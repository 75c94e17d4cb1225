//! PyTorch's own files: pickles, of which only data is accepted.
//!
//! The pickle is interpreted by the `pytorch-reader` crate, which calls nothing that the file names: it knows the few
//! functions that rebuild tensors and keeps everything else as a name. As PyTorch's `weights_only` does, we refuse a file
//! that names anything outside a short list, so that an attack is noticed and not just survived.

use std::collections::BTreeMap;
use std::io::{Error as IoError, ErrorKind};
use std::ops::Range;
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader, Tensor};

use super::numbers::{NumberType, to_f32};
use super::tensor_file::{Stored, StoredTensor};
use crate::{Error, Result};

/// Modules whose objects may stand beside the weights: numbers, shapes, names and settings.
const HARMLESS: [&str; 4] = ["argparse.Namespace", "collections.", "numpy.", "torch."];

pub(super) fn open(path: &Path) -> Result<BTreeMap<String, StoredTensor>> {
    let bad = |error: pytorch_reader::PytorchError| Error::bad_file(path, error);
    let values = PytorchReader::read_pickle_data(path, None).map_err(bad)?;
    let mut foreign = Vec::new();
    collect_foreign(&values, &mut foreign);
    if let Some(name) = foreign.first() {
        let reason =
            format!("the pickle holds `{name}`, which is no weight; nothing was run. Save only `state_dict()`");
        return Err(Error::bad_file(path, reason));
    }
    let tensors = PytorchReader::new(path).map_err(bad)?.into_tensors();
    if tensors.is_empty() {
        return Err(Error::bad_file(path, "holds no tensors"));
    }
    let stored = |(name, tensor): (String, Tensor)| {
        (name, StoredTensor { shape: tensor.shape().to_vec(), stored: Box::new(tensor) })
    };
    Ok(tensors.into_iter().map(stored).collect())
}

/// The names of all objects in a pickle that are neither plain data nor on the list.
fn collect_foreign<'a>(value: &'a PickleValue, names: &mut Vec<&'a str>) {
    match value {
        // A plain `int` here is one that is too large for 64 bits.
        PickleValue::Unsupported(name) if name != "int" && !HARMLESS.iter().any(|known| name.starts_with(known)) => {
            names.push(name);
        }
        PickleValue::List(values) => values.iter().for_each(|value| collect_foreign(value, names)),
        PickleValue::Dict(values) => values.values().for_each(|value| collect_foreign(value, names)),
        _ => {}
    }
}

impl Stored for Tensor {
    fn read(&self, rows: Range<usize>) -> std::io::Result<Vec<f32>> {
        // The whole tensor, then the rows: weights are never read in part.
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
        other => return Err(IoError::new(ErrorKind::InvalidData, format!("cannot use numbers of type {other:?}"))),
    })
}
