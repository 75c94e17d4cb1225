//! Programs that the checks run.

use std::path::Path;
use std::process::Command;

use crate::Outcome;

/// Runs a program to its end, with its output in the terminal.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// What a program prints.
pub(crate) fn output(program: &str, arguments: &[&str], folder: &Path) -> Outcome<String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}\n{said}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether a program can be started.
pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Installs a Debian package if `there` is not so yet and this is a machine where it may.
pub(crate) fn install(package: &str, there: impl Fn() -> bool) -> Outcome {
    let is_root = || output("id", &["-u"], Path::new("/")).is_ok_and(|id| id.trim() == "0");
    if there() || !is_installed("apt-get") || !is_root() {
        return Ok(());
    }
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get").args(["install", "-y", "-qq", package]))
}
