//! The commands of the README and the guide, so that what is written there is what is checked.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{Outcome, Place};

/// The first command of README.md or of the pages in docs that begins like this, without its own
/// arguments.
pub(crate) fn command(place: &Place, beginning: &str) -> Outcome<Command> {
    let mut text = String::new();
    for page in pages(place)? {
        text += &fs::read_to_string(page)?;
        text.push('\n');
    }
    let line = text
        .lines()
        .find(|line| line.strip_prefix(beginning).is_some_and(|rest| !rest.starts_with(is_word)))
        .ok_or_else(|| format!("README and docs have no command that begins with `{beginning}`"))?;
    let mut words = line.split(" -- ").next().unwrap_or(line).split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(&place.root);
    Ok(command)
}

/// README.md, then the pages in docs and in the folders there, by name.
fn pages(place: &Place) -> Outcome<Vec<PathBuf>> {
    let mut pages = vec![place.root.join("README.md")];
    let mut folders = vec![place.root.join("docs")];
    while let Some(folder) = folders.pop() {
        let entries: Result<Vec<_>, _> = fs::read_dir(&folder)?.collect();
        let mut paths: Vec<PathBuf> = entries?.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        folders.extend(paths.iter().filter(|path| path.is_dir()).cloned());
        pages
            .extend(paths.into_iter().filter(|path| path.extension().is_some_and(|it| it == "md")));
    }
    Ok(pages)
}

/// Checks that relative links in README and docs point to files that are there, and that no line of
/// prose has more than 100 characters.
pub(crate) fn links(place: &Place) -> Outcome {
    let mut wrong = Vec::new();
    for page in pages(place)? {
        let text = fs::read_to_string(&page)?;
        let folder = page.parent().unwrap_or(&place.root);
        let name = page.strip_prefix(&place.root).unwrap_or(&page).display().to_string();
        for (at, line) in text.lines().enumerate() {
            if line.chars().count() > 100 && !line.contains('|') && !line.contains("](") {
                wrong.push(format!("{name}:{}: more than 100 characters", at + 1));
            }
            for after in line.split("](").skip(1) {
                let target = after.split([')', '#']).next().unwrap_or_default();
                let outside = target.is_empty() || target.contains("://");
                if !outside && !folder.join(target).exists() {
                    wrong.push(format!("{name}:{}: no file {target}", at + 1));
                }
            }
        }
    }
    match wrong.len() {
        0 => Ok(()),
        _ => Err(wrong.join("\n").into()),
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric()
}
