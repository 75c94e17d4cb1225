//! Finding broken banners on a terminal, and what programs on terminals share.
//!
//! [`detect::main`] is the whole program `heatmap-detect`. Sentences ([`say`]), bars, the end of a
//! program ([`end`]), its folder ([`fresh_folder`]) and how its tables are written
//! ([`TableArguments`]) are those of the programs that train networks, too; nothing here depends on
//! Burn.
// The documentation says which items need which feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bars;
pub mod detect;
mod ending;
mod output_arguments;
mod saying;
mod stopping;
mod table_arguments;

pub use bars::{bytes_bar, image_bar, plain_bar};
pub use ending::{Ending, end};
pub use output_arguments::{OutputArguments, fresh_folder};
pub use saying::{be_quiet, say, say_on_stderr, tell_of};
pub use stopping::{stop_on_ctrl_c, unless_stopped};
pub use table_arguments::{TableArguments, say_how_read};
