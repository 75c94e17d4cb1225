//! How a program ends: 0 when all went well, 2 with one line on stderr for a bad argument or file,
//! 130 when the user stopped it.

use std::error::Error;
use std::process::ExitCode;

use crate::saying::tell_of;

/// What `run` came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All done.
    Done,
    /// Stopped by the user, everything saved.
    Interrupted,
}

/// Turns what a program came to into an exit code, and an error into one line.
pub fn end(outcome: Result<Ending, Box<dyn Error>>) -> ExitCode {
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
