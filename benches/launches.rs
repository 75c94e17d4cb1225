//! How many kernels a device is asked to run: with small networks, asking takes longer than
//! running.

#[cfg(feature = "wgpu")]
use std::sync::Arc;
#[cfg(feature = "wgpu")]
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(feature = "wgpu")]
use burn::cubecl::logging::{LaunchObservation, LaunchObserver};

#[cfg(feature = "wgpu")]
#[derive(Debug, Default)]
struct Launches(AtomicUsize);

#[cfg(feature = "wgpu")]
impl LaunchObserver for Launches {
    fn launched(&self, _kernel: &'static str) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs some work, and returns how many kernels it has started; `None` where nothing starts
/// kernels.
///
/// The first runs also start those that Burn tries for a shape: count a later one.
pub fn launches_of(work: &mut dyn FnMut()) -> Option<usize> {
    #[cfg(feature = "wgpu")]
    {
        let launches = Arc::new(Launches::default());
        let watching = LaunchObservation::new(launches.clone());
        work();
        drop(watching);
        Some(launches.0.load(Ordering::Relaxed)).filter(|count| *count > 0)
    }
    #[cfg(not(feature = "wgpu"))]
    {
        work();
        None
    }
}
