//! [`BannerRecord`]: a banner in the file of a shard.

use serde::{Deserialize, Serialize};

use crate::detect::log_detection::ScoredBanner;
use crate::detect::{BannerFacts, PARTS};
use crate::table::{BannerEntry, BannerHeatmap, BannerKey};
use crate::{BannerSize, Error, Result};

/// A banner with its clicks, its parts, and what is known of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BannerRecord {
    domain: String,
    display: BannerSize,
    /// The exact number of clicks.
    clicks: u64,
    /// The bins with clicks and the number of clicks in each, by turns.
    bins: Vec<u64>,
    /// The bits of each part, which a table of parts holds as f32.
    parts: Vec<Option<u32>>,
    #[serde(default, skip_serializing_if = "is_false")]
    of_reference: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    in_anchor: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<bool>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) good: bool,
    /// Finite numbers: a metrics table has no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) metrics: Vec<Option<f64>>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// The bits of a part as f32; `None` if it is missing.
pub(super) fn bits(part: Option<f64>) -> Option<u32> {
    part.map(|value| value as f32).filter(|value| !value.is_nan()).map(f32::to_bits)
}

/// The part of these bits.
pub(super) fn of_bits(bits: Option<u32>) -> Option<f64> {
    bits.map(|bits| f64::from(f32::from_bits(bits)))
}

impl BannerRecord {
    pub(super) fn of(banner: &BannerHeatmap, scored: &ScoredBanner, known: &BannerFacts) -> Self {
        let BannerHeatmap { banner: key, display, clicks, heatmap } = banner;
        let bins = (0..).zip(heatmap.values()).filter(|(_, clicks)| **clicks > 0.0);
        Self {
            domain: key.domain.clone(),
            display: *display,
            clicks: *clicks,
            bins: bins.flat_map(|(bin, &clicks)| [bin, clicks as u64]).collect(),
            parts: scored.parts.iter().map(|&part| bits(part)).collect(),
            of_reference: scored.of_reference,
            in_anchor: scored.in_anchor,
            label: known.label(key, *display),
            good: known.is_good(key, *display),
            metrics: known.metrics(key),
        }
    }

    /// The banner, of a grid of this name, without its clicks by bin.
    pub(super) fn entry(&self, grid_id: &str) -> BannerEntry {
        let banner = BannerKey { domain: self.domain.clone(), grid_id: grid_id.to_owned() };
        BannerEntry { banner, display: self.display, clicks: self.clicks }
    }

    /// The bins with their clicks.
    ///
    /// # Errors
    /// When a bin has no number of clicks, or a number that no bin has.
    pub(super) fn bins(&self) -> Result<Vec<(u32, u64)>> {
        let pair = |pair: &[u64]| match *pair {
            [bin, clicks] => Some((u32::try_from(bin).ok()?, clicks)),
            _ => None,
        };
        let bins: Option<Vec<_>> = self.bins.chunks(2).map(pair).collect();
        bins.ok_or_else(|| Error::Data(format!("banner {} has a bin without clicks", self.domain)))
    }

    /// The parts.
    ///
    /// # Errors
    /// When there are not as many as there should be.
    pub(super) fn scored(&self) -> Result<ScoredBanner> {
        if self.parts.len() != PARTS.len() {
            return Err(Error::Data(format!("banner {} has other parts", self.domain)));
        }
        let parts = self.parts.iter().map(|&part| of_bits(part)).collect();
        let &Self { of_reference, in_anchor, .. } = self;
        Ok(ScoredBanner { parts, of_reference, in_anchor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_every_bit_that_a_table_of_parts_has() {
        for part in [0.1, -0.0, 1e-44, f64::from(f32::MAX), 1e300, f64::NEG_INFINITY] {
            let back = of_bits(bits(Some(part))).unwrap();
            assert_eq!((back as f32).to_bits(), (part as f32).to_bits(), "{part}");
        }
        assert_eq!((bits(None), bits(Some(f64::NAN)), of_bits(None)), (None, None, None));
    }
}
