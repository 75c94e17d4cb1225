//! [`end`]: how a program that may have used a device ends.

use std::error::Error;
use std::process::ExitCode;

use heatmap_train::tuning::{Tuned, tuned};

use crate::{Ending, say};

/// Turns what a program came to into an exit code, and an error into one line; see
/// [`heatmap_cli::end`]. Tells how long a device has tried kernels.
pub fn end(outcome: Result<Ending, Box<dyn Error>>) -> ExitCode {
    let Tuned { shapes, time } = tuned();
    if shapes > 0 {
        say(&format!(
            "The device tried kernels for {shapes} shapes in {:.1} s.",
            time.as_secs_f64()
        ));
    }
    heatmap_cli::end(outcome)
}
