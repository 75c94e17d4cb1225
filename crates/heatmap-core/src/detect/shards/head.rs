//! [`Head`]: what the file of a shard says of itself and of the whole log, and whether two shards
//! belong together.

use serde::{Deserialize, Serialize};

use crate::detect::{BannerFacts, FactNotes, LogDetectionConfig, LogInputs};
use crate::stable_hash::StableHash;
use crate::table::{ClickLog, ClickLogConfig, LogReading, Shard};
use crate::{Error, Result};

/// The first line of a file: what it is. Its fields stay the same in all versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    format: String,
    version: u32,
    /// The version of this crate: another one may fit otherwise, and then nothing is equal.
    library: String,
}

/// The second line of a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) shard: Shard,
    pub(super) detection: LogDetectionConfig,
    pub(super) log: ClickLogConfig,
    /// Fingerprint of the clicks of the whole log.
    clicks: u64,
    /// Fingerprint of what is known of all its banners.
    facts: u64,
    /// Number of banners of the whole log, counted once for each display size.
    pub(super) banners: usize,
    /// Number of its grids, counted alike.
    pub(super) grids: u32,
    /// Number of metrics of each banner.
    pub(super) metrics: usize,
    pub(super) reading: LogReading,
    pub(super) notes: FactNotes,
    /// What the program wants to keep that has made the file; shards may differ in it.
    pub(super) origin: serde_json::Value,
}

impl Stamp {
    const FORMAT: &'static str = "heatmap shard";
    const VERSION: u32 = 1;

    /// The stamp of the files of this program.
    pub(super) fn own() -> Self {
        let library = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: Self::FORMAT.to_owned(), version: Self::VERSION, library }
    }

    /// Whether it is the stamp of a shard, of whatever version.
    pub(super) fn is_of_a_shard(&self) -> bool {
        self.format == Self::FORMAT
    }

    /// Says which version it is.
    pub(super) fn words(&self) -> String {
        format!("version {} of heatmap {}", self.version, self.library)
    }
}

impl Head {
    /// What is to be said of a shard of `inputs`, which have `grids` grids.
    ///
    /// # Errors
    /// When the log was not read as a shard, or `origin` is no JSON.
    pub(super) fn of(
        detection: &LogDetectionConfig,
        inputs: &LogInputs,
        grids: usize,
        origin: &impl Serialize,
    ) -> Result<Self> {
        let LogInputs { log, known, notes } = inputs;
        let (Some(shard), Some(clicks)) = (log.shard(), log.fingerprint()) else {
            return Err(Error::Data("the log was not read as a shard".to_owned()));
        };
        Ok(Self {
            shard,
            detection: detection.clone(),
            log: log.config().clone(),
            clicks,
            facts: fingerprint(log, known),
            banners: log.len(),
            grids: u32::try_from(grids)
                .map_err(|_| Error::Data("more than 2^32 grids".to_owned()))?,
            metrics: known.metrics.as_ref().map_or(0, |table| table.names().len()),
            reading: log.reading(),
            notes: notes.clone(),
            origin: serde_json::to_value(origin)
                .map_err(|error| Error::Data(format!("what made the shard: {error}")))?,
        })
    }

    /// In what the shard differs from another one of the same log and settings; `None` if in
    /// nothing that matters.
    pub(super) fn differs(&self, other: &Self) -> Option<&'static str> {
        if self.shard.count() != other.shard.count() {
            return Some("of another number of shards");
        }
        // How much fits in memory, and how files are written, change no result.
        let log = |head: &Self| {
            let ClickLogConfig { bin_size_px, min_clicks, common_size, unit, .. } = head.log;
            (bin_size_px, min_clicks, common_size, unit)
        };
        if self.detection != other.detection || log(self) != log(other) {
            return Some("of other settings");
        }
        let size = |head: &Self| (head.clicks, head.banners, head.grids);
        if size(self) != size(other) {
            return Some("of another log");
        }
        if (self.facts, self.metrics) != (other.facts, other.metrics) {
            return Some("of other metrics, labels or examples");
        }
        None
    }
}

/// A number that differs where something else is known of a banner.
fn fingerprint(log: &ClickLog, known: &BannerFacts) -> u64 {
    let told = |value: Option<bool>| value.map_or(2, u64::from);
    let mut hash = StableHash::new();
    for name in known.metrics.iter().flat_map(|table| table.names()) {
        hash = hash.add_number(name.len() as u64).add(name.as_bytes());
    }
    for entry in log.keys() {
        hash = hash
            .add_number(told(known.label(&entry.banner, entry.display)))
            .add_number(told(known.example(&entry.banner)));
        for metric in known.metrics(&entry.banner) {
            // No metric is NaN, so its bits can stand for a missing one.
            hash = hash.add_number(metric.unwrap_or(f64::NAN).to_bits());
        }
    }
    hash.finish()
}
