//! [`Banners`]: the banners whose features are embedded and compared.

use std::path::Path;

use heatmap_core::Heatmap;
use heatmap_core::synth::{Layout, Population};
use heatmap_core::table::{BannerKey, LabelTable};

use crate::{Error, Result};

/// A list of banners with their labels and heatmaps.
#[derive(Debug, Clone)]
pub struct Banners {
    /// The identity of each banner.
    pub keys: Vec<BannerKey>,
    /// Whether each banner is broken; `None` if that is not known.
    pub broken: Vec<Option<bool>>,
    /// The heatmap of each banner; empty when only features of the banners are available.
    pub heatmaps: Vec<Heatmap>,
}

/// Generates `count` banners of one synthetic grid with `clicks` clicks each. Each banner is broken
/// with probability 0.2, so that a picture shows enough broken banners.
pub fn synthetic_banners(count: u64, clicks: u32, seed: u64) -> Banners {
    let population = Population { prevalence: 0.2, ..Default::default() };
    let layout = Layout::draw(seed ^ 0x0065_6d62_6564, 0);
    let mut banners = Banners { keys: Vec::new(), broken: Vec::new(), heatmaps: Vec::new() };
    for index in 0..count {
        let banner = population.banner(&layout, seed, index, clicks);
        banners
            .keys
            .push(BannerKey { domain: format!("site{index:04}"), grid_id: "synthetic".to_owned() });
        banners.broken.push(Some(banner.defect.is_some()));
        banners.heatmaps.push(banner.heatmap);
    }
    banners
}

/// Reads the banners from an `index.csv` of the `features` example, and looks up their labels in a
/// table. The banners have no heatmaps.
///
/// # Errors
/// Returns an error when the index cannot be read, or when it has no column `domain` or `grid_id`.
pub fn tabled_banners(index: &Path, labels: Option<&LabelTable>) -> Result<Banners> {
    let bad = |error: csv::Error| Error::bad_file(index, error);
    let mut reader = csv::Reader::from_path(index).map_err(bad)?;
    let header = reader.headers().map_err(bad)?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|column| column == name);
        found.ok_or_else(|| Error::bad_file(index, format!("no column `{name}`")))
    };
    let (domain, grid_id) = (column("domain")?, column("grid_id")?);
    let mut banners = Banners { keys: Vec::new(), broken: Vec::new(), heatmaps: Vec::new() };
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let key =
            BannerKey { domain: record[domain].to_owned(), grid_id: record[grid_id].to_owned() };
        banners.broken.push(labels.and_then(|labels| labels.in_all_sizes(&key)));
        banners.keys.push(key);
    }
    Ok(banners)
}
