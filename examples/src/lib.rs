//! What the examples share: arguments, ending with one clear line, progress of feature extraction, what the `features` example
//! reads and writes, and the report of a SimCLR run. The examples themselves are thin mains beside this folder.

mod arguments;
mod ending;
pub mod feature_input;
pub mod feature_output;
mod features;
pub mod simclr_report;
mod total_clicks;

pub use arguments::SharedArguments;
pub use ending::{Ending, end};
pub use features::{extract_with_bar, image_bar};
pub use total_clicks::{TotalClicksBaseline, total_clicks_baseline};
