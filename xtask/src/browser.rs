//! The report page of `detect` in Chromium.

use std::process::Command;

use crate::shell::{install, is_installed, run};
use crate::{Outcome, Place};

/// Opens the page that the smoke of `detect` has left.
pub(crate) fn report(place: &Place) -> Outcome {
    install("chromium", || is_installed("chromium"))?;
    if !is_installed("chromium") || !is_installed("node") {
        println!("skipped: it takes chromium and node");
        return Ok(());
    }
    let mut check = Command::new("node");
    check.arg(place.root.join(".ci/report_check.mjs")).arg(place.work("detect/report.html"));
    run(check.env("CHROMIUM", "chromium"))
}
