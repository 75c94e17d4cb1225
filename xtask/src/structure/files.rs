//! Files are short and so are their lines. Closures that are compiled for vector instructions are
//! inlined, or else they are not.

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
        if rust {
            faults.extend(not_inlined(&text).map(|line| {
                format!("{name}:{line}: a closure for `vectorized` without #[inline(always)]")
            }));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// Returns the lines in which a closure begins that `vectorized` could not compile for the vector
/// instructions: only what is inlined is.
fn not_inlined(text: &str) -> impl Iterator<Item = usize> {
    const CALL: &str = "vectorized(";
    let calls = text.match_indices(CALL).map(|(at, _)| at + CALL.len());
    let bare = calls.filter(|end| text[*end..].trim_start().starts_with(['|', 'm']));
    bare.map(|end| text[..end].lines().count())
}

/// In Markdown, a row of a table and a link stand on one line whatever their width.
fn is_exempt(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('|') || (line.starts_with('[') && line.contains("]: http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_that_are_not_inlined_are_found() {
        let call = "vectorized(";
        let text = format!("{call}|| a);\n{call}\n#[inline(always)]\n|| b)\n{call}\nmove || c)");
        assert_eq!(not_inlined(&text).collect::<Vec<_>>(), [1, 5]);
    }
}
