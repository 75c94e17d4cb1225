//! [`GridsTable`]: the parts of all banners of several grids, with their labels.

use super::world::BenchmarkGrid;
use crate::Result;
use crate::detect::PartsTable;

/// The parts of all banners of several grids, both unchanged and as z scores within their grid,
/// with the true labels.
pub struct GridsTable {
    pub(super) raw: Vec<Vec<Option<f64>>>,
    pub(super) z: Vec<Vec<Option<f64>>>,
    pub(super) clicks: Vec<f64>,
    /// The z score that `detect` gives each banner without labels.
    pub(super) detected: Vec<f64>,
    /// Whether each banner is broken.
    pub broken: Vec<bool>,
    /// The defect of each broken banner by name; `None` for good ones.
    pub defects: Vec<Option<&'static str>>,
    /// The id of each banner's grid, unique over all seeds.
    pub banner_groups: Vec<usize>,
}

impl GridsTable {
    /// Builds the table from `grids` and the parts of each, indexed `[grid][banner][part]`. The z
    /// scores are relative to the banners of the same grid.
    ///
    /// # Errors
    /// When a part is infinite.
    pub fn new(grids: &[BenchmarkGrid], parts: Vec<Vec<Vec<Option<f64>>>>) -> Result<Self> {
        let mut table = Self {
            raw: Vec::new(),
            z: Vec::new(),
            clicks: Vec::new(),
            detected: Vec::new(),
            broken: Vec::new(),
            defects: Vec::new(),
            banner_groups: Vec::new(),
        };
        for (grid, parts) in grids.iter().zip(parts) {
            let clicks = grid.clicks();
            let mut own =
                PartsTable::new((0..parts[0].len()).map(|part| part.to_string()).collect());
            parts.iter().zip(&clicks).for_each(|(parts, &clicks)| own.push(parts, clicks, 0));
            table.detected.extend(grid.detected(&parts)?);
            let z = own.standardized(&vec![false; parts.len()])?;
            table.z.extend((0..parts.len()).map(|banner| z.row(banner)));
            table.raw.extend(parts);
            table.clicks.extend(clicks);
            table.broken.extend(&grid.broken);
            table.defects.extend(&grid.defects);
            table.banner_groups.extend(std::iter::repeat_n(grid.group, grid.heatmaps.len()));
        }
        Ok(table)
    }

    /// Returns the distinct grid ids in ascending order.
    pub fn groups(&self) -> Vec<usize> {
        let mut groups = self.banner_groups.clone();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Returns the table of the banners of one grid.
    pub fn of_group(&self, group: usize) -> Self {
        let rows: Vec<usize> =
            (0..self.banner_groups.len()).filter(|&row| self.banner_groups[row] == group).collect();
        let pick = |from: &[Vec<Option<f64>>]| rows.iter().map(|&row| from[row].clone()).collect();
        Self {
            raw: pick(&self.raw),
            z: pick(&self.z),
            clicks: rows.iter().map(|&row| self.clicks[row]).collect(),
            detected: rows.iter().map(|&row| self.detected[row]).collect(),
            broken: rows.iter().map(|&row| self.broken[row]).collect(),
            defects: rows.iter().map(|&row| self.defects[row]).collect(),
            banner_groups: vec![group; rows.len()],
        }
    }

    pub(super) fn picked(&self, columns: &[usize], z: bool) -> Vec<Vec<Option<f64>>> {
        let from = if z { &self.z } else { &self.raw };
        from.iter().map(|parts| columns.iter().map(|&at| parts[at]).collect()).collect()
    }
}
