//! [`LogBanners`]: the banners of a click log without labels, for SimCLR.

use heatmap_core::table::ClickLog;
use heatmap_core::{Grid, Heatmap, sample_rng};
use rand::RngExt;
use rand::seq::SliceRandom;

use super::ClassSource;
use crate::{Error, Result};

/// The banners of a click log, each a class of its own, whose samples are thinnings of the banner:
/// every click is kept with a probability of one half. Two samples of a class then have clicks of
/// one banner that are nearly independent of each other.
///
/// Some banners, a quarter and at most 32, are held out: an evaluation tells them apart, and no
/// network is trained on them.
#[derive(Debug, Clone)]
pub struct LogBanners {
    name: String,
    grid: Grid,
    /// The held-out banners, then the others, each as bins with their clicks.
    banners: Vec<(String, Vec<(u32, u32)>)>,
    held_out: usize,
    notes: Vec<String>,
}

/// Largest number of held-out banners.
pub(super) const MAX_HELD_OUT: usize = 32;
/// Fewer banners than this are too few to train on.
const MIN_BANNERS: usize = 16;

impl LogBanners {
    /// Takes the banners of a log for runs with this `seed`, which decides on the banners that are
    /// held out.
    ///
    /// # Errors
    /// Returns an error when the log cannot be read again, when it has fewer than 16 banners, or
    /// when its banners have several sizes and no common one (see
    /// [`ClickLogConfig::common_size`](heatmap_core::table::ClickLogConfig)).
    pub fn of_log(name: &str, log: &ClickLog, seed: u64) -> Result<Self> {
        if log.len() < MIN_BANNERS {
            return Err(Error::data(format!(
                "`{name}` has {} banners; to learn from them takes {MIN_BANNERS}",
                log.len()
            )));
        }
        let mut banners = Vec::with_capacity(log.len());
        let mut grid = None;
        for banner in log.banners() {
            let banner = banner?;
            if *grid.get_or_insert(banner.heatmap.grid()) != banner.heatmap.grid() {
                let reason = "banners of several sizes; a common size puts them on the same bins";
                return Err(Error::data(format!("`{name}`: {reason}")));
            }
            let bins = (0..).zip(banner.heatmap.values());
            let clicked = bins.filter(|(_, clicks)| **clicks > 0.0);
            let clicked = clicked.map(|(bin, &clicks)| (bin, clicks as u32)).collect();
            banners.push((banner.banner.domain, clicked));
        }
        banners.shuffle(&mut sample_rng(seed, 0));
        let held_out = (banners.len() / 4).min(MAX_HELD_OUT);
        let grid = grid.expect("there are banners");
        Ok(Self { name: name.to_owned(), grid, banners, held_out, notes: Vec::new() })
    }

    /// Says what a user should know of the files of the log; see [`ClassSource::notes`].
    pub(super) fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// Returns the grid of every heatmap.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// The banner of a class: the held-out ones first, then the others again and again.
    fn banner(&self, class: usize) -> &[(u32, u32)] {
        let at = match class.checked_sub(self.held_out) {
            None => class,
            Some(trained) => self.held_out + trained % (self.banners.len() - self.held_out),
        };
        &self.banners[at].1
    }
}

impl ClassSource for LogBanners {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn class_names(&self) -> Vec<String> {
        self.banners[..self.held_out].iter().map(|(domain, _)| domain.clone()).collect()
    }

    fn heatmap(&self, seed: u64, class: usize, index: u64) -> Heatmap {
        // A random stream of its own for each class and index.
        let stream = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ class as u64;
        let mut rng = sample_rng(seed, stream);
        let mut values = vec![0.0; self.grid.len()];
        for &(bin, clicks) in self.banner(class) {
            // Bits of random numbers are coins, 64 at a time.
            let mut left = clicks;
            let mut kept = 0;
            while left > 0 {
                let coins = left.min(64);
                kept += (rng.random::<u64>() >> (64 - coins)).count_ones();
                left -= coins;
            }
            values[bin as usize] = kept as f32;
        }
        Heatmap::from_values(self.grid, values).expect("numbers of clicks")
    }

    fn first_of_endless_classes(&self) -> Option<usize> {
        Some(self.held_out)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_core::BannerSize;
    use heatmap_core::table::{BannerKey, ClickLogConfig};

    fn log(banners: u64) -> ClickLog {
        let config = ClickLogConfig::default();
        let display = BannerSize { width_px: 300, height_px: 250 };
        let grid = config.grid_of(display).unwrap();
        let banner = |at: u64| {
            let key = BannerKey { domain: format!("site{at}"), grid_id: "g".to_owned() };
            let mut values = vec![0.0; grid.len()];
            values[at as usize] = 2_000.0;
            values[at as usize + 100] = 1.0;
            (key, display, Heatmap::from_values(grid, values).unwrap())
        };
        ClickLog::from_heatmaps(&config, (0..banners).map(banner)).unwrap()
    }

    #[test]
    fn samples_are_halves_of_one_banner_and_held_out_ones_are_never_trained_on() {
        let source = LogBanners::of_log("mine", &log(40), 3).unwrap();
        assert_eq!((source.num_classes(), source.first_of_endless_classes()), (10, Some(10)));
        let bins = |class: usize, index: u64| {
            let heatmap = source.heatmap(7, class, index);
            let at = heatmap.values().iter().position(|&clicks| clicks > 500.0).unwrap();
            assert!((heatmap.total() - 1_000.0).abs() < 150.0, "{}", heatmap.total());
            at
        };
        assert_eq!(bins(3, 0), bins(3, 1));
        assert_ne!(source.heatmap(7, 3, 0), source.heatmap(7, 3, 1));
        let held_out: Vec<usize> = (0..10).map(|class| bins(class, 0)).collect();
        // Two rounds over all that are trained on.
        for class in 10..70 {
            assert!(!held_out.contains(&bins(class, 0)));
        }
        assert_eq!(bins(10, 0), bins(40, 0));
    }

    #[test]
    fn too_few_banners_are_refused() {
        let error = LogBanners::of_log("mine", &log(15), 0).unwrap_err().to_string();
        assert!(error.contains("`mine` has 15 banners"), "{error}");
    }
}
