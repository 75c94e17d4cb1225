//! `scores.csv`: all banners with their rank, score, flag, reason and parts.

use std::io::{self, Write};
use std::path::Path;

use super::Findings;
use crate::detect::NETWORK_PART;
use crate::table::spreadsheet_cell;
use crate::{Result, write_atomically};

impl Findings<'_> {
    /// Writes all banners to a CSV file, the most broken first.
    ///
    /// The columns are: rank, domain, grid_id, display_width, display_height, clicks, score,
    /// flagged (0 or 1), reason (of flagged banners), change (new, still broken or fixed; only if
    /// there is an earlier run), every part, network_probability (the log odds of the network as a
    /// probability), label (0, 1 or empty). Names that begin like a formula get an apostrophe in
    /// front, see [`spreadsheet_cell`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_scores(&self, path: &Path) -> Result<()> {
        write_atomically(path, |out| self.write_scores_to(out))
    }

    pub(super) fn write_scores_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let (detection, parts) = (self.detection, &self.detection.parts);
        let network = parts.names().iter().position(|name| name == NETWORK_PART);
        let with_changes = self.changes.is_some();
        let mut writer = csv::Writer::from_writer(out);
        let mut header = vec![
            "rank",
            "domain",
            "grid_id",
            "display_width",
            "display_height",
            "clicks",
            "score",
            "flagged",
            "reason",
        ];
        header.extend(with_changes.then_some("change"));
        header.extend(parts.names().iter().map(String::as_str));
        header.extend(["network_probability", "label"]);
        writer.write_record(&header)?;
        for (place, &banner) in self.ranking.iter().enumerate() {
            let entry = self.inputs.log.entry_at(banner);
            let number =
                |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
            let mut record = vec![
                (place + 1).to_string(),
                spreadsheet_cell(&entry.banner.domain).into_owned(),
                spreadsheet_cell(&entry.banner.grid_id).into_owned(),
                entry.display.width_px.to_string(),
                entry.display.height_px.to_string(),
                entry.clicks.to_string(),
                number(Some(detection.decision.scores[banner])),
                u8::from(detection.decision.flagged[banner]).to_string(),
                self.reasons.get(&banner).cloned().unwrap_or_default(),
            ];
            if with_changes {
                record.push(self.change(banner).map_or("", super::Change::name).to_owned());
            }
            record.extend(parts.row(banner).into_iter().map(number));
            let log_odds = network.and_then(|part| parts.get(banner, part));
            record.push(number(log_odds.map(|log_odds| 1.0 / (1.0 + (-log_odds).exp()))));
            let label = detection.labels[banner].map(|broken| u8::from(broken).to_string());
            record.push(label.unwrap_or_default());
            writer.write_record(&record)?;
        }
        writer.flush()
    }
}
