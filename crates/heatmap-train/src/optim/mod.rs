//! Optimisers and learning-rate schedules, where Burn has none or a slower one, and the
//! configuration that combines them.

mod adam;
mod ema;
mod gradients;
mod lars;
mod optimizer;
mod schedule;
mod sgd;
mod warmup;

pub use adam::{Adam, AdamConfig};
pub use ema::{ema_copy, ema_update};
pub use gradients::{clip_to_norm, global_norm, scale_gradients};
pub use lars::{Lars, Velocity};
pub use optimizer::{OptimizerConfig, OptimizerName};
pub use schedule::{warmup_cosine, warmup_cosines};
pub use sgd::Sgd;
pub use warmup::Warmup;
