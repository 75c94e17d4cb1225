//! The `detect` example: tables in, a ranked and explained list of broken banners out.

mod choices;
mod demo;
mod inputs;
mod page;
mod scores;

pub use choices::AnchorName;
pub use demo::{Demo, DemoSize};
pub use inputs::{Inputs, detect_with_bar, read_inputs, was_stopped};
pub use page::{coarse_sizes, write_report};
pub use scores::{summary, write_scores};
