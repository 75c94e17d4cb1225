//! What the examples share: arguments, how a run begins and ends, progress of feature extraction,
//! what the `features` example reads and writes, and what runs leave behind. The examples
//! themselves are thin mains beside this folder.

mod arguments;
pub mod benchmark;
pub mod compare;
pub mod count_output;
pub mod detect;
pub mod detector;
pub mod embed;
mod ending;
pub mod facet_output;
pub mod feature_input;
pub mod feature_output;
mod features;
pub mod fine_tune;
pub mod location_output;
pub mod named_encoders;
mod principal_plane;
mod saying;
pub mod simclr;
mod spread;
pub mod start;
mod stopping;
mod total_clicks;

pub use arguments::SharedArguments;
pub use ending::{Ending, end};
pub use features::{extract_with_bar, image_bar, plain_bar};
pub use saying::say;
pub use stopping::{stop_on_ctrl_c, unless_stopped};
pub use total_clicks::{TotalClicksBaseline, total_clicks_baseline};
