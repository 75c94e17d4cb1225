//! A program that is run, and what its end must look like.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// An example, built by the same `cargo test` that has built this.
pub(crate) fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let release = test.parent().and_then(Path::parent).expect("target/release/deps/TEST");
    let path = release.join("examples").join(name);
    assert!(path.is_file(), "{} is not built: leave `--test` out once", path.display());
    path
}

/// An example with these arguments, from the root of the repository.
pub(crate) fn example<I: AsRef<OsStr>>(
    name: &str,
    arguments: impl IntoIterator<Item = I>,
) -> Command {
    let mut command = Command::new(path(name));
    command.current_dir(repository()).args(arguments).stdin(Stdio::null());
    command
}

/// The words of a line as arguments.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// Runs a command that must end well, and gives what it has printed.
pub(crate) fn succeeds(command: &mut Command) -> String {
    let output = command.output().expect("a program that starts");
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs a command that must end with exit code 2 and one line that names this.
pub(crate) fn fails_with(named: &str, command: &mut Command) {
    let output = command.output().expect("a program that starts");
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{command:?}: {}", said(&output));
    assert!(line.contains(named), "{command:?}: no `{named}` in {line}");
    assert!(!line.contains("panicked"), "{command:?}: {line}");
}

fn said(output: &Output) -> String {
    format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))
}

/// A run of `example` that was killed as soon as this is there.
pub(crate) fn killed_when(mut command: Command, is_there: impl Fn() -> bool) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    while !is_there() {
        assert!(child.try_wait().expect("a child").is_none(), "{command:?} ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().expect("a child that runs");
    child.wait().expect("an end");
}

/// All that a run has measured but how long it took.
pub(crate) fn metrics(folder: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).expect("metrics.jsonl");
    let without_seconds = |line: &str| {
        let mut values: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        values.as_object_mut().expect("an object").remove("seconds");
        values
    };
    text.lines().map(without_seconds).collect()
}

/// A JSON file that a run has left.
pub(crate) fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).expect("a file that the run has left");
    serde_json::from_str(&text).expect("JSON")
}
