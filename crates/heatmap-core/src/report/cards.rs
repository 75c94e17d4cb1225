//! Cards of the report: one for each flagged banner, with everything that speaks for and against
//! it, and one for each anchor.

use std::io::{self, Write};

use super::data::{Report, ReportAnchor, ReportBanner};
use super::places::write_places;
use super::text::{Name, Text, clicks, count, counted, number};

/// Largest number of cards of flagged banners: nobody looks at more, and the table has all banners.
const MAX_CARDS: usize = 120;

/// Largest number of cards of anchors.
const MAX_ANCHORS: usize = 200;

/// The flagged banners that get a card, with their index in [`Report::banners`].
pub(super) fn carded(report: &Report) -> impl Iterator<Item = (usize, &ReportBanner)> {
    report.banners.iter().enumerate().filter(|(_, banner)| banner.flagged).take(MAX_CARDS)
}

/// Writes the section of flagged banners.
pub(super) fn write_flagged(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let flagged = report.banners.iter().filter(|banner| banner.flagged).count();
    if flagged == 0 {
        return write!(out, "<p class=\"nothing\">No banner is flagged.</p>");
    }
    write!(out, "<div class=\"cards\">")?;
    for (at, banner) in carded(report) {
        write_card(out, report, at, banner)?;
    }
    write!(out, "</div>")?;
    match flagged.saturating_sub(MAX_CARDS) {
        0 => Ok(()),
        more => write!(
            out,
            "<p class=\"more\">{} without a card: see the ranking.</p>",
            counted(more, "more flagged banner")
        ),
    }
}

fn write_card(
    out: &mut dyn Write,
    report: &Report,
    at: usize,
    banner: &ReportBanner,
) -> io::Result<()> {
    write!(
        out,
        "<article class=\"card\" data-banner=\"{at}\"><header><h3><span class=\"rank\">{}</span> ",
        banner.rank
    )?;
    write!(out, "<span class=\"name\">{}</span></h3>", Name(&banner.domain))?;
    write!(out, "<p class=\"score\"><b>{}</b> score</p></header>", number(banner.score))?;
    write!(out, "<p class=\"meta\">{}</p>", meta(banner))?;
    write!(out, "<p class=\"reason\">{}</p>", Text(&banner.reason))?;
    let parts: Vec<_> = report
        .columns
        .iter()
        .zip(&banner.parts)
        .filter_map(|(c, part)| Some((c, (*part)?)))
        .collect();
    if banner.pictures.is_some() {
        write!(out, "<div class=\"pictures\"></div>")?;
    }
    if banner.pictures.is_some() || !parts.is_empty() {
        write!(
            out,
            "<div class=\"foot\"><details><summary>Where the score comes from</summary><div \
             class=\"places\">"
        )?;
        if let Some(pictures) = &banner.pictures {
            write_places(out, pictures, pictures.anchor.map(|anchor| &report.anchors[anchor]))?;
        }
        write_parts(out, &parts)?;
        write!(out, "</div></details></div>")?;
    }
    write!(out, "</article>")
}

fn write_parts(out: &mut dyn Write, parts: &[(&super::ReportColumn, f64)]) -> io::Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    write!(out, "<table class=\"small\"><caption>Other numbers</caption><tbody>")?;
    for (column, part) in parts {
        write!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td></tr>",
            Text(&column.title),
            number(*part)
        )?;
    }
    write!(out, "</tbody></table>")
}

/// Grid, size, clicks, label and change in one line of HTML.
pub(super) fn meta(banner: &ReportBanner) -> String {
    let label = match banner.label {
        Some(true) => " · labelled broken",
        Some(false) => " · labelled good",
        None => "",
    };
    let change = banner.change.map(|change| format!(" · {change}")).unwrap_or_default();
    let (size, clicks) = (banner.display, count(banner.clicks));
    let (width, height) = (size.width_px, size.height_px);
    let grid = Name(&banner.grid_id);
    format!("grid {grid} · {width} × {height} px · {clicks} clicks{label}{change}")
}

/// Writes the section of anchors.
pub(super) fn write_anchors(out: &mut dyn Write, anchors: &[ReportAnchor]) -> io::Result<()> {
    if anchors.is_empty() {
        return write!(out, "<p class=\"nothing\">No anchor was used.</p>");
    }
    write!(out, "<div class=\"anchors\">")?;
    for (at, anchor) in anchors.iter().enumerate().take(MAX_ANCHORS) {
        let size = anchor.display;
        write!(
            out,
            "<article class=\"anchor\" data-anchor=\"{at}\"><div class=\"pictures\"></div>"
        )?;
        write!(
            out,
            "<h3>Grid {}: {}</h3><p class=\"meta\">{} × {} px · ",
            Name(&anchor.grid_id),
            Text(&anchor.title),
            size.width_px,
            size.height_px
        )?;
        write!(
            out,
            "{} · {} clicks</p>",
            counted(anchor.banners, "banner"),
            clicks(anchor.clicks)
        )?;
        write!(out, "<p class=\"how\">{}</p></article>", Text(&anchor.description))?;
    }
    write!(out, "</div>")?;
    match anchors.len().saturating_sub(MAX_ANCHORS) {
        0 => Ok(()),
        more => write!(out, "<p class=\"more\">{} not shown.</p>", counted(more, "more anchor")),
    }
}
