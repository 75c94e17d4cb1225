//! Files are short and so are their lines.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::shell::output;

/// Lines of a Rust file, with its tests.
const MAX_LINES: usize = 350;
/// Characters in a line of code or prose.
const MAX_WIDTH: usize = 100;

/// Checks every file that git knows or would add.
pub(crate) fn files(root: &Path) -> Outcome {
    let listed = output("git", &["ls-files", "--cached", "--others", "--exclude-standard"], root)?;
    let mut faults = Vec::new();
    for name in listed.lines() {
        let (rust, prose) = (name.ends_with(".rs"), name.ends_with(".md"));
        if !rust && !prose && !name.ends_with(".toml") {
            continue;
        }
        // A file that was deleted and not committed yet is listed, too.
        let Ok(text) = fs::read_to_string(root.join(name)) else { continue };
        let lines = text.lines().count();
        if rust && lines > MAX_LINES {
            faults.push(format!("{name}: {lines} lines, more than {MAX_LINES}"));
        }
        let wide = text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.chars().count() > MAX_WIDTH && !(prose && is_exempt(line)));
        faults.extend(wide.map(|(at, line)| {
            let width = line.chars().count();
            format!("{name}:{}: {width} characters, more than {MAX_WIDTH}", at + 1)
        }));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// In Markdown, a row of a table and a link stand on one line whatever their width.
fn is_exempt(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('|') || (line.starts_with('[') && line.contains("]: http"))
}
