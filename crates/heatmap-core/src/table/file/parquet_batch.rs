//! [`Batch`]: some decoded rows of one Parquet column.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;

use super::cell::Cell;
use super::column::Kind;
use super::notation::Notation;

/// Result of the decoder.
pub(in crate::table) type Decoding<T> = std::result::Result<T, ParquetError>;

/// A batch of decoded rows of one Parquet column.
pub(in crate::table) struct Batch {
    values: Decoded,
    /// 1 for each row that has a value; empty for columns that cannot have gaps.
    levels: Vec<i16>,
    /// Where in `values` the value of each row is; `None` when the row has none.
    places: Vec<Option<u32>>,
    signed: bool,
    /// Digits after the point of a decimal column.
    scale: Option<u32>,
}

/// The values of a batch, without the gaps between them.
enum Decoded {
    None,
    Bools(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    FixedBytes(Vec<FixedLenByteArray>),
}

impl Batch {
    /// Makes a batch for a column of this kind, without a row yet.
    pub(in crate::table) fn new(kind: &Kind) -> Self {
        let signed = !matches!(kind, Kind::Whole { signed: false });
        let scale = if let Kind::Decimal { scale } = kind { Some(*scale) } else { None };
        Self { values: Decoded::None, levels: Vec::new(), places: Vec::new(), signed, scale }
    }

    /// Replaces the rows by the next `wanted`; returns how many there were.
    pub(in crate::table) fn fill(
        &mut self,
        reader: &mut ColumnReader,
        wanted: usize,
    ) -> Decoding<usize> {
        self.values = match reader {
            ColumnReader::BoolColumnReader(reader) => Decoded::Bools(self.decode(reader, wanted)?),
            ColumnReader::Int32ColumnReader(reader) => Decoded::Int32(self.decode(reader, wanted)?),
            ColumnReader::Int64ColumnReader(reader) => Decoded::Int64(self.decode(reader, wanted)?),
            ColumnReader::FloatColumnReader(reader) => Decoded::Float(self.decode(reader, wanted)?),
            ColumnReader::DoubleColumnReader(reader) => {
                Decoded::Double(self.decode(reader, wanted)?)
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                Decoded::Bytes(self.decode(reader, wanted)?)
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                Decoded::FixedBytes(self.decode(reader, wanted)?)
            }
            ColumnReader::Int96ColumnReader(_) => {
                return Err(ParquetError::General("96-bit numbers".to_owned()));
            }
        };
        Ok(self.places.len())
    }

    fn decode<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        wanted: usize,
    ) -> Decoding<Vec<T::T>> {
        let mut values = Vec::new();
        self.levels.clear();
        let (rows, present, levels) =
            reader.read_records(wanted, Some(&mut self.levels), None, &mut values)?;
        self.places.clear();
        if self.levels.is_empty() {
            // A column that cannot have gaps.
            self.places.extend((0..rows as u32).map(Some));
        } else {
            let mut next = 0;
            self.places.extend(self.levels.iter().map(|&level| {
                let here = (level > 0).then_some(next);
                next += u32::from(level > 0);
                here
            }));
        }
        let expected = self.places.iter().flatten().count();
        if values.len() != present || present != expected || levels != rows {
            return Err(ParquetError::General("values and gaps do not agree".to_owned()));
        }
        Ok(values)
    }

    /// The value in `row`.
    pub(in crate::table) fn cell(&self, row: usize) -> Cell<'_> {
        let Some(place) = self.places[row] else { return Cell::Missing };
        let place = place as usize;
        if let Some(scale) = self.scale {
            return self.decimal(place, scale);
        }
        match &self.values {
            Decoded::None => Cell::Missing,
            Decoded::Bools(values) => Cell::Bool(values[place]),
            Decoded::Int32(values) if self.signed => Cell::Whole(values[place].into()),
            Decoded::Int32(values) => Cell::Unsigned((values[place] as u32).into()),
            Decoded::Int64(values) if self.signed => Cell::Whole(values[place]),
            Decoded::Int64(values) => Cell::Unsigned(values[place] as u64),
            Decoded::Float(values) => Cell::Real(values[place].into()),
            Decoded::Double(values) => Cell::Real(values[place]),
            Decoded::Bytes(values) => Cell::Text(values[place].data(), Notation::Point),
            Decoded::FixedBytes(values) => Cell::Text(values[place].data(), Notation::Point),
        }
    }
}

impl Batch {
    /// Reads a value of a decimal column: a whole number, whose bytes may be stored with the most
    /// significant first, divided by a power of ten.
    fn decimal(&self, place: usize, scale: u32) -> Cell<'_> {
        let of_bytes = |bytes: &[u8]| {
            let first = bytes.first().map_or(0, |&byte| if byte >= 0x80 { -1 } else { 0 });
            // Longer ones are beyond what a table of counts can hold; below they become text that
            // is no number.
            (bytes.len() <= 16).then(|| {
                bytes.iter().fold(first, |value: i128, &byte| value << 8 | i128::from(byte))
            })
        };
        let unscaled = match &self.values {
            Decoded::Int32(values) => Some(values[place].into()),
            Decoded::Int64(values) => Some(values[place].into()),
            Decoded::Bytes(values) => of_bytes(values[place].data()),
            Decoded::FixedBytes(values) => of_bytes(values[place].data()),
            _ => None,
        };
        let Some(unscaled) = unscaled else {
            return Cell::Text(b"a decimal of more than 16 bytes", Notation::Point);
        };
        match i64::try_from(unscaled) {
            Ok(whole) if scale == 0 => Cell::Whole(whole),
            // With more digits than an f64 has, this rounds twice, which may change the last bit.
            _ => Cell::Real(unscaled as f64 / 10.0_f64.powi(scale as i32)),
        }
    }
}
