//! The file format of a [`SetNetwork`]: convolution weights in half precision, biases and head in
//! single precision.

use half::f16;

use super::{Convolution, ResidualBlock, SetNetwork};
use crate::{Error, Result};

/// The first bytes of every file; the last of them is the version of the format.
const MAGIC: [u8; 8] = *b"hmsetnt1";
/// Larger than any count in a network of this kind, so that corrupt files are rejected early.
const LIMIT: usize = 1 << 12;

impl SetNetwork {
    /// Parses the bytes of a file, which are little-endian throughout.
    ///
    /// # Errors
    /// When the bytes are not in the format of [`SetNetwork::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader { left: bytes };
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(Error::Data("not a set network of this version".to_owned()));
        }
        let stem = reader.convolution()?;
        let blocks = (0..reader.count()?).map(|_| reader.block()).collect::<Result<_>>()?;
        let features = reader.count()?;
        let head = reader.floats(features)?;
        let bias = reader.floats(1)?[0];
        if !reader.left.is_empty() {
            return Err(Error::Data(format!("{} bytes after a set network", reader.left.len())));
        }
        Self::new(stem, blocks, head, bias)
    }

    /// Returns the bytes of a file that holds the network.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_convolution(&mut bytes, &self.stem);
        put_count(&mut bytes, self.blocks.len());
        for ResidualBlock { branch, shortcut } in &self.blocks {
            branch.iter().for_each(|layer| put_convolution(&mut bytes, layer));
            put_count(&mut bytes, usize::from(shortcut.is_some()));
            shortcut.iter().for_each(|layer| put_convolution(&mut bytes, layer));
        }
        put_count(&mut bytes, self.head.len());
        put_floats(&mut bytes, &self.head);
        put_floats(&mut bytes, &[self.bias]);
        bytes
    }
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend((count as u32).to_le_bytes());
}

fn put_floats(bytes: &mut Vec<u8>, values: &[f32]) {
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
}

fn put_convolution(bytes: &mut Vec<u8>, layer: &Convolution) {
    layer.shape().into_iter().chain([layer.stride()]).for_each(|size| put_count(bytes, size));
    layer.weights().iter().for_each(|&weight| bytes.extend(f16::from_f32(weight).to_le_bytes()));
    put_floats(bytes, layer.bias());
}

struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, left) = self
            .left
            .split_at_checked(count)
            .ok_or_else(|| Error::Data("a set network that is cut off".to_owned()))?;
        self.left = left;
        Ok(taken)
    }

    fn count(&mut self) -> Result<usize> {
        let count = self.take(4)?.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        if count > LIMIT {
            Err(Error::Data(format!("a set network with {count} of something")))
        } else {
            Ok(count)
        }
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>> {
        let four = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Ok(self.take(4 * count)?.chunks_exact(4).map(four).collect())
    }

    fn convolution(&mut self) -> Result<Convolution> {
        let [out_channels, in_channels, kernel_size, stride] =
            [self.count()?, self.count()?, self.count()?, self.count()?];
        // At most 2^60 bytes because of `LIMIT`, so nothing overflows, and `take` refuses more than
        // there are.
        let weights = out_channels * in_channels * kernel_size * kernel_size;
        let two = |bytes: &[u8]| f16::from_le_bytes([bytes[0], bytes[1]]).to_f32();
        let weights: Vec<f32> = self.take(2 * weights)?.chunks_exact(2).map(two).collect();
        let bias = self.floats(out_channels)?;
        Convolution::new([out_channels, in_channels, kernel_size], stride, &weights, &bias)
    }

    fn block(&mut self) -> Result<ResidualBlock> {
        let branch = [self.convolution()?, self.convolution()?];
        let shortcut = (self.count()? > 0).then(|| self.convolution()).transpose()?;
        Ok(ResidualBlock { branch, shortcut })
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::tests::random_network;
    use super::*;

    #[test]
    fn a_network_comes_back_in_half_precision_and_then_to_the_bit() {
        let network = random_network(3);
        let bytes = network.to_bytes();
        let back = SetNetwork::from_bytes(&bytes).unwrap();
        assert_eq!((back.head.clone(), back.bias), (network.head.clone(), network.bias));
        for (a, b) in back.stem.weights().iter().zip(network.stem.weights()) {
            // Half a unit in the last place, also of the smallest numbers.
            assert!((a - b).abs() <= b.abs() / 2_048.0 + 3e-8);
        }
        assert_eq!(back.to_bytes(), bytes);
    }

    #[test]
    fn bytes_that_are_cut_off_changed_or_too_many_are_an_error_and_never_a_panic() {
        let bytes = random_network(4).to_bytes();
        for length in 0..bytes.len() {
            assert!(SetNetwork::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        assert!(SetNetwork::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        for at in 0..200 {
            let mut changed = bytes.clone();
            changed[at] ^= 0xFF;
            _ = SetNetwork::from_bytes(&changed);
        }
    }
}
