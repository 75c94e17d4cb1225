//! `scores.csv`: all banners with their score, flag and parts.

use std::path::Path;

use super::{LogDetection, NETWORK_PART};
use crate::table::{ClickLog, spreadsheet_cell};
use crate::{Result, write_atomically};

impl LogDetection {
    /// Writes the banners of `log`, from which this detection was made, to a CSV file in the order
    /// of `ranking`.
    ///
    /// The columns are: domain, grid_id, display_width, display_height, clicks, score, flagged (0
    /// or 1), every part, network_probability (the log odds of the network as a probability), label
    /// (0, 1 or empty). Names that begin like a formula get an apostrophe in front, see
    /// [`spreadsheet_cell`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_scores(&self, path: &Path, log: &ClickLog, ranking: &[usize]) -> Result<()> {
        let write = |out: &mut dyn std::io::Write| {
            let mut writer = csv::Writer::from_writer(out);
            let mut header = [
                "domain",
                "grid_id",
                "display_width",
                "display_height",
                "clicks",
                "score",
                "flagged",
            ]
            .map(str::to_owned)
            .to_vec();
            header.extend(self.parts.names().iter().cloned());
            header.extend(["network_probability", "label"].map(str::to_owned));
            let network = self.parts.names().iter().position(|name| name == NETWORK_PART);
            writer.write_record(&header)?;
            for &banner in ranking {
                let entry = log.entry_at(banner);
                let number = |value: Option<f64>| {
                    value.map(|value| format!("{value:.6}")).unwrap_or_default()
                };
                let mut record = vec![
                    spreadsheet_cell(&entry.banner.domain).into_owned(),
                    spreadsheet_cell(&entry.banner.grid_id).into_owned(),
                    entry.display.width_px.to_string(),
                    entry.display.height_px.to_string(),
                    entry.clicks.to_string(),
                    number(Some(self.decision.scores[banner])),
                    u8::from(self.decision.flagged[banner]).to_string(),
                ];
                record.extend(self.parts.row(banner).into_iter().map(number));
                let log_odds = network.and_then(|part| self.parts.get(banner, part));
                record.push(number(log_odds.map(|log_odds| 1.0 / (1.0 + (-log_odds).exp()))));
                record.push(
                    self.labels[banner]
                        .map(|broken| u8::from(broken).to_string())
                        .unwrap_or_default(),
                );
                writer.write_record(&record)?;
            }
            writer.flush()
        };
        write_atomically(path, write)
    }
}
