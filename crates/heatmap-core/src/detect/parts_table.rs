//! [`PartsTable`]: the parts of millions of banners, compactly: 56 bytes each, with eleven parts.

use super::NullModel;
use crate::Result;

/// Parts of banners, f32 with NaN for a missing one.
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
    /// all small groups together, or for all banners if those are few. `good` marks banners that are known to be good: where there are
    /// enough of them, the distribution is theirs. A part that too few banners have is missing in the result.
    ///
    /// # Errors
    /// When a part is infinite.
    ///
    /// # Panics
    /// When there is not one mark for each banner.
    pub fn standardized(&self, good: &[bool]) -> Result<Self> {
        assert_eq!(good.len(), self.len(), "a mark for each banner");
        let members = self.members();
        let everyone: Vec<usize> = (0..self.len()).collect();
        let columns = self.names.len();
        let mut values = vec![f32::NAN; self.values.len()];
        for part in 0..columns {
            for banners in &members {
                let own = self.null(part, banners, good)?;
                let Some(null) = own.map_or_else(|| self.null(part, &everyone, good), |null| Ok(Some(null)))? else {
                    continue;
                };
                for &banner in banners {
                    if let Some(score) = self.get(banner, part) {
                        values[banner * columns + part] = null.z(score, self.clicks[banner]) as f32;
                    }
                }
            }
        }
        let (names, clicks, groups) = (self.names.clone(), self.clicks.clone(), self.groups.clone());
        Ok(Self { names, values, clicks, groups })
    }

    /// The banners of each large group, and those of all small groups together.
    fn members(&self) -> Vec<Vec<usize>> {
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
        members
    }

    /// The null of a part among these banners; none when too few have it.
    fn null(&self, part: usize, banners: &[usize], good: &[bool]) -> Result<Option<NullModel>> {
        let known: Vec<usize> = banners.iter().copied().filter(|&banner| self.get(banner, part).is_some()).collect();
        if known.len() < NullModel::LEAST_BANNERS {
            return Ok(None);
        }
        let scores: Vec<f64> = known.iter().filter_map(|&banner| self.get(banner, part)).collect();
        let clicks: Vec<f64> = known.iter().map(|&banner| self.clicks[banner]).collect();
        let good: Vec<bool> = known.iter().map(|&banner| good[banner]).collect();
        Ok(Some(NullModel::fit_to_good(&scores, &clicks, &good)?.0))
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
        let z = table.standardized(&[false; 600]).unwrap();
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
        assert!((0..10).all(|banner| table.standardized(&[false; 10]).unwrap().get(banner, 0).is_none()));
        assert!(PartsTable::default().standardized(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_few_banners_beside_many_are_held_against_the_many() {
        let mut table = PartsTable::new(vec!["a".into()]);
        let mut rng = sample_rng(2, 0);
        (0..300).for_each(|_| table.push(&[Some(StandardNormal.sample(&mut rng))], 50.0, 0));
        (0..5).for_each(|at| table.push(&[Some(f64::from(at))], 50.0, 1));
        let z = table.standardized(&[false; 305]).unwrap();
        assert!((z.get(304, 0).unwrap() - 4.0).abs() < 1.0);
    }

    #[test]
    fn known_good_banners_say_how_good_ones_spread_when_many_are_broken() {
        let mut table = PartsTable::new(vec!["a".into()]);
        let mut rng = sample_rng(3, 0);
        let broken: Vec<bool> = (0..600).map(|banner| banner % 5 < 2).collect();
        for &broken in &broken {
            let noise: f64 = StandardNormal.sample(&mut rng);
            table.push(&[Some(noise + if broken { 6.0 } else { 0.0 })], 50.0, 0);
        }
        let good: Vec<bool> = (0..600).map(|banner| !broken[banner] && banner % 2 == 0).collect();
        let caught = |good: &[bool]| {
            let z = table.standardized(good).unwrap();
            (0..600).filter(|&banner| broken[banner] && z.get(banner, 0).unwrap() > 2.33).count()
        };
        assert!(caught(&good) > 230 && caught(&[false; 600]) < 100, "{} {}", caught(&good), caught(&[false; 600]));
    }

    #[test]
    fn z_of_good_banners_are_standard_normal_and_holes_stay() {
        let mut table = PartsTable::new(vec!["a".into(), "b".into()]);
        let mut rng = sample_rng(8, 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let broken: Vec<bool> = (0..3_000).map(|banner| banner % 10 == 0).collect();
        for (banner, &broken) in broken.iter().enumerate() {
            let apart = if broken { 6.0 } else { 0.0 };
            table.push(&[Some(apart + normal()), (banner % 3 > 0).then(&mut normal)], 100.0, 0);
        }
        let z = table.standardized(&[false; 3_000]).unwrap();
        let of = |wanted: bool| -> Vec<f64> {
            (0..3_000).filter(|&banner| broken[banner] == wanted).filter_map(|banner| z.get(banner, 0)).collect()
        };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!(mean(&of(false)).abs() < 0.15 && mean(&of(true)) > 4.0);
        assert!((0..3_000).all(|banner| z.get(banner, 1).is_some() == table.get(banner, 1).is_some()));
    }
}
