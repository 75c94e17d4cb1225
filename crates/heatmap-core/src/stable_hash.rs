//! [`StableHash`]: a hash of bytes that is the same on every machine and in every version: FNV-1a
//! in 64 bits (Fowler, Noll and Vo; RFC 9923).

/// A hash that is still fed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StableHash(u64);

const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
const PRIME: u64 = 0x0100_0000_01B3;

impl StableHash {
    /// The hash of nothing.
    pub(crate) fn new() -> Self {
        Self(OFFSET)
    }

    /// Adds bytes; where they are cut does not matter.
    pub(crate) fn add(mut self, bytes: &[u8]) -> Self {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        self
    }

    /// Adds a number.
    pub(crate) fn add_number(self, number: u64) -> Self {
        self.add(&number.to_le_bytes())
    }

    /// Returns the hash of all that was added.
    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_published_vectors() {
        for (text, hash) in [
            ("", 0xCBF2_9CE4_8422_2325),
            ("a", 0xAF63_DC4C_8601_EC8C),
            ("foobar", 0x8594_4171_F739_67E8),
        ] {
            assert_eq!(StableHash::new().add(text.as_bytes()).finish(), hash, "{text}");
        }
        let cut = StableHash::new().add(b"foo").add(b"bar");
        assert_eq!(cut.finish(), StableHash::new().add(b"foobar").finish());
    }
}
