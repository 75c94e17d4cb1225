//! [`PartsTable`]: a compact table of the parts of millions of banners, at 84 bytes each with
//! eighteen parts.

use super::grid_fit::LABELLED_PART;
use super::{FIT_PARTS, FitScores, NullModel, PARTS, Score};
use crate::Result;

/// A table with one row of parts for each banner, stored as f32 with NaN for a missing part.
#[derive(Debug, Clone, Default)]
pub struct PartsTable {
    names: Vec<String>,
    values: Vec<f32>,
    clicks: Vec<f64>,
    groups: Vec<u32>,
    /// The rows of banners that are taken for good, with all and with fewer clicks. This table has
    /// no reference itself.
    reference: Option<Box<Self>>,
}

/// Groups with fewer banners share one null distribution for each part.
const OWN_NULL: usize = 60;

impl PartsTable {
    /// Makes an empty table whose columns are these parts.
    pub fn new(names: Vec<String>) -> Self {
        Self { names, ..Default::default() }
    }

    /// Makes an empty table whose columns are all parts of the score.
    pub(super) fn of_all_parts() -> Self {
        Self::new(PARTS.iter().map(|part| part.name.to_owned()).collect())
    }

    /// Adds one banner. `group` is the index of its grid in one size.
    ///
    /// # Panics
    /// When the number of parts is not that of the names.
    pub fn push(&mut self, parts: &[Option<f64>], clicks: f64, group: u32) {
        assert_eq!(parts.len(), self.names.len(), "a value or a hole for every part");
        self.values.extend(parts.iter().map(|part| part.map_or(f32::NAN, |value| value as f32)));
        self.clicks.push(clicks);
        self.groups.push(group);
    }

    /// Adds the parts of a banner that is taken for good, with all or with fewer clicks, to the
    /// reference of its group. Where there are enough such rows, the null distributions are fitted
    /// to them alone.
    ///
    /// # Panics
    /// When the number of parts is not that of the names.
    pub fn push_reference(&mut self, parts: &[Option<f64>], clicks: f64, group: u32) {
        let names = &self.names;
        let reference = self.reference.get_or_insert_with(|| Box::new(Self::new(names.clone())));
        reference.push(parts, clicks, group);
    }

    /// Adds to the reference the scores of fit of its banners with fewer clicks
    /// ([`Reference::thinned`](super::Reference::thinned)). All their other parts are missing.
    ///
    /// # Panics
    /// When the table does not begin with the parts of fit.
    pub fn push_samples(&mut self, samples: &[(FitScores, f64)], group: u32) {
        assert!(
            self.names.iter().map(String::as_str).take(FIT_PARTS.len()).eq(FIT_PARTS),
            "the parts of fit first"
        );
        let mut row = vec![None; self.names.len()];
        for (fit, clicks) in samples {
            row[..fit.len()].copy_from_slice(fit);
            self.push_reference(&row, *clicks, group);
        }
    }

    /// Returns the rows added by [`PartsTable::push_reference`], if there are any.
    pub fn reference(&self) -> Option<&Self> {
        self.reference.as_deref()
    }

    /// Applies `score` to each banner and returns a table with this one column. The score gets the
    /// parts `columns` of this table of z scores, then the parts `unscaled` of `raw`, the same
    /// table before it was standardised. Reference rows are included if they have all these parts;
    /// only the part that needs labels may be missing.
    pub(super) fn fused(
        &self,
        raw: &Self,
        [columns, unscaled]: [&[usize]; 2],
        score: &dyn Score<super::Parts>,
    ) -> Result<Self> {
        let mut fused = Self::new(vec![score.name().to_owned()]);
        let parts = |z: &Self, raw: &Self, at: usize| -> Vec<Option<f64>> {
            let scaled = columns.iter().map(|&part| z.get(at, part));
            scaled.chain(unscaled.iter().map(|&part| raw.get(at, part))).collect()
        };
        for at in 0..self.len() {
            let parts = parts(self, raw, at);
            let value =
                parts.iter().any(Option::is_some).then(|| score.score(&parts)).transpose()?;
            fused.push(&[value], self.clicks[at], self.groups[at]);
        }
        // The part that needs labels only exists in grids that have some.
        let needed: Vec<bool> =
            columns.iter().chain(unscaled).map(|&part| self.names[part] != LABELLED_PART).collect();
        if let (Some(reference), Some(raw)) = (self.reference(), raw.reference()) {
            for at in 0..reference.len() {
                let parts = parts(reference, raw, at);
                if needed.iter().zip(&parts).all(|(needed, part)| part.is_some() || !needed) {
                    fused.push_reference(
                        &[Some(score.score(&parts)?)],
                        reference.clicks[at],
                        reference.groups[at],
                    );
                }
            }
        }
        Ok(fused)
    }

    /// Keeps the first `banners` alone; the reference stays.
    pub(super) fn truncate(&mut self, banners: usize) {
        self.values.truncate(banners * self.names.len());
        self.clicks.truncate(banners);
        self.groups.truncate(banners);
    }

    /// Returns the names of the parts.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the number of banners.
    pub fn len(&self) -> usize {
        self.clicks.len()
    }

    /// Returns whether the table has no banner.
    pub fn is_empty(&self) -> bool {
        self.clicks.is_empty()
    }

    /// Returns the number of clicks of every banner.
    pub fn clicks(&self) -> &[f64] {
        &self.clicks
    }

    /// Returns one part of one banner; `None` if it is missing.
    pub fn get(&self, banner: usize, part: usize) -> Option<f64> {
        let value = self.values[banner * self.names.len() + part];
        (!value.is_nan()).then(|| f64::from(value))
    }

    /// Returns whether any banner has this part.
    pub fn has(&self, part: usize) -> bool {
        (0..self.len()).any(|banner| self.get(banner, part).is_some())
    }

    /// Returns all parts of one banner.
    pub fn row(&self, banner: usize) -> Vec<Option<f64>> {
        (0..self.names.len()).map(|part| self.get(banner, part)).collect()
    }

    /// Returns the table of z scores, each part under its null distribution.
    ///
    /// The null distribution is fitted to the reference of the banner's group if there are enough
    /// rows, else to the banners of the group; small groups are taken together, and if even those
    /// are few, all banners are used. `good` marks banners known to be good: where there are
    /// enough, the null is fitted to them. A part that too few banners have is missing in the
    /// result.
    ///
    /// # Errors
    /// When a part is infinite.
    ///
    /// # Panics
    /// When there is not one mark for each banner.
    pub fn standardized(&self, good: &[bool]) -> Result<Self> {
        self.standardized_by(good, NullModel::fit)
    }

    /// As [`PartsTable::standardized`], but with `of_reference_scores` to fit the null distribution
    /// of a reference.
    pub(super) fn standardized_by(
        &self,
        good: &[bool],
        of_reference_scores: fn(&[f64], &[f64]) -> Result<NullModel>,
    ) -> Result<Self> {
        assert_eq!(good.len(), self.len(), "a mark for each banner");
        let slots = self.slots();
        let members = self.members(&slots);
        let of_reference = self.reference().map(|reference| reference.members(&slots));
        let everyone: Vec<usize> = (0..self.len()).collect();
        let mut result = self.without_values();
        for part in 0..self.names.len() {
            for (slot, banners) in members.iter().enumerate() {
                let chosen = of_reference.as_ref().map_or(&[][..], |members| &members[slot]);
                let scored = self.reference().and_then(|reference| reference.scored(part, chosen));
                let mut null = scored
                    .map(|(_, scores, clicks)| of_reference_scores(&scores, &clicks))
                    .transpose()?;
                if null.is_none() {
                    null = self.null(part, banners, good)?;
                }
                if null.is_none() {
                    null = self.null(part, &everyone, good)?;
                }
                let Some(null) = null else { continue };
                result.standardize(self, part, banners, &null);
                if let (Some(into), Some(from)) =
                    (result.reference.as_deref_mut(), self.reference())
                {
                    into.standardize(from, part, chosen, &null);
                }
            }
        }
        Ok(result)
    }

    /// A copy of this table in which every part is missing.
    fn without_values(&self) -> Self {
        let reference = self.reference().map(|reference| Box::new(reference.without_values()));
        Self {
            names: self.names.clone(),
            values: vec![f32::NAN; self.values.len()],
            clicks: self.clicks.clone(),
            groups: self.groups.clone(),
            reference,
        }
    }

    /// Fills in the z scores of one part of some banners of `from`.
    fn standardize(&mut self, from: &Self, part: usize, banners: &[usize], null: &NullModel) {
        let columns = self.names.len();
        for &banner in banners {
            if let Some(score) = from.get(banner, part) {
                self.values[banner * columns + part] = null.z(score, self.clicks[banner]) as f32;
            }
        }
    }

    /// The slot of every group: 0 for all small groups together, and an own slot for each large
    /// one.
    fn slots(&self) -> Vec<usize> {
        let of_reference = self.reference().into_iter().flat_map(|reference| &reference.groups);
        let last = self.groups.iter().chain(of_reference).max();
        let mut sizes = vec![0_usize; last.map_or(0, |&most| most as usize + 1)];
        self.groups.iter().for_each(|&group| sizes[group as usize] += 1);
        // A reference, with its rows of fewer clicks, can make a group large, too.
        let mut of_reference = vec![0_usize; sizes.len()];
        let reference = self.reference().into_iter().flat_map(|reference| &reference.groups);
        reference.for_each(|&group| of_reference[group as usize] += 1);
        sizes.iter_mut().zip(of_reference).for_each(|(size, rows)| *size = rows.max(*size));
        let mut next = 0;
        let mut slot = |size: &usize| {
            next += usize::from(*size >= OWN_NULL);
            if *size >= OWN_NULL { next } else { 0 }
        };
        sizes.iter().map(&mut slot).collect()
    }

    /// The banners of each slot.
    fn members(&self, slots: &[usize]) -> Vec<Vec<usize>> {
        let mut members: Vec<Vec<usize>> =
            vec![Vec::new(); slots.iter().max().map_or(1, |most| most + 1)];
        (0..self.len())
            .for_each(|banner| members[slots[self.groups[banner] as usize]].push(banner));
        members
    }

    /// The banners, of those given, that have a part, with its values and their clicks; `None` if
    /// they are too few to fit to.
    fn scored(&self, part: usize, banners: &[usize]) -> Option<(Vec<usize>, Vec<f64>, Vec<f64>)> {
        let known: Vec<usize> =
            banners.iter().copied().filter(|&banner| self.get(banner, part).is_some()).collect();
        let scores = known.iter().filter_map(|&banner| self.get(banner, part)).collect();
        let clicks = known.iter().map(|&banner| self.clicks[banner]).collect();
        (known.len() >= NullModel::MIN_BANNERS).then_some((known, scores, clicks))
    }

    /// The null distribution of a part among these banners; `None` if too few have it.
    fn null(&self, part: usize, banners: &[usize], good: &[bool]) -> Result<Option<NullModel>> {
        let Some((known, scores, clicks)) = self.scored(part, banners) else { return Ok(None) };
        let good: Vec<bool> = known.iter().map(|&banner| good[banner]).collect();
        Ok(Some(NullModel::fit_to_good(&scores, &clicks, &good)?.0))
    }
}

#[cfg(test)]
mod tests;
