//! How long a GPU's kernels are tried for.
//!
//! For every shape that it meets first, Burn tries several kernels on a GPU and keeps the fastest
//! for as long as the process lives. So the first steps of a run take longer than the others, and
//! whoever waits should know why. Burn tells of it through the `log` crate alone, so that this is a
//! logger: for programs, not for libraries, because a process has one.

use std::time::Duration;

/// What was tried so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tuned {
    /// Shapes for which there was a choice.
    pub shapes: usize,
    /// The time that it took; a little more where trying one kernel made Burn try others.
    pub time: Duration,
}

/// Watches from now on, and calls `begun` when the first kernel is tried. Does nothing in a build
/// without a GPU, in a program that has a logger, or once a device has been opened.
pub fn watch(begun: fn()) {
    #[cfg(feature = "wgpu")]
    watching::start(begun);
    #[cfg(not(feature = "wgpu"))]
    let _ = begun;
}

/// Returns what was tried since [`watch`].
pub fn tuned() -> Tuned {
    #[cfg(feature = "wgpu")]
    return watching::tuned();
    #[cfg(not(feature = "wgpu"))]
    Tuned::default()
}

#[cfg(feature = "wgpu")]
mod watching {
    use std::sync::{Mutex, OnceLock, PoisonError};
    use std::time::Instant;

    use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
    use log::{LevelFilter, Log, Metadata, Record};

    use super::Tuned;

    /// Who tells that it begins.
    const TUNER: &str = "cubecl_runtime::tune::tuner";

    /// Where it is told what was found, if the configuration asks for it.
    const FOUND: &str = "cubecl::autotune";

    static WATCH: OnceLock<Watch> = OnceLock::new();

    struct Watch {
        begun: fn(),
        seen: Mutex<Seen>,
    }

    #[derive(Debug, Default)]
    struct Seen {
        since: Option<Instant>,
        told: bool,
        tuned: Tuned,
    }

    impl Log for Watch {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            [TUNER, FOUND].contains(&metadata.target())
        }

        fn log(&self, record: &Record<'_>) {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            match record.target() {
                TUNER if record.args().to_string().starts_with("Tuning ") => {
                    seen.since = Some(Instant::now());
                    if !std::mem::replace(&mut seen.told, true) {
                        drop(seen);
                        (self.begun)();
                    }
                }
                FOUND => {
                    let now = Instant::now();
                    seen.tuned.shapes += 1;
                    if let Some(since) = seen.since.replace(now) {
                        seen.tuned.time += now - since;
                    }
                }
                _ => (),
            }
        }

        fn flush(&self) {}
    }

    pub(super) fn start(begun: fn()) {
        let watch = WATCH.get_or_init(|| Watch { begun, seen: Mutex::default() });
        if log::set_logger(watch).is_err() {
            return;
        }
        log::set_max_level(LevelFilter::Info);
        // As the user has it, and what was found is told to the `log` crate, too.
        let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
        config.autotune.logger.log.get_or_insert_default();
        CubeClRuntimeConfig::try_set(config);
    }

    pub(super) fn tuned() -> Tuned {
        WATCH.get().map_or_else(Tuned::default, |watch| {
            watch.seen.lock().unwrap_or_else(PoisonError::into_inner).tuned
        })
    }
}
