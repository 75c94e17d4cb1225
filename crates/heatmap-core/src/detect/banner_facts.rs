//! [`BannerFacts`]: what is known of banners besides their clicks.

use super::CLEAN_LANDING_RATE;
use crate::BannerSize;
use crate::table::{BannerKey, LabelTable, MetricsTable};

/// Holds what is known of banners besides their clicks: metrics, labels, and examples that a user
/// named.
#[derive(Debug, Default)]
pub struct BannerFacts {
    /// The metrics table. Its labels are used where [`BannerFacts::labels`] has none.
    pub metrics: Option<MetricsTable>,
    /// The label table.
    pub labels: Option<LabelTable>,
    /// Banners that a user named as good (`true`) or broken; each also decides on the banners of
    /// its grid and size that look like it.
    pub examples: Vec<(BannerKey, bool)>,
}

impl BannerFacts {
    /// Returns whether the banner is labelled broken in this display size, if it has a label.
    pub fn label(&self, banner: &BannerKey, display: BannerSize) -> Option<bool> {
        let labelled = self.labels.as_ref().and_then(|labels| labels.get(banner, display));
        labelled.or_else(|| self.metrics.as_ref()?.label(banner))
    }

    /// Returns whether the banner was named as an example of good banners (`Some(true)`) or broken
    /// ones.
    pub fn example(&self, banner: &BannerKey) -> Option<bool> {
        self.examples.iter().find(|(named, _)| named == banner).map(|(_, good)| *good)
    }

    /// The metrics of a banner in the order of the metrics table: all `None` if the banner is not
    /// in the table, empty if there is no table.
    pub(super) fn metrics(&self, banner: &BannerKey) -> Vec<Option<f64>> {
        let of = |table: &MetricsTable| {
            table.get(banner).map_or_else(|| vec![None; table.names().len()], <[_]>::to_vec)
        };
        self.metrics.as_ref().map_or_else(Vec::new, of)
    }

    /// Whether the banner is known to be good: as an example, else by its label, else by its
    /// landing rate.
    pub(super) fn is_good(&self, banner: &BannerKey, display: BannerSize) -> bool {
        match self.example(banner).or(self.label(banner, display).map(|broken| !broken)) {
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
