//! What the examples share: arguments, how a run begins and ends, bars and sentences on a terminal.
//! The examples themselves are thin mains beside this folder.

mod arguments;
mod bars;
mod ending;
pub mod fine_tune;
mod saying;
mod simclr_arguments;
pub mod start;
mod stopping;
mod terminal;
mod training_arguments;

pub use arguments::{EncoderArguments, NamedPath, PublishedWeights, SharedArguments};
pub use bars::{bytes_bar, image_bar, plain_bar};
pub use ending::{Ending, end};
pub use saying::say;
pub use simclr_arguments::SimClrArguments;
pub use stopping::{stop_on_ctrl_c, unless_stopped};
pub use terminal::Terminal;
pub use training_arguments::TrainingArguments;
