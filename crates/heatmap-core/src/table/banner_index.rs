//! [`BannerIndex`]: numbers the banners of a log and puts them in order.
//!
//! The keys, which may be millions, are kept as bytes one after another; a key costs its letters
//! and about 60 bytes. The hash function has a random key of its own (the standard library's), so
//! that nobody can craft a log whose banners collide; no result depends on it.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use super::BannerKey;
use crate::{BannerSize, Error, Result};

/// A banner in one display size.
struct Entry {
    /// Where its grid_id begins in `BannerIndex::bytes`; its domain follows.
    start: usize,
    grid_id_len: u32,
    domain_len: u32,
    display: BannerSize,
    rows: u64,
    clicks: u64,
}

/// A slot of the hash table.
#[derive(Clone, Copy)]
struct Slot {
    /// Upper half of the hash.
    tag: u32,
    id: u32,
}

const EMPTY: Slot = Slot { tag: 0, id: u32::MAX };

/// All banners so far, numbered from 0 in the order in which they came. A banner in two display
/// sizes counts as two.
#[derive(Default)]
pub(super) struct BannerIndex {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The hash table, with open addressing; its length is a power of two, and it is at most half
    /// full.
    slots: Vec<Slot>,
    hasher: RandomState,
    /// The numbers of the banners that have been put in order so far, in the order of their keys.
    order: Vec<u32>,
}

/// The outcome of looking up a key.
pub(super) enum Found {
    /// The number of the banner.
    Banner(u32),
    /// The key is not UTF-8.
    NotUtf8,
}

impl BannerIndex {
    /// Number of banners.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of a banner; a banner that is not known yet gets a new one.
    ///
    /// # Errors
    /// Returns an error when there would be more than 2^32 - 1 banners.
    pub(super) fn find_or_insert(
        &mut self,
        domain: &[u8],
        grid_id: &[u8],
        display: BannerSize,
    ) -> Result<Found> {
        if 2 * self.entries.len() >= self.slots.len() {
            self.grow();
        }
        let hash = self.hasher.hash_one((domain, grid_id, display));
        let mut at = self.first_slot(hash);
        loop {
            let Slot { tag, id } = self.slots[at];
            if id == u32::MAX {
                break;
            }
            if tag == (hash >> 32) as u32 && self.parts(id) == (grid_id, display, domain) {
                return Ok(Found::Banner(id));
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        // Only new keys are checked: a key that is found was checked when it was inserted.
        if std::str::from_utf8(domain).is_err() || std::str::from_utf8(grid_id).is_err() {
            return Ok(Found::NotUtf8);
        }
        let too_many = || Error::Data("more than 2^32 - 1 banners".to_owned());
        let id = u32::try_from(self.entries.len())
            .ok()
            .filter(|&id| id < u32::MAX)
            .ok_or_else(too_many)?;
        let length = |text: &[u8]| {
            u32::try_from(text.len()).map_err(|_| Error::Data("a key of 4 GB".to_owned()))
        };
        self.entries.push(Entry {
            start: self.bytes.len(),
            grid_id_len: length(grid_id)?,
            domain_len: length(domain)?,
            display,
            rows: 0,
            clicks: 0,
        });
        self.bytes.extend_from_slice(grid_id);
        self.bytes.extend_from_slice(domain);
        self.slots[at] = Slot { tag: (hash >> 32) as u32, id };
        Ok(Found::Banner(id))
    }

    fn first_slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        self.slots = vec![EMPTY; (2 * self.slots.len()).max(64)];
        for id in 0..self.entries.len() as u32 {
            let (grid_id, display, domain) = self.parts(id);
            let hash = self.hasher.hash_one((domain, grid_id, display));
            let mut at = self.first_slot(hash);
            while self.slots[at].id != u32::MAX {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = Slot { tag: (hash >> 32) as u32, id };
        }
    }

    /// Returns what a banner is sorted by: grid_id, size, domain. So the banners of a grid come one
    /// after another.
    fn parts(&self, id: u32) -> (&[u8], BannerSize, &[u8]) {
        let Entry { start, grid_id_len, domain_len, display, .. } = self.entries[id as usize];
        let middle = start + grid_id_len as usize;
        (&self.bytes[start..middle], display, &self.bytes[middle..middle + domain_len as usize])
    }

    /// Adds a row with its clicks to a banner. The sum of clicks saturates at 2^64 - 1, far above
    /// what a banner may have.
    pub(super) fn add(&mut self, id: u32, clicks: u64) {
        let entry = &mut self.entries[id as usize];
        entry.rows += 1;
        entry.clicks = entry.clicks.saturating_add(clicks);
    }

    /// Returns the numbers of rows and clicks of a banner.
    pub(super) fn totals(&self, id: u32) -> (u64, u64) {
        let Entry { rows, clicks, .. } = self.entries[id as usize];
        (rows, clicks)
    }

    /// The key of a banner.
    pub(super) fn key(&self, id: u32) -> BannerKey {
        let (grid_id, _, domain) = self.parts(id);
        let text = |bytes: &[u8]| {
            std::str::from_utf8(bytes).expect("checked when it was inserted").to_owned()
        };
        BannerKey { domain: text(domain), grid_id: text(grid_id) }
    }

    /// The size of a banner.
    pub(super) fn display(&self, id: u32) -> BannerSize {
        self.entries[id as usize].display
    }

    /// Returns all numbers in the order of their keys. Banners that are new since the last call are
    /// sorted in, which does not change the order of the others among each other.
    pub(super) fn order(&mut self) -> &[u32] {
        let mut order = std::mem::take(&mut self.order);
        let sorted = order.len();
        if sorted < self.entries.len() {
            order.extend(sorted as u32..self.entries.len() as u32);
            order[sorted..].sort_unstable_by(|&a, &b| self.compare(a, b));
            // A stable sort finds the two sorted parts and only merges them.
            order.sort_by(|&a, &b| self.compare(a, b));
        }
        self.order = order;
        &self.order
    }

    /// Returns for every banner its place in [`BannerIndex::order`].
    pub(super) fn ranks(&mut self) -> Vec<u32> {
        let mut ranks = vec![0; self.len()];
        for (rank, &id) in (0..).zip(self.order()) {
            ranks[id as usize] = rank;
        }
        ranks
    }

    /// Compares two banners by their keys.
    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        self.parts(a).cmp(&self.parts(b))
    }

    /// Frees the memory that is only needed to look up banners.
    pub(super) fn freeze(&mut self) {
        self.slots = Vec::new();
        self.order = Vec::new();
        self.entries.shrink_to_fit();
        self.bytes.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn id(index: &mut BannerIndex, domain: &str, grid_id: &str, width_px: u32) -> u32 {
        let display = BannerSize { width_px, height_px: 250 };
        match index.find_or_insert(domain.as_bytes(), grid_id.as_bytes(), display).unwrap() {
            Found::Banner(id) => id,
            Found::NotUtf8 => panic!("not UTF-8"),
        }
    }

    #[test]
    fn numbers_are_those_of_a_map_and_the_order_is_that_of_the_keys() {
        let mut index = BannerIndex::default();
        let mut map = BTreeMap::new();
        for row in 0..5_000_u32 {
            // Without a boundary between the parts, many of these would be one key.
            let n = row.wrapping_mul(2_654_435_761) % 1_000;
            let (domain, grid_id) = (format!("{}", n % 111), format!("{}", n % 11));
            let key = (grid_id.clone(), 300 + n % 2, domain.clone());
            let next = map.len() as u32;
            let expected = *map.entry(key).or_insert(next);
            assert_eq!(id(&mut index, &domain, &grid_id, 300 + n % 2), expected);
            index.add(expected, 2);
            if row % 1_000 == 0 {
                // Between, as when rows are spilled.
                assert_eq!(index.order(), map.values().copied().collect::<Vec<_>>());
            }
        }
        assert_eq!(index.len(), map.len());
        assert_eq!(index.order(), map.values().copied().collect::<Vec<_>>());
        assert!(
            index.ranks().iter().zip(0..).all(|(&rank, id)| index.order()[rank as usize] == id)
        );
        assert_eq!((0..index.len() as u32).map(|id| index.totals(id).1).sum::<u64>(), 10_000);
        let ((grid_id, width_px, domain), &number) = map.iter().nth(500).unwrap();
        assert_eq!(
            index.key(number),
            BannerKey { domain: domain.clone(), grid_id: grid_id.clone() }
        );
        assert_eq!(index.display(number), BannerSize { width_px: *width_px, height_px: 250 });
    }

    #[test]
    fn a_key_that_is_no_text_gets_no_number() {
        let mut index = BannerIndex::default();
        let display = BannerSize { width_px: 1, height_px: 1 };
        assert!(matches!(index.find_or_insert(b"\xff", b"g", display).unwrap(), Found::NotUtf8));
        assert_eq!(index.len(), 0);
    }
}
