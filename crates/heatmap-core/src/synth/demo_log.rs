//! [`DemoLog`]: a synthetic click log with its metrics and labels, for users who have no log at
//! hand.

use std::path::{Path, PathBuf};

use rand::RngExt;

use super::{Layout, Population};
use crate::{Error, Result, sample_rng, write_atomically};

/// The paths of the three CSV tables of a demonstration log.
#[derive(Debug, Clone)]
pub struct DemoLog {
    /// The clicks, in the columns of a click log.
    pub clicks: PathBuf,
    /// The metrics of each banner: displays, clicks and landed clicks.
    pub metrics: PathBuf,
    /// The labels: whether each banner is broken.
    pub labels: PathBuf,
}

/// How many grids and banners a demonstration log has.
#[derive(Debug, Clone, Copy)]
pub struct DemoSize {
    /// Number of grids (values of `grid_id`), each with a layout of its own.
    pub grids: u64,
    /// Number of banners on each grid.
    pub banners: u64,
}

impl DemoLog {
    /// Returns the paths that the tables have in `folder`; nothing is written.
    pub fn within(folder: &Path) -> Self {
        let file = |name: &str| folder.join(name);
        Self {
            clicks: file("clicks.csv"),
            metrics: file("metrics.csv"),
            labels: file("labels.csv"),
        }
    }

    /// Writes the three tables: banners of several grids, 8 % of them broken, with 40 to 2,000
    /// clicks each. Landing rates follow the truth, but not always; some are missing, as they are
    /// in logs.
    ///
    /// # Errors
    /// Returns an error when the folder cannot be written.
    pub fn write(&self, size: DemoSize, seed: u64) -> Result<()> {
        let folder = self.clicks.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)
            .map_err(|source| Error::Io { path: folder.to_owned(), source })?;
        for (path, text) in
            [&self.clicks, &self.metrics, &self.labels].into_iter().zip(tables(size, seed))
        {
            write_atomically(path, |out| out.write_all(text.as_bytes()))?;
        }
        Ok(())
    }
}

/// Returns the tables of clicks, metrics and labels as CSV text.
fn tables(size: DemoSize, seed: u64) -> [String; 3] {
    let population = Population::default();
    let bin = population.grid.bin_size_px;
    let (mut clicks, mut metrics, mut labels) = (
        String::from("domain,grid_id,click_x,click_y,display_height,display_width,clicks\n"),
        String::from("domain,grid_id,displays,clicks,landed_clicks\n"),
        String::from("domain,grid_id,broken\n"),
    );
    for grid in 0..size.grids {
        let layout = Layout::draw(seed ^ 0x6465_6d6f, grid);
        for index in 0..size.banners {
            // Another random stream than the one that decides which banners are broken.
            let mut rng = sample_rng(seed.wrapping_add(grid) ^ 0x7461_626C_6573, index);
            // From 40 to 2,000, uniform in its logarithm: as many are below 280 as above.
            let total = (40.0 * 50_f64.powf(rng.random::<f64>())) as u32;
            let banner =
                population.banner(&layout, seed.wrapping_mul(31).wrapping_add(grid), index, total);
            let key = format!("site{index:04}.example,grid-{grid}");
            for (at, &count) in banner.heatmap.values().iter().enumerate() {
                for _ in 0..count as u32 {
                    let column = (at % banner.heatmap.columns()) as f64;
                    let row = (at / banner.heatmap.columns()) as f64;
                    let (x, y) =
                        ((column + rng.random::<f64>()) * bin, (row + rng.random::<f64>()) * bin);
                    clicks += &format!("{key},{},{},250,300,1\n", x.floor(), y.floor());
                }
            }
            let broken = banner.defect.is_some();
            let landed = if broken {
                0.9 - 0.8 * banner.severity * rng.random::<f64>().sqrt()
            } else {
                0.75 + 0.2 * rng.random::<f64>()
            };
            let landed = if rng.random_bool(0.1) {
                String::new()
            } else {
                format!("{:.0}", landed * f64::from(total))
            };
            metrics += &format!("{key},{},{total},{landed}\n", total * rng.random_range(100..400));
            labels += &format!("{key},{}\n", u8::from(broken));
        }
    }
    [clicks, metrics, labels]
}
