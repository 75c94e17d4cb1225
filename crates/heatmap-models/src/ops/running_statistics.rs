//! Training-mode forward passes that leave the running statistics of batch normalisation unchanged.
//!
//! GradCache (Gao et al. 2021) runs every chunk of a batch forward twice: once for the loss and
//! once for the gradient. Both passes must normalise by the chunk, but the running statistics must
//! follow each chunk only once.

use std::cell::Cell;

thread_local! {
    static KEPT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `forward` while batch normalisation on this thread leaves its running statistics unchanged.
pub fn keep_running_statistics<T>(forward: impl FnOnce() -> T) -> T {
    /// Restores the previous setting when dropped, also on a panic.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            KEPT.set(self.0);
        }
    }
    let _before = Before(KEPT.replace(true));
    forward()
}

/// Returns whether batch normalisation on this thread must leave its running statistics unchanged.
pub(super) fn are_kept() -> bool {
    KEPT.get()
}

#[cfg(test)]
mod tests {
    use burn::nn::BatchNormConfig;
    use burn::tensor::{Device, Distribution, Tensor};

    use super::*;
    use crate::ops::batch_norm;

    #[test]
    fn the_output_is_that_of_training_and_the_statistics_stay() {
        let device = Device::flex().autodiff();
        let norm = BatchNormConfig::new(3).init(&device);
        let input = Tensor::<3>::random([4, 3, 5], Distribution::Normal(2.0, 3.0), &device);
        let kept = keep_running_statistics(|| batch_norm(&norm, input.clone()));
        assert_eq!(
            norm.running_mean.value_sync().into_data(),
            Tensor::<1>::zeros([3], &device).into_data()
        );
        let trained = batch_norm(&norm, input);
        assert_eq!(kept.into_data(), trained.into_data());
        assert_ne!(
            norm.running_mean.value_sync().into_data(),
            Tensor::<1>::zeros([3], &device).into_data()
        );
    }

    #[test]
    fn nested_and_after_a_panic_all_is_as_before() {
        keep_running_statistics(|| {
            keep_running_statistics(|| assert!(are_kept()));
            assert!(are_kept());
        });
        let panicked =
            std::panic::catch_unwind(|| keep_running_statistics(|| panic!("in the middle")));
        assert!(panicked.is_err() && !are_kept());
    }
}
