//! The tables of the report: the ranking of all banners, its columns explained, and the quality of
//! the data.

use std::io::{self, Write};

use super::cards::meta;
use super::data::{QualityLine, Report, ReportBanner};
use super::text::{Name, Text, count, counted, number};

/// Largest number of rows in the ranking: a browser sorts and filters that many without a delay,
/// and `scores.csv` has all.
pub(super) const MAX_ROWS: usize = 5_000;

/// Writes the ranking. Cells that are sorted as numbers carry the number in `data-v`; the script
/// turns the headings into buttons.
pub(super) fn write_ranking(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    if report.banners.is_empty() {
        return write!(out, "<p class=\"nothing\">No banner was scored.</p>");
    }
    let optional = Optional {
        changes: report.banners.iter().any(|banner| banner.change.is_some()),
        labels: report.banners.iter().any(|banner| banner.label.is_some()),
    };
    let rows = &report.banners[..report.banners.len().min(MAX_ROWS)];
    write!(
        out,
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Ranking of \
         banners\">"
    )?;
    write!(out, "<table id=\"ranking\"><thead><tr>")?;
    let head = |out: &mut dyn Write, class: &str, key: &str, title: &str| {
        write!(out, "<th scope=\"col\" class=\"{class}\" data-key=\"{key}\">{}</th>", Text(title))
    };
    head(out, "n", "rank", "Rank")?;
    head(out, "", "text", "Banner")?;
    head(out, "grid", "text", "Grid")?;
    head(out, "size", "number", "Size, px")?;
    head(out, "n clicks", "number", "Clicks")?;
    head(out, "n", "number", "Score")?;
    head(out, "flag", "number", "Status")?;
    if optional.changes {
        head(out, "change", "text", "Since then")?;
    }
    head(out, "", "text", "Why")?;
    if optional.labels {
        head(out, "label", "number", "Label")?;
    }
    for column in &report.columns {
        head(out, "n part", "number", &column.title)?;
    }
    write!(out, "</tr></thead><tbody>")?;
    let scores = rows.iter().map(|banner| banner.score);
    let (min, max) =
        scores.fold((f64::MAX, f64::MIN), |(min, max), score| (score.min(min), score.max(max)));
    for (at, banner) in rows.iter().enumerate() {
        // Computed in halves, so that the widest range does not overflow.
        let part = (banner.score / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0);
        write_row(out, at, banner, if part.is_finite() { part } else { 1.0 }, optional)?;
    }
    write!(out, "</tbody></table></div>")?;
    match report.banners.len() - rows.len() {
        0 => Ok(()),
        more => write!(
            out,
            "<p class=\"more\">The first {} are shown; {} in <code>scores.csv</code>.</p>",
            count(MAX_ROWS as u64),
            counted(more, "more banner")
        ),
    }
}

/// The columns that are only there if a banner has a value in them.
#[derive(Clone, Copy)]
struct Optional {
    changes: bool,
    labels: bool,
}

fn write_row(
    out: &mut dyn Write,
    at: usize,
    banner: &ReportBanner,
    part: f64,
    optional: Optional,
) -> io::Result<()> {
    let (class, status) =
        if banner.flagged { (" class=\"flagged\"", "flagged") } else { ("", "–") };
    write!(out, "<tr data-banner=\"{at}\"{class}")?;
    if banner.pictures.is_some() {
        write!(out, " data-meta=\"{}\"", plain(&meta(banner)))?;
    }
    write!(out, "><td class=\"n\" data-v=\"{0}\">{0}</td>", banner.rank)?;
    write!(
        out,
        "<th scope=\"row\" class=\"name\">{}</th><td class=\"grid\">{}</td>",
        Name(&banner.domain),
        Name(&banner.grid_id)
    )?;
    let size = banner.display;
    let area = u64::from(size.width_px) * u64::from(size.height_px);
    write!(
        out,
        "<td class=\"size\" data-v=\"{area}\">{} × {}</td>",
        size.width_px, size.height_px
    )?;
    write!(
        out,
        "<td class=\"n clicks\" data-v=\"{}\">{}</td>",
        banner.clicks,
        count(banner.clicks)
    )?;
    write!(
        out,
        "<td class=\"n bar\" style=\"--part:{part:.3}\" data-v=\"{:e}\">{}</td>",
        banner.score,
        number(banner.score)
    )?;
    write!(
        out,
        "<td class=\"flag\" data-v=\"{}\"><span class=\"status\">{status}</span></td>",
        u8::from(banner.flagged)
    )?;
    if optional.changes {
        write!(out, "<td class=\"change\">{}</td>", banner.change.unwrap_or_default())?;
    }
    write!(out, "<td class=\"reason\">{}</td>", Text(&banner.reason))?;
    if optional.labels {
        match banner.label {
            Some(broken) => {
                let (value, said) = (u8::from(broken), if broken { "broken" } else { "good" });
                write!(out, "<td class=\"label\" data-v=\"{value}\">{said}</td>")?;
            }
            None => write!(out, "<td class=\"label none\">–</td>")?,
        }
    }
    for part in &banner.parts {
        match part {
            Some(part) => {
                write!(out, "<td class=\"n part\" data-v=\"{part:e}\">{}</td>", number(*part))?
            }
            None => write!(out, "<td class=\"n part none\">–</td>")?,
        }
    }
    write!(out, "</tr>")
}

/// Writes the explanations of the columns of the ranking.
pub(super) fn write_columns(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    if report.columns.is_empty() || report.banners.is_empty() {
        return Ok(());
    }
    write!(out, "<dl class=\"columns\">")?;
    for column in &report.columns {
        write!(out, "<div><dt>{} <code>{}</code></dt>", Text(&column.title), Text(&column.name))?;
        write!(out, "<dd>{}</dd></div>", Text(&column.help))?;
    }
    write!(out, "</dl>")
}

/// Writes how the files were read, and the table of rows that were left out or mended.
pub(super) fn write_quality(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    if !report.assumptions.is_empty() {
        write!(out, "<ul class=\"assumed\">")?;
        for assumed in &report.assumptions {
            write!(out, "<li>{}</li>", Text(assumed))?;
        }
        write!(out, "</ul>")?;
    }
    write_lines(out, &report.quality)
}

fn write_lines(out: &mut dyn Write, lines: &[QualityLine]) -> io::Result<()> {
    if lines.is_empty() {
        return write!(out, "<p class=\"nothing\">Every row of the input was used.</p>");
    }
    write!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Rows that were left \
         out\"><table>"
    )?;
    write!(out, "<thead><tr><th scope=\"col\">Reason</th><th scope=\"col\" class=\"n\">Rows</th>")?;
    write!(
        out,
        "<th scope=\"col\" class=\"n\">Clicks</th><th scope=\"col\">For \
         example</th></tr></thead><tbody>"
    )?;
    for line in lines {
        write!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>",
            Text(&line.reason),
            count(line.rows)
        )?;
        write!(out, "<td class=\"n\">{}</td><td class=\"example\">", count(line.clicks))?;
        if !line.example.is_empty() {
            write!(out, "<code>{}</code>", Name(&line.example))?;
        }
        write!(out, "</td></tr>")?;
    }
    write!(out, "</tbody></table></div>")
}

/// Strips the elements off our own HTML, for use in an attribute.
fn plain(html: &str) -> String {
    let mut inside = false;
    html.chars()
        .filter(|&c| match c {
            '<' => {
                inside = true;
                false
            }
            '>' if inside => {
                inside = false;
                false
            }
            _ => !inside,
        })
        .collect()
}
