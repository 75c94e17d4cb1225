//! The page as a whole: a template whose placeholders are filled in one pass, so that text from
//! data is never taken for a placeholder.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

use super::cards::{carded, write_anchors, write_flagged};
use super::data::{Report, ReportBanner};
use super::histogram::write_histogram;
use super::packed::Packed;
use super::places::sides;
use super::ranking::{MAX_ROWS, write_columns, write_quality, write_ranking};
use super::text::Text;
use crate::{Result, write_atomically};

const TEMPLATE: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

impl Report {
    /// Writes the page to `path`; the file appears complete or not at all.
    ///
    /// # Errors
    /// When [`Self::check`] fails, or the file cannot be written.
    pub fn write_html(&self, path: &Path) -> Result<()> {
        self.check()?;
        write_atomically(path, |out| fill(TEMPLATE, out, |place, out| self.write_place(place, out)))
    }

    /// Writes what replaces a placeholder of the template.
    fn write_place(&self, place: &str, out: &mut dyn Write) -> io::Result<()> {
        match place {
            "style" => out.write_all(STYLE.as_bytes()),
            "script" => out.write_all(SCRIPT.as_bytes()),
            "title" => write!(out, "{}", Text(&self.title)),
            "subtitle" => write_paragraph(out, "subtitle", &self.subtitle),
            "generated" => write_paragraph(out, "generated", &self.generated),
            "summary" => self.write_summary(out),
            "warnings" => {
                self.warnings.iter().try_for_each(|said| write_paragraph(out, "warning", said))
            }
            "questions" => {
                self.questions.iter().try_for_each(|said| write_paragraph(out, "question", said))
            }
            "rule" => write_paragraph(out, "rule", &self.rule),
            "histogram" => write_histogram(out, self),
            "flagged" => write_flagged(out, self),
            "ranking" => write_ranking(out, self),
            "columns" => write_columns(out, self),
            "anchors" => write_anchors(out, &self.anchors),
            "quality" => write_quality(out, self),
            "notes" => self.notes.iter().try_for_each(|note| write_paragraph(out, "note", note)),
            "data" => self.write_data(out),
            _ => unreachable!("the template is ours, and a test fills all of it"),
        }
    }

    fn write_summary(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.summary.is_empty() {
            return Ok(());
        }
        write!(out, "<dl class=\"facts\">")?;
        for fact in &self.summary {
            write!(out, "<div><dt>{}</dt><dd>{}", Text(&fact.name), Text(&fact.value))?;
            if !fact.note.is_empty() {
                write!(out, "<small>{}</small>", Text(&fact.note))?;
            }
            write!(out, "</dd></div>")?;
        }
        write!(out, "</dl>")
    }

    /// Writes the maps as JSON. It holds only numbers, base64 and our own words, so nothing in it
    /// can close the script element around it.
    fn write_data(&self, out: &mut dyn Write) -> io::Result<()> {
        let shown: HashSet<usize> = carded(self).map(|(at, _)| at).collect();
        let banners =
            self.banners.iter().enumerate().filter(|(at, _)| *at < MAX_ROWS || shown.contains(at));
        write!(out, "{{\"banners\":{{")?;
        for (at, (name, map)) in
            banners.filter_map(|(at, banner)| Some((at, self.maps(banner)?))).enumerate()
        {
            write!(out, "{}\"{name}\":{map}", if at > 0 { "," } else { "" })?;
        }
        write!(out, "}},\"anchors\":[")?;
        for (at, anchor) in self.anchors.iter().enumerate() {
            write!(
                out,
                "{}{{\"banners\":{},\"map\":",
                if at > 0 { "," } else { "" },
                anchor.banners
            )?;
            write!(out, "{}}}", Packed::clicks(&anchor.heatmap))?;
        }
        write!(out, "]}}")
    }

    /// The maps of a banner as JSON, if it has pictures.
    fn maps(&self, banner: &ReportBanner) -> Option<String> {
        let pictures = banner.pictures.as_ref()?;
        let (broken, good) = sides(&pictures.drivers);
        let anchor = pictures.anchor.map_or("null".to_owned(), |anchor| anchor.to_string());
        Some(format!(
            r#"{{"clicks":{},"drivers":{},"anchor":{anchor},"broken":{broken:e},"good":{good:e}}}"#,
            Packed::clicks(&pictures.heatmap),
            Packed::signed(pictures.heatmap.grid(), &pictures.drivers)
        ))
    }
}

fn write_paragraph(out: &mut dyn Write, class: &str, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    write!(out, "<p class=\"{class}\">{}</p>", Text(text))
}

/// Writes `template` with every `{{place}}` in it replaced by what `write` writes for it.
fn fill(
    template: &str,
    out: &mut dyn Write,
    mut write: impl FnMut(&str, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (place, after) = after.split_once("}}").expect("a place of the template ends");
        out.write_all(before.as_bytes())?;
        write(place, out)?;
        rest = after;
    }
    out.write_all(rest.as_bytes())
}
