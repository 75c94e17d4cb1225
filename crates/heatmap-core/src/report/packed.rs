//! Maps with one byte per bin, for the script that draws them.
//!
//! A map of whole counts up to 255 is stored exactly. Other counts are stored as square roots, in
//! 255 steps up to the largest, so the error is half a step of the root and faint bins keep their
//! precision. Signed values take 127 steps of the root in either direction. A value other than zero
//! is never stored as zero. The bytes are row-major; a zero is followed by the length (at most 255)
//! of its run of zeros. All of it is encoded in base64.

use std::fmt::{self, Display, Formatter};

use crate::{Grid, Heatmap};

/// A map that is ready to be written as a JSON object. It only holds numbers, base64 and our own
/// words, so nothing in it needs to be escaped.
#[derive(Debug)]
pub(super) struct Packed {
    grid: Grid,
    /// How a byte is decoded: `exact`, `root` or `signed`.
    kind: &'static str,
    /// The largest absolute value in the map.
    scale: f32,
    /// Whether any two bins differ. If not, the picture has a single colour.
    varied: bool,
    base64: String,
}

impl Packed {
    /// Packs clicks per bin.
    pub(super) fn clicks(heatmap: &Heatmap) -> Self {
        let (values, scale) = (heatmap.values(), heatmap.max());
        if scale <= 255.0 && values.iter().all(|v| v.fract() == 0.0) {
            return Self::new(heatmap.grid(), "exact", scale, values, |v| v as u8);
        }
        Self::new(heatmap.grid(), "root", scale, values, |v| steps(v / scale, 255.0))
    }

    /// Packs values of either sign, row-major. The caller has checked that there is one for each
    /// bin and that all are finite.
    pub(super) fn signed(grid: Grid, values: &[f32]) -> Self {
        let scale = values.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
        let byte = |v: f32| {
            let size = steps(v.abs() / scale, 127.0) as i8;
            (if v < 0.0 { -size } else { size }).cast_unsigned()
        };
        Self::new(grid, "signed", scale, values, byte)
    }

    fn new(
        grid: Grid,
        kind: &'static str,
        scale: f32,
        values: &[f32],
        byte: impl Fn(f32) -> u8,
    ) -> Self {
        let bytes = values.iter().map(|&v| if v == 0.0 { 0 } else { byte(v) });
        let varied = values.windows(2).any(|pair| pair[0] != pair[1]);
        Self { grid, kind, scale, varied, base64: base64(&shortened(bytes)) }
    }
}

impl Display for Packed {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { grid: Grid { rows, columns, bin_size_px }, kind, scale, varied, base64 } = self;
        write!(
            out,
            "{{\"rows\":{rows},\"columns\":{columns},\"bin\":{bin_size_px:e},\"kind\":\"{kind}\",\
             \"scale\":{scale:e},"
        )?;
        write!(out, r#""varied":{varied},"data":"{base64}"}}"#)
    }
}

/// The square root of `part` (a fraction of the largest value) in steps, at least 1.
fn steps(part: f32, most: f32) -> u8 {
    (part.sqrt() * most).round().clamp(1.0, most) as u8
}

/// Replaces every run of zeros (up to 255) by a zero and its length.
fn shortened(bytes: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut short: Vec<u8> = Vec::new();
    let mut zeros = 0_u8;
    for byte in bytes {
        if byte == 0 && zeros < 255 && zeros > 0 {
            zeros += 1;
            *short.last_mut().expect("the length of the run") = zeros;
        } else if byte == 0 {
            short.extend([0, 1]);
            zeros = 1;
        } else {
            short.push(byte);
            zeros = 0;
        }
    }
    short
}

/// Base64 encoding by RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit > chunk.len() { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand::RngExt;

    const GRID: Grid = Grid { rows: 7, columns: 5, bin_size_px: 5.0 };

    /// Reads a map as the script does, from the words in the format's description.
    fn unpacked(packed: &Packed) -> Vec<f32> {
        let json: serde_json::Value = serde_json::from_str(&packed.to_string()).unwrap();
        let mut bits = Vec::new();
        for c in json["data"].as_str().unwrap().bytes().filter(|&c| c != b'=') {
            let value = match c {
                b'A'..=b'Z' => c - b'A',
                b'a'..=b'z' => c - b'a' + 26,
                b'0'..=b'9' => c - b'0' + 52,
                b'+' => 62,
                _ => 63,
            };
            bits.extend((0..6).rev().map(|bit| value >> bit & 1));
        }
        let bytes: Vec<u8> =
            bits.chunks_exact(8).map(|b| b.iter().fold(0, |byte, bit| byte << 1 | bit)).collect();
        let (mut values, mut at) = (Vec::new(), 0);
        let scale = json["scale"].as_f64().unwrap() as f32;
        while at < bytes.len() {
            if bytes[at] == 0 {
                at += 1;
                values.extend(std::iter::repeat_n(0.0, usize::from(bytes[at])));
            } else {
                let byte = bytes[at];
                values.push(match json["kind"].as_str().unwrap() {
                    "exact" => f32::from(byte),
                    "root" => scale * (f32::from(byte) / 255.0).powi(2),
                    "signed" => {
                        let part = f32::from(byte.cast_signed()) / 127.0;
                        scale * part * part.abs()
                    }
                    other => panic!("{other}"),
                });
            }
            at += 1;
        }
        assert_eq!(
            values.len() as u64,
            json["rows"].as_u64().unwrap() * json["columns"].as_u64().unwrap()
        );
        values
    }

    fn heatmap(values: Vec<f32>) -> Heatmap {
        Heatmap::from_values(GRID, values).unwrap()
    }

    #[test]
    fn small_counts_come_back_as_they_were() {
        let mut rng = sample_rng(1, 0);
        for density in [0.0, 0.1, 0.9, 1.0] {
            let mut draw =
                || if rng.random_bool(density) { rng.random_range(0..=255) as f32 } else { 0.0 };
            let values: Vec<f32> = (0..GRID.len()).map(|_| draw()).collect();
            assert_eq!(unpacked(&Packed::clicks(&heatmap(values.clone()))), values);
        }
    }

    #[test]
    fn other_values_are_off_by_half_a_step_of_the_root() {
        let mut rng = sample_rng(2, 0);
        for scale in [1e-6_f32, 0.3, 1e6] {
            let values: Vec<f32> =
                (0..GRID.len()).map(|_| scale * rng.random_range(-1.0..1.0_f32).powi(3)).collect();
            let sizes: Vec<f32> = values.iter().map(|v| v.abs()).collect();
            let max = sizes.iter().copied().fold(0.0, f32::max);
            for (packed, exact, most) in [
                (Packed::clicks(&heatmap(sizes.clone())), &sizes, 255.0_f32),
                (Packed::signed(GRID, &values), &values, 127.0),
            ] {
                for (read, exact) in unpacked(&packed).into_iter().zip(exact) {
                    let (root, exact_root) =
                        ((read.abs() / max).sqrt(), (exact.abs() / max).sqrt());
                    // The smallest step stands for all that is smaller.
                    let half = if exact_root * most < 0.5 { 1.0 } else { 0.5 };
                    assert!(
                        (root - exact_root).abs() <= half / most + 1e-5,
                        "{read} for {exact} of {max}"
                    );
                    assert!(read * exact > 0.0, "{read} for {exact}");
                }
            }
        }
    }

    #[test]
    fn empty_bins_are_runs() {
        let tall = Grid { rows: 100, columns: 6, bin_size_px: 5.0 };
        let mut values = vec![0.0; tall.len()];
        values[599] = 3.0;
        let packed = Packed::clicks(&Heatmap::from_values(tall, values.clone()).unwrap());
        assert_eq!(packed.base64, base64(&[0, 255, 0, 255, 0, 89, 3]));
        assert_eq!(unpacked(&packed), values);
        assert!(packed.varied && !Packed::clicks(&Heatmap::zeros(tall)).varied);
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        let vectors =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in vectors {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[251, 255, 191]), "+/+/");
    }
}
