//! What the examples share: arguments, ending with one clear line, progress of feature extraction, and the report of a
//! SimCLR run. The examples themselves are thin mains beside this folder.

mod arguments;
mod ending;
mod features;
pub mod simclr_report;
mod total_clicks;

pub use arguments::SharedArguments;
pub use ending::{Ending, end};
pub use features::extract_with_bar;
pub use total_clicks::{TotalClicksBaseline, total_clicks_baseline};
