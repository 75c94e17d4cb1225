//! Lines for the user, on a terminal that names from files must not command.

use std::borrow::Cow;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicU8, Ordering};

/// Where sentences go.
static PLACE: AtomicU8 = AtomicU8::new(STDOUT);
const STDOUT: u8 = 0;
const STDERR: u8 = 1;
const NOWHERE: u8 = 2;

/// Lets [`say`] write to standard error from now on, because standard output has results for
/// another program.
pub fn say_on_stderr() {
    PLACE.store(STDERR, Ordering::Relaxed);
}

/// Lets [`say`] write nothing from now on.
pub fn be_quiet() {
    PLACE.store(NOWHERE, Ordering::Relaxed);
}

/// Whether [`say`] writes nothing.
pub(crate) fn is_quiet() -> bool {
    PLACE.load(Ordering::Relaxed) == NOWHERE
}

/// A line for the user. Whoever no longer reads, such as `head`, is no reason to stop.
pub fn say(line: &str) {
    match PLACE.load(Ordering::Relaxed) {
        STDOUT => {}
        STDERR => return tell_of(line),
        _ => return,
    }
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{}", printable(line)).and_then(|()| out.flush());
    if let Err(error) = said
        && error.kind() != ErrorKind::BrokenPipe
    {
        tell_of(&format!("cannot write to standard output: {error}"));
    }
}

/// A line about something that went wrong; where nobody reads, nobody is told.
pub fn tell_of(line: &str) {
    _ = writeln!(std::io::stderr().lock(), "{}", printable(line));
}

/// The text with a mark in place of every character that a terminal obeys instead of showing it:
/// escape sequences, which could paint over a line or set the title, and marks that turn the
/// direction of what follows.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| match c {
        '\n' | '\t' => false,
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    };
    if text.contains(obeyed) {
        Cow::Owned(text.replace(obeyed, "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_reaches_it() {
        assert_eq!(printable("a.com\n\tżółw 日本"), "a.com\n\tżółw 日本");
        let hostile = "\u{1b}]0;title\u{7}\u{1b}[2Ja\rb\u{9b}31m\u{202e}c";
        assert_eq!(
            printable(hostile),
            "\u{FFFD}]0;title\u{FFFD}\u{FFFD}[2Ja\u{FFFD}b\u{FFFD}31m\u{FFFD}c"
        );
    }
}
