//! The commands of the README, so that what is written there is what is checked.

use std::fs;
use std::process::Command;

use crate::{Outcome, Place};

/// The first command of the README that begins like this, without its own arguments.
pub(crate) fn command(place: &Place, beginning: &str) -> Outcome<Command> {
    let text = fs::read_to_string(place.root.join("README.md"))?;
    let line = text
        .lines()
        .find(|line| line.strip_prefix(beginning).is_some_and(|rest| !rest.starts_with(is_word)))
        .ok_or_else(|| format!("README.md has no command that begins with `{beginning}`"))?;
    let mut words = line.split(" -- ").next().unwrap_or(line).split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(&place.root);
    Ok(command)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric()
}
