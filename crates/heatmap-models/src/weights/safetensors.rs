//! The safetensors format: the length of the header in eight bytes, a JSON header, and the values.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Error as IoError, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use heatmap_core::write_atomically;
use safetensors::tensor::{Dtype, Metadata, TensorView};

use super::numbers::{NumberType, to_f32};
use super::stored::{Stored, StoredTensor};
use crate::{Error, Result};

/// The maximum length of a header by the format's definition.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// The bytes of one tensor in an open file.
#[derive(Debug)]
struct Slice {
    file: Arc<Mutex<File>>,
    dtype: Dtype,
    start: u64,
    /// The number of bytes of one row along the first axis.
    row_bytes: usize,
}

/// Reads the header. Every length that the file claims is compared with the length of the file
/// before it is used.
pub(super) fn open(path: &Path) -> Result<BTreeMap<String, StoredTensor>> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let length = file.metadata().map_err(Error::io(path))?.len();
    let mut claimed = [0; 8];
    if length < 8 {
        return Err(Error::bad_file(
            path,
            format!("{length} bytes are too few for safetensors: truncated?"),
        ));
    }
    file.read_exact(&mut claimed).map_err(Error::io(path))?;
    let claimed = u64::from_le_bytes(claimed);
    if claimed > MAX_HEADER_BYTES || claimed > length - 8 {
        let reason = format!(
            "claims a header of {claimed} bytes in a file of {length}: truncated, or not \
             safetensors"
        );
        return Err(Error::bad_file(path, reason));
    }
    let mut header = vec![0; usize::try_from(claimed).expect("at most 100 MB")];
    file.read_exact(&mut header).map_err(Error::io(path))?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|error| Error::bad_file(path, format!("the safetensors header: {error}")))?;
    let (found, expected) = (length - 8 - claimed, metadata.data_len() as u64);
    if found != expected {
        let reason = format!(
            "the header speaks of {expected} bytes of values, the file has {found}: truncated?"
        );
        return Err(Error::bad_file(path, reason));
    }

    let file = Arc::new(Mutex::new(file));
    let tensors = metadata.tensors().into_iter().map(|(name, info)| {
        let (start, end) = info.data_offsets;
        let rows = info.shape.first().copied().unwrap_or(1);
        let slice = Slice {
            file: file.clone(),
            dtype: info.dtype,
            start: 8 + claimed + start as u64,
            row_bytes: (end - start).checked_div(rows).unwrap_or(0),
        };
        (name, StoredTensor { shape: info.shape.clone(), stored: Box::new(slice) })
    });
    Ok(tensors.collect())
}

impl Stored for Slice {
    fn read(&self, rows: Range<usize>) -> std::io::Result<Vec<f32>> {
        let mut bytes = vec![0; rows.len() * self.row_bytes];
        let mut file = self.file.lock().expect("no reader panics");
        file.seek(SeekFrom::Start(self.start + (rows.start * self.row_bytes) as u64))?;
        file.read_exact(&mut bytes)?;
        Ok(to_f32(number_type(self.dtype)?, &bytes))
    }
}

fn number_type(dtype: Dtype) -> std::io::Result<NumberType> {
    Ok(match dtype {
        Dtype::F64 => NumberType::F64,
        Dtype::F32 => NumberType::F32,
        Dtype::F16 => NumberType::F16,
        Dtype::BF16 => NumberType::BF16,
        Dtype::I64 => NumberType::I64,
        Dtype::I32 => NumberType::I32,
        Dtype::U8 => NumberType::U8,
        other => {
            return Err(IoError::new(
                ErrorKind::InvalidData,
                format!("cannot use numbers of type {other:?}"),
            ));
        }
    })
}

/// Writes f32 tensors in the order of their names, with the header entry that transformers looks
/// for. The file is written atomically: it appears complete or not at all.
///
/// # Errors
/// When the file cannot be written.
///
/// # Panics
/// When a tensor does not have as many values as its shape says.
pub fn write_safetensors(
    path: &Path,
    tensors: &BTreeMap<String, (Vec<usize>, Vec<f32>)>,
) -> Result<()> {
    let f32s = tensors.iter().map(|(name, (shape, values))| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (name.clone(), Dtype::F32, shape.clone(), bytes)
    });
    write_tensors(path, f32s.collect())
}

/// Writes tensors of any type from their little-endian bytes.
pub(super) fn write_tensors(
    path: &Path,
    tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
) -> Result<()> {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes)
            .expect("as many values as the shape says");
        (name, view)
    });
    let header = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(views, Some(header.into_iter().collect()))
        .expect("a header that is valid");
    Ok(write_atomically(path, |out| out.write_all(&bytes))?)
}
