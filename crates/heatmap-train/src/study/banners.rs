//! [`Banners`]: banners whose features are shown.

use std::path::Path;

use heatmap_core::Heatmap;
use heatmap_core::synth::{Layout, Population};
use heatmap_core::table::{BannerKey, LabelTable};

use crate::{Error, Result};

/// Banners with what is known of them.
#[derive(Debug, Clone)]
pub struct Banners {
    /// Names, for the table.
    pub keys: Vec<BannerKey>,
    /// Whether broken, as far as known.
    pub broken: Vec<Option<bool>>,
    /// Clicks; none when only features are given.
    pub heatmaps: Vec<Heatmap>,
}

/// Banners of one synthetic grid, a fifth of them broken so that there is something to see.
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

/// The banners that `index.csv` of the `features` example names, with the labels of a table.
///
/// # Errors
/// When the index cannot be read.
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
        banners.broken.push(labels.and_then(|labels| labels.get(&key)));
        banners.keys.push(key);
    }
    Ok(banners)
}
