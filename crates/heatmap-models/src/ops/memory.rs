//! [`release_memory`]: gives back what the operations on the CPU keep.

use super::{cpu, flex};

/// Returns to the system the memory that operations on the CPU keep for the next step: buffers that
/// wait to be reused, about as much as a training step takes, and weights in the form in which the
/// kernels multiply with them. For a program that goes on after training or inference. The
/// operations work as before, and the first ones take longer.
pub fn release_memory() {
    cpu::release_buffers();
    flex::forget_all();
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor};

    use super::release_memory;
    use crate::{Encoder, ResNetConfig};

    #[test]
    fn a_network_gives_the_same_before_and_after() {
        let device = Device::flex();
        let network = ResNetConfig::resnet18().with_in_channels(1).init(&device);
        let images = Tensor::random([2, 1, 32, 32], Distribution::Default, &device);
        let features = || network.forward_features(images.clone()).into_data();
        let before = features();
        release_memory();
        assert_eq!(features(), before);
    }
}
