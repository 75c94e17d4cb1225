//! [`PartsTable`]: the parts of millions of banners, compactly.

use super::NullModel;
use crate::Result;

/// Parts of banners, f32 with NaN for a missing one: 44 bytes for the eleven parts of a banner.
#[derive(Debug, Clone, Default)]
pub struct PartsTable {
    names: Vec<String>,
    values: Vec<f32>,
    clicks: Vec<f64>,
    groups: Vec<u32>,
}

/// Groups of fewer banners share one null distribution per part.
const OWN_NULL: usize = 60;

impl PartsTable {
    /// An empty table with these parts.
    pub fn new(names: Vec<String>) -> Self {
        Self { names, ..Default::default() }
    }

    /// Adds one banner of a group (a grid in one size).
    ///
    /// # Panics
    /// When the number of parts is not that of the names.
    pub fn push(&mut self, parts: &[Option<f64>], clicks: f64, group: u32) {
        assert_eq!(parts.len(), self.names.len(), "a value or a hole for every part");
        self.values.extend(parts.iter().map(|part| part.map_or(f32::NAN, |value| value as f32)));
        self.clicks.push(clicks);
        self.groups.push(group);
    }

    /// Names of the parts.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of banners.
    pub fn len(&self) -> usize {
        self.clicks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.clicks.is_empty()
    }

    /// Clicks of every banner.
    pub fn clicks(&self) -> &[f64] {
        &self.clicks
    }

    /// One part of one banner.
    pub fn get(&self, banner: usize, part: usize) -> Option<f64> {
        let value = self.values[banner * self.names.len() + part];
        (!value.is_nan()).then(|| f64::from(value))
    }

    /// All parts of one banner.
    pub fn row(&self, banner: usize) -> Vec<Option<f64>> {
        (0..self.names.len()).map(|part| self.get(banner, part)).collect()
    }

    /// The table of the z of these parts, each under its null distribution: that of the banner's group, if it is large, or else one for
    /// all small groups together. A part that too few banners have is missing in the result.
    ///
    /// # Errors
    /// When a part is infinite.
    pub fn standardized(&self) -> Result<Self> {
        let mut sizes = vec![0_usize; self.groups.iter().max().map_or(0, |&most| most as usize + 1)];
        self.groups.iter().for_each(|&group| sizes[group as usize] += 1);
        // Slot 0 is for all small groups together.
        let mut slots = vec![0_usize; sizes.len()];
        let mut members: Vec<Vec<usize>> = vec![Vec::new()];
        for (group, &size) in sizes.iter().enumerate().filter(|(_, size)| **size >= OWN_NULL) {
            slots[group] = members.len();
            members.push(Vec::with_capacity(size));
        }
        (0..self.len()).for_each(|banner| members[slots[self.groups[banner] as usize]].push(banner));
        let columns = self.names.len();
        let mut result = Self { values: vec![f32::NAN; self.values.len()], ..self.clone() };
        for part in 0..columns {
            for banners in &members {
                let known = banners.iter().filter_map(|&banner| Some((banner, self.get(banner, part)?)));
                let (known, scores): (Vec<usize>, Vec<f64>) = known.unzip();
                if known.len() < NullModel::LEAST_BANNERS {
                    continue;
                }
                let clicks: Vec<f64> = known.iter().map(|&banner| self.clicks[banner]).collect();
                let null = NullModel::fit(&scores, &clicks)?;
                for ((banner, score), clicks) in known.into_iter().zip(scores).zip(clicks) {
                    result.values[banner * columns + part] = null.z(score, clicks) as f32;
                }
            }
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn large_groups_have_a_null_of_their_own_and_small_ones_share() {
        let mut table = PartsTable::new(vec!["a".into(), "never".into()]);
        let mut rng = sample_rng(1, 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        // Two large groups around 0 and 100; ten small ones around 7.
        for banner in 0..500 {
            table.push(&[Some(normal() + if banner % 2 == 0 { 0.0 } else { 100.0 }), None], 50.0, banner % 2);
        }
        for banner in 0..100 {
            table.push(&[Some(normal() + 7.0), None], 50.0, 2 + banner % 10);
        }
        let z = table.standardized().unwrap();
        let of = |from: usize, to: usize| {
            let values: Vec<f64> = (from..to).filter_map(|banner| z.get(banner, 0)).collect();
            (values.iter().sum::<f64>() / values.len() as f64, values.len())
        };
        assert!(of(0, 500).0.abs() < 0.2 && of(0, 500).1 == 500);
        assert!(of(500, 600).0.abs() < 0.3 && of(500, 600).1 == 100);
        assert_eq!(z.row(0)[1], None);
        // In the same group, the order is kept.
        assert_eq!(table.get(0, 0) < table.get(2, 0), z.get(0, 0) < z.get(2, 0));
    }

    #[test]
    fn too_few_banners_have_no_z() {
        let mut table = PartsTable::new(vec!["a".into()]);
        (0..10).for_each(|banner| table.push(&[Some(f64::from(banner))], 5.0, 0));
        assert!((0..10).all(|banner| table.standardized().unwrap().get(banner, 0).is_none()));
        assert!(PartsTable::default().standardized().unwrap().is_empty());
    }
}
