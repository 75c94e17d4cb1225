//! The network that is built in.

use std::sync::{Arc, OnceLock};

use super::SetNetwork;

/// What `cargo run --release --example detector` leaves as `set_network.bin`; beside it, in
/// `embedded.json`, is that run's `summary.json`.
static BYTES: &[u8] = include_bytes!("embedded.bin");

impl SetNetwork {
    /// The network that is built in, trained on generated layouts alone.
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
