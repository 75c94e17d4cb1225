//! Which parts of a banner the network's log odds come from, by occlusion.
//!
//! The clicks in one region are replaced by the median of similar banners there, and the network is
//! evaluated again (Zeiler and Fergus, "Visualizing and understanding convolutional networks",
//! 2014, section 4.2). The drop in the log odds is what the region contributes. The contributions
//! need not sum to the log odds: two regions that show the same defect each contribute little.

use super::{BannerMaps, CHANNELS, MAX_REFERENCES, SetScore, nearest_references, network_input};
use crate::{Heatmap, Result};

/// The contribution of each ninth of a banner (a third of its height and of its width), row by row
/// from the top left: by how much the log odds of broken fall when the clicks there are replaced by
/// the median of similar banners.
pub type NinthsOfBanner = [f64; 9];

impl SetScore {
    /// Returns the contribution of each ninth of a banner to its log odds. If one reference is
    /// identical to the banner, it is taken to be the banner itself and left out.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins than the references.
    pub fn occluded(&self, heatmap: &Heatmap) -> Result<NinthsOfBanner> {
        let (network, maps_of, references) = self.parts();
        let own = maps_of.of(heatmap)?;
        let nearest = nearest_references(&own, references, None, MAX_REFERENCES);
        let mut planes = Vec::with_capacity(CHANNELS * BannerMaps::POINTS);
        let mut logit = |maps: &[f32]| {
            planes.clear();
            network_input(maps, heatmap.total(), &nearest, &mut planes);
            (
                network.logit(&planes),
                planes[2 * BannerMaps::POINTS..4 * BannerMaps::POINTS].to_vec(),
            )
        };
        let (whole, median) = logit(&own);
        Ok(std::array::from_fn(|ninth| {
            let replaced = |at: usize| {
                if ninth_of(at % BannerMaps::POINTS) == ninth { median[at] } else { own[at] }
            };
            whole - logit(&(0..own.len()).map(replaced).collect::<Vec<f32>>()).0
        }))
    }
}

/// The index, row-major, of the ninth that a point of a map lies in.
fn ninth_of(point: usize) -> usize {
    let (row, column) = (point / BannerMaps::COLUMNS, point % BannerMaps::COLUMNS);
    3 * (3 * row / BannerMaps::ROWS) + 3 * column / BannerMaps::COLUMNS
}

#[cfg(test)]
mod tests {
    use super::super::SetNetwork;
    use super::*;
    use crate::synth::{Layout, Population};

    #[test]
    fn what_piles_up_in_a_corner_is_told_by_that_corner() {
        let good = Population { prevalence: 0.0, ..Default::default() };
        let banners: Vec<Heatmap> =
            (0..40).map(|at| good.banner(&Layout::draw(3, 0), 1, at, 400).heatmap).collect();
        let grid = banners[0].grid();
        let score = SetScore::new(
            SetNetwork::embedded(),
            BannerMaps::new(grid),
            &banners.iter().collect::<Vec<_>>(),
        )
        .unwrap();
        let mut values = banners[39].values().to_vec();
        for at in 0..9 {
            values[(grid.rows - 4 + at / 3) * grid.columns + 1 + at % 3] += 25.0;
        }
        let broken = Heatmap::from_values(grid, values).unwrap();
        let told = score.occluded(&broken).unwrap();
        let whole = score.logit(&broken, None).unwrap();
        // The bottom left: without it, it is a good banner.
        assert!(whole > 3.0 && told[6] > 3.0, "{whole}: {told:?}");
        assert!(
            told.iter().enumerate().all(|(at, told_there)| at == 6 || *told_there < 0.5 * told[6]),
            "{told:?}"
        );
        assert!(
            score
                .occluded(&Heatmap::zeros(crate::Grid { rows: 7, columns: 7, bin_size_px: 5.0 }))
                .is_err()
        );
    }

    #[test]
    fn every_point_lies_in_one_ninth_and_all_are_about_as_large() {
        let mut sizes = [0; 9];
        (0..BannerMaps::POINTS).for_each(|point| sizes[ninth_of(point)] += 1);
        assert!(sizes.iter().all(|size| (70..=90).contains(size)), "{sizes:?}");
    }
}
