//! [`FactNotes`]: what is to be said of the tables of metrics and labels, without their rows.

use serde::{Deserialize, Serialize};

use super::BannerFacts;
use crate::table::{ClickLog, Drops, InputWarning, LabelTable, MetricsTable};

/// What a person should know of the tables of metrics and labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactNotes {
    /// Number of banners of the log that have a row in the metrics table; `None` without one.
    pub with_metrics: Option<usize>,
    /// Number of banners of the log that have a row in the label table; `None` without one.
    pub with_labels: Option<usize>,
    /// What was found out about files that are not as described, a sentence for each kind of file.
    pub assumptions: Vec<String>,
    /// What makes one doubt that the tables mean what was read from them.
    pub warnings: Vec<InputWarning>,
    /// The columns of the metrics that are left out, for they hold text.
    pub texts: Vec<String>,
    /// The columns of the metrics with values that cannot be read, each with their number.
    pub bad_values: Vec<(String, u64)>,
    /// The rows of the metrics that were left out.
    pub metrics_drops: Drops,
}

impl FactNotes {
    /// Looks at what is `known` of the banners of `log`.
    pub(super) fn of(log: &ClickLog, known: &BannerFacts) -> Self {
        let (metrics, labels) = (known.metrics.as_ref(), known.labels.as_ref());
        let with_metrics = metrics
            .map(|table| log.keys().filter(|entry| table.get(&entry.banner).is_some()).count());
        let with_labels = labels.map(|table| {
            log.keys().filter(|entry| table.get(&entry.banner, entry.display).is_some()).count()
        });
        let unmatched = [
            ("metrics", metrics.map(MetricsTable::len), with_metrics),
            ("labels", labels.map(LabelTable::len), with_labels),
        ];
        let unmatched = unmatched.into_iter().filter_map(|(what, rows, matched)| {
            let rows = rows.filter(|&rows| rows > 0 && matched == Some(0))?;
            Some(no_banner_of(log, what, rows))
        });
        let assumed = metrics.into_iter().flat_map(MetricsTable::assumptions);
        let assumed = assumed.chain(labels.into_iter().flat_map(LabelTable::assumptions));
        Self {
            with_metrics,
            with_labels,
            assumptions: assumed.collect(),
            warnings: metrics
                .into_iter()
                .flat_map(MetricsTable::warnings)
                .chain(unmatched)
                .collect(),
            texts: metrics.map(|table| table.texts().to_vec()).unwrap_or_default(),
            bad_values: metrics.map(|table| table.bad_values().to_vec()).unwrap_or_default(),
            metrics_drops: metrics.map(|table| table.drops().clone()).unwrap_or_default(),
        }
    }
}

/// The warning that no banner of the log is in a table.
fn no_banner_of(log: &ClickLog, what: &str, rows: usize) -> InputWarning {
    let names = log.keys().next().map(|entry| entry.banner);
    let names = names
        .map_or_else(String::new, |first| format!(" than `{}`, `{}`", first.domain, first.grid_id));
    InputWarning {
        what: format!("None of the {rows} banners with {what} is in the click log."),
        advice: format!("See whether keys are written otherwise there{names}."),
    }
}
