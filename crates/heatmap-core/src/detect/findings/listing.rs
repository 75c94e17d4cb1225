//! [`Findings::write_list`]: the findings for a terminal or for another program.

use std::io::{self, Write};

use serde::Serialize;

use super::{Findings, LogSummary};

/// How the findings are listed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[strum(serialize_all = "kebab-case")]
pub enum ListFormat {
    /// The flagged banners in columns, for people.
    Table,
    /// All banners, as in `scores.csv`.
    Csv,
    /// The summary and the flagged banners, for programs.
    Json,
}

/// A flagged banner in JSON.
#[derive(Serialize)]
struct Flagged<'a> {
    rank: usize,
    domain: String,
    grid_id: String,
    display_width: u32,
    display_height: u32,
    clicks: u64,
    score: f64,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<bool>,
}

#[derive(Serialize)]
struct Listed<'a> {
    summary: LogSummary,
    flagged: Vec<Flagged<'a>>,
}

impl Findings<'_> {
    /// Writes the findings in this format.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write_list(&self, format: ListFormat, out: &mut dyn Write) -> io::Result<()> {
        match format {
            ListFormat::Table => self.write_table(out),
            ListFormat::Csv => self.write_scores_to(out),
            ListFormat::Json => {
                let listed = Listed { summary: self.summary(), flagged: self.flagged().collect() };
                serde_json::to_writer_pretty(&mut *out, &listed)?;
                writeln!(out)
            }
        }
    }

    fn flagged(&self) -> impl Iterator<Item = Flagged<'_>> {
        let of = |(place, &banner): (usize, &usize)| {
            let entry = self.inputs.log.entry_at(banner);
            Some(Flagged {
                rank: place + 1,
                domain: entry.banner.domain,
                grid_id: entry.banner.grid_id,
                display_width: entry.display.width_px,
                display_height: entry.display.height_px,
                clicks: entry.clicks,
                score: self.detection.decision.scores[banner],
                reason: self.reasons.get(&banner)?,
                change: self.change(banner).map(super::Change::name),
                label: self.detection.labels[banner],
            })
        };
        self.ranking.iter().enumerate().filter_map(of)
    }

    fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let since = self.changes.is_some();
        let mut lines = vec![
            ["rank", "domain", "grid_id", "size", "clicks", "score", "since", "reason"]
                .map(str::to_owned),
        ];
        lines.extend(self.flagged().map(|banner| {
            [
                banner.rank.to_string(),
                banner.domain,
                banner.grid_id,
                format!("{}x{}", banner.display_width, banner.display_height),
                banner.clicks.to_string(),
                format!("{:.3}", banner.score),
                banner.change.unwrap_or_default().to_owned(),
                banner.reason.to_owned(),
            ]
        }));
        // The reason is last and as long as it is.
        let shown = |column: &usize| since || *column != 6;
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..7).map(width).collect();
        for line in &lines {
            for column in (0..7).filter(shown) {
                let (text, width) = (&line[column], widths[column]);
                match column {
                    0 | 4 | 5 => write!(out, "{text:>width$}  ")?,
                    _ => write!(out, "{text:width$}  ")?,
                }
            }
            writeln!(out, "{}", line[7])?;
        }
        Ok(())
    }
}
