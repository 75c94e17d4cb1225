//! How an example ends: 0 when all went well, 2 with one line on stderr for a bad argument or file,
//! 130 when the user stopped it.

use std::error::Error;
use std::process::ExitCode;

use heatmap_train::tuning::{Tuned, tuned};

use crate::saying::{say, tell_of};

/// What `run` came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All done.
    Done,
    /// Stopped by the user, everything saved.
    Interrupted,
}

/// Turns what an example came to into an exit code, and an error into one line. Tells how long a
/// device has tried kernels.
pub fn end(outcome: Result<Ending, Box<dyn Error>>) -> ExitCode {
    let Tuned { shapes, time } = tuned();
    if shapes > 0 {
        say(&format!(
            "The device tried kernels for {shapes} shapes in {:.1} s.",
            time.as_secs_f64()
        ));
    }
    match outcome {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        // 128 + SIGINT, as shells expect it.
        Ok(Ending::Interrupted) => ExitCode::from(130),
        Err(error) if matches!(error.downcast_ref(), Some(heatmap_core::Error::Stopped)) => {
            ExitCode::from(130)
        }
        Err(error) => {
            let line = error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ");
            tell_of(&format!("error: {line}"));
            ExitCode::from(2)
        }
    }
}
