//! Bars, on standard error; a quiet program draws none.

use std::borrow::Cow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::saying::is_quiet;

/// A bar over images: how many, what is done to them, how fast, and the time left.
pub fn image_bar(images: usize, what: impl Into<Cow<'static, str>>) -> ProgressBar {
    let bar = bar(images as u64);
    let style =
        ProgressStyle::with_template("{bar:24} {pos}/{len} images  {msg}  {per_sec}  {eta} left");
    bar.set_style(style.expect("the template is correct").progress_chars("=> "));
    bar.set_message(what);
    bar
}

/// A bar over anything that is counted.
pub fn plain_bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = bar(length);
    let style = ProgressStyle::with_template(&format!(
        "{{bar:24}} {{pos}}/{{len}} {what} {{msg}}  {{eta}} left"
    ));
    bar.set_style(style.expect("the template is correct").progress_chars("=> "));
    bar
}

/// A bar over the bytes of files that are read.
pub fn bytes_bar() -> ProgressBar {
    let bar = bar(1);
    let style = ProgressStyle::with_template(
        "{bar:24} {bytes}/{total_bytes}  {msg}  {bytes_per_sec}  {eta} left",
    );
    bar.set_style(style.expect("the template is correct").progress_chars("=> "));
    bar
}

fn bar(length: u64) -> ProgressBar {
    match is_quiet() {
        true => ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden()),
        false => ProgressBar::new(length),
    }
}
