//! Random changes of a file, for the test runs of those who have no fuzzer.

use rand::{Rng, RngExt};

/// `bytes` with a few changes: bytes that become others, spans that are cut, doubled or moved, and
/// `pieces` that mean something in such a file. Half of the changes fall into the first `head`
/// bytes.
pub fn mutated(mut bytes: Vec<u8>, pieces: &[&[u8]], head: usize, rng: &mut impl Rng) -> Vec<u8> {
    for _ in 0..rng.random_range(1..6) {
        let within = if rng.random_bool(0.5) { bytes.len().min(head) } else { bytes.len() };
        let at = rng.random_range(0..=within);
        let end = (at + rng.random_range(0..40)).min(bytes.len());
        match rng.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] = rng.random(),
            1 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let span = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, span);
            }
            4 if rng.random_range(0..10) == 0 => bytes.truncate(at),
            _ => {
                let piece = pieces[rng.random_range(0..pieces.len())];
                // In place of as many bytes, or between two.
                let end =
                    if rng.random_bool(0.5) { at } else { (at + piece.len()).min(bytes.len()) };
                bytes.splice(at..end, piece.iter().copied());
            }
        }
    }
    bytes
}
