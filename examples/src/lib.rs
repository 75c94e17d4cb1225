//! What the examples share: arguments, how a run begins and ends, bars and sentences on a terminal.
//! The examples themselves are thin mains beside this folder.

mod arguments;
mod ending;
pub mod fine_tune;
mod simclr_arguments;
pub mod start;
mod terminal;
mod training_arguments;

pub use arguments::{EncoderArguments, NamedPath, PublishedWeights, SharedArguments};
pub use ending::end;
pub use heatmap_cli::{
    Ending, TableArguments, bytes_bar, fresh_folder, image_bar, plain_bar, say, say_how_read,
    stop_on_ctrl_c, unless_stopped,
};
pub use simclr_arguments::SimClrArguments;
pub use terminal::Terminal;
pub use training_arguments::TrainingArguments;

/// The code of the guide, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/from-a-crate.md")]
pub struct FromACrate;
