//! The built-in network.

use std::sync::{Arc, OnceLock};

use super::SetNetwork;

/// The `set_network.bin` that `cargo run --release --example detector` writes; `embedded.json`
/// beside it is the `summary.json` of that run.
static BYTES: &[u8] = include_bytes!("embedded.bin");

impl SetNetwork {
    /// Returns the built-in network, which was trained on generated layouts alone.
    pub fn embedded() -> Arc<Self> {
        static NETWORK: OnceLock<Arc<SetNetwork>> = OnceLock::new();
        let read = || Arc::new(Self::from_bytes(BYTES).expect("a test reads these bytes"));
        NETWORK.get_or_init(read).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_network_is_small_and_can_be_read() {
        assert!(BYTES.len() <= 1 << 20);
        let network = SetNetwork::from_bytes(BYTES).unwrap();
        assert_eq!(network.to_bytes(), BYTES);
    }
}
