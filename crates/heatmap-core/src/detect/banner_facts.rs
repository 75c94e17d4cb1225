//! [`BannerFacts`]: what is known of banners beside their clicks.

use super::CLEAN_LANDING_RATE;
use crate::table::{BannerKey, LabelTable, MetricsTable};

/// What is known of banners beside their clicks.
#[derive(Debug, Default)]
pub struct BannerFacts {
    /// Metrics; their labels count where [`BannerFacts::labels`] has none.
    pub metrics: Option<MetricsTable>,
    /// Labels.
    pub labels: Option<LabelTable>,
    /// Banners that are good (`true`) or broken, and with each the banners of its grid and size
    /// that look like it.
    pub examples: Vec<(BannerKey, bool)>,
}

impl BannerFacts {
    /// Whether a banner is broken, if anyone has said so.
    pub fn label(&self, banner: &BannerKey) -> Option<bool> {
        let labelled = self.labels.as_ref().and_then(|labels| labels.get(banner));
        labelled.or_else(|| self.metrics.as_ref()?.label(banner))
    }

    /// Whether it was named as an example of good banners (`Some(true)`) or broken ones.
    pub fn example(&self, banner: &BannerKey) -> Option<bool> {
        self.examples.iter().find(|(named, _)| named == banner).map(|(_, good)| *good)
    }

    /// The metrics of a banner in the order of the table, all missing where it has none; empty
    /// without a table.
    pub(super) fn metrics(&self, banner: &BannerKey) -> Vec<Option<f64>> {
        let of = |table: &MetricsTable| {
            table.get(banner).map_or_else(|| vec![None; table.names().len()], <[_]>::to_vec)
        };
        self.metrics.as_ref().map_or_else(Vec::new, of)
    }

    /// Whether it is known to work: by its label, or else by how its clicks land.
    pub(super) fn is_good(&self, banner: &BannerKey) -> bool {
        match self.example(banner).or(self.label(banner).map(|broken| !broken)) {
            Some(good) => good,
            None => self.landing_rate(banner).is_some_and(|rate| rate > CLEAN_LANDING_RATE),
        }
    }

    pub(super) fn landing_rate(&self, banner: &BannerKey) -> Option<f64> {
        let metrics = self.metrics.as_ref()?;
        let at = metrics.names().iter().position(|name| name == "landing_rate")?;
        metrics.get(banner)?[at]
    }
}
