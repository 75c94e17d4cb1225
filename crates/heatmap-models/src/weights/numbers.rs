//! Conversion of stored numbers to f32.

use half::{bf16, f16};

/// The element types that weights are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberType {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    U8,
}

/// Converts little-endian numbers to f32.
pub(super) fn to_f32(number: NumberType, bytes: &[u8]) -> Vec<f32> {
    fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|chunk| number(*chunk)).collect()
    }
    match number {
        NumberType::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        NumberType::F32 => each(bytes, f32::from_le_bytes),
        NumberType::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
        NumberType::BF16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        NumberType::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
        NumberType::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
        NumberType::U8 => each(bytes, |[b]| f32::from(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read() {
        let values = [-1.5_f32, 0.0, 200.0];
        let bytes =
            |each: fn(f32) -> Vec<u8>| values.into_iter().flat_map(each).collect::<Vec<u8>>();
        assert_eq!(to_f32(NumberType::F64, &bytes(|v| f64::from(v).to_le_bytes().into())), values);
        assert_eq!(to_f32(NumberType::F32, &bytes(|v| v.to_le_bytes().into())), values);
        assert_eq!(
            to_f32(NumberType::F16, &bytes(|v| f16::from_f32(v).to_le_bytes().into())),
            values
        );
        assert_eq!(
            to_f32(NumberType::BF16, &bytes(|v| bf16::from_f32(v).to_le_bytes().into())),
            values
        );
        assert_eq!(
            to_f32(NumberType::I64, &bytes(|v| (v as i64).to_le_bytes().into())),
            [-1.0, 0.0, 200.0]
        );
        assert_eq!(
            to_f32(NumberType::I32, &bytes(|v| (v as i32).to_le_bytes().into())),
            [-1.0, 0.0, 200.0]
        );
        assert_eq!(to_f32(NumberType::U8, &[0, 7, 255]), [0.0, 7.0, 255.0]);
    }
}
