//! [`Ready`]: what computes a tile, AMX or portable Rust.

#[cfg(target_arch = "x86_64")]
use super::amx;
use super::sides::{Sides, Tile};
use super::{Unit, emulated};

/// A unit that is ready to multiply, on this thread.
pub(super) enum Ready {
    #[cfg(target_arch = "x86_64")]
    Amx(amx::Configured),
    Emulated,
}

impl Ready {
    /// Makes a unit ready.
    pub(super) fn new(unit: Unit) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let (false, Some(configured)) = (unit.emulated, amx::Configured::new()) {
            return Self::Amx(configured);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = unit;
        Self::Emulated
    }

    /// Computes a tile; of its lower half only if there are lower rows.
    pub(super) fn multiply(&self, sides: Sides<'_>, out: &mut Tile) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Amx(unit) => unit.multiply(sides, out),
            Self::Emulated => emulated::multiply(sides, out),
        }
    }
}
