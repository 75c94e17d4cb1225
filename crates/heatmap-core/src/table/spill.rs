//! [`Spill`]: clicks sorted by banner and bin in bounded memory.
//!
//! An external merge sort. Clicks gather in memory; when they are too many they are sorted, those
//! in one bin are added up, and if that does not help they are written to a temporary file as a
//! sorted run. At the end the runs are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::banner_index::BannerIndex;
use super::groups::{GroupWriter, Groups};
use crate::Result;

/// Largest number of runs that are merged together, and so of files that are open.
const MAX_RUNS: usize = 64;

/// Clicks in a bin of a banner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) banner: u32,
    pub(super) bin: u32,
    pub(super) count: u64,
}

/// Collects hits, in memory and in temporary files.
pub(super) struct Spill {
    memory_rows: usize,
    hits: Vec<Hit>,
    runs: Vec<Groups>,
}

impl Spill {
    /// Makes a spill that keeps up to `memory_rows` hits of 16 bytes in memory.
    pub(super) fn new(memory_rows: usize) -> Self {
        Self { memory_rows: memory_rows.max(1), hits: Vec::new(), runs: Vec::new() }
    }

    /// Takes a hit on a banner of `index`. Sums of counts saturate at 2^64 - 1.
    ///
    /// # Errors
    /// Returns an error when a temporary file cannot be written.
    pub(super) fn push(&mut self, hit: Hit, index: &mut BannerIndex) -> Result<()> {
        if self.hits.len() == self.memory_rows {
            self.make_room(index)?;
        }
        if self.hits.len() == self.hits.capacity() {
            // A vector would double its capacity; this one must not grow beyond `memory_rows`.
            let more = self.hits.len().clamp(1024, 1 << 22).min(self.memory_rows - self.hits.len());
            self.hits.reserve_exact(more);
        }
        self.hits.push(hit);
        Ok(())
    }

    fn make_room(&mut self, index: &mut BannerIndex) -> Result<()> {
        self.sort(index);
        if self.hits.len() <= self.memory_rows / 2 {
            return Ok(());
        }
        if self.runs.len() == MAX_RUNS {
            let merged = merge(&std::mem::take(&mut self.runs), &index.ranks(), |_| true)?;
            self.runs.push(merged);
        }
        self.runs.push(write_groups(GroupWriter::on_disk()?, &self.hits, |_| true)?);
        self.hits.clear();
        Ok(())
    }

    /// Sorts the hits by the order of the banners, then by bin, and adds up those in one bin.
    fn sort(&mut self, index: &mut BannerIndex) {
        let ranks = index.ranks();
        for hit in &mut self.hits {
            hit.banner = ranks[hit.banner as usize];
        }
        self.hits.sort_unstable_by_key(|hit| u64::from(hit.banner) << 32 | u64::from(hit.bin));
        self.hits.dedup_by(|next, kept| {
            let same = (next.banner, next.bin) == (kept.banner, kept.bin);
            if same {
                kept.count = kept.count.saturating_add(next.count);
            }
            same
        });
        let order = index.order();
        for hit in &mut self.hits {
            hit.banner = order[hit.banner as usize];
        }
    }

    /// Returns all hits on the banners that `keep` wants, by banner in the order of `index`.
    ///
    /// # Errors
    /// Returns an error when a temporary file cannot be written or read.
    pub(super) fn finish(
        mut self,
        index: &mut BannerIndex,
        keep: impl Fn(u32) -> bool,
    ) -> Result<Groups> {
        self.sort(index);
        let last = write_groups(GroupWriter::in_memory(), &self.hits, &keep)?;
        if self.runs.is_empty() {
            return Ok(last);
        }
        self.hits = Vec::new();
        self.runs.push(last);
        merge(&self.runs, &index.ranks(), keep)
    }
}

/// Merges runs, each of which is sorted by rank, into a temporary file.
fn merge(runs: &[Groups], ranks: &[u32], keep: impl Fn(u32) -> bool) -> Result<Groups> {
    let mut readers: Vec<_> = runs.iter().map(Groups::reader).collect();
    let mut heads = BinaryHeap::with_capacity(readers.len());
    for (run, reader) in readers.iter_mut().enumerate() {
        heads.extend(
            reader.next_banner()?.map(|banner| Reverse((ranks[banner as usize], run, banner))),
        );
    }
    let mut writer = GroupWriter::on_disk()?;
    let mut bins = Vec::new();
    while let Some(Reverse((rank, run, banner))) = heads.pop() {
        bins.clear();
        let mut next = Some(run);
        let mut parts = 0;
        while let Some(run) = next {
            readers[run].bins(&mut bins)?;
            parts += 1;
            let head = readers[run].next_banner()?;
            heads.extend(head.map(|banner| Reverse((ranks[banner as usize], run, banner))));
            let same = heads.peek().is_some_and(|Reverse((other, _, _))| *other == rank);
            next = if same { heads.pop().map(|Reverse((_, run, _))| run) } else { None };
        }
        if parts > 1 {
            bins.sort_unstable_by_key(|&(bin, _)| bin);
            bins.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 = u64::saturating_add(kept.1, next.1);
                }
                same
            });
        }
        if keep(banner) {
            writer.group(banner, bins.iter().copied())?;
        }
    }
    writer.finish()
}

/// Writes the hits, sorted by banner and bin, on the banners that `keep` wants.
fn write_groups(
    mut writer: GroupWriter,
    hits: &[Hit],
    keep: impl Fn(u32) -> bool,
) -> Result<Groups> {
    for group in hits.chunk_by(|a, b| a.banner == b.banner) {
        if keep(group[0].banner) {
            writer.group(group[0].banner, group.iter().map(|hit| (hit.bin, hit.count)))?;
        }
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::RngExt;

    use super::super::banner_index::Found;
    use super::*;
    use crate::{BannerSize, sample_rng};

    /// Banners `0..n`, whose order is not that of their numbers.
    fn banners(n: u32) -> BannerIndex {
        let mut index = BannerIndex::default();
        for banner in 0..n {
            let name = format!("{}", banner.wrapping_mul(2_654_435_761));
            let found = index.find_or_insert(
                name.as_bytes(),
                b"g",
                BannerSize { width_px: 1, height_px: 1 },
            );
            assert!(matches!(found, Ok(Found::Banner(id)) if id == banner));
        }
        index
    }

    fn all(groups: &Groups) -> Vec<(u32, Vec<(u32, u64)>)> {
        let (mut reader, mut all) = (groups.reader(), Vec::new());
        while let Some(banner) = reader.next_banner().unwrap() {
            let mut bins = Vec::new();
            reader.bins(&mut bins).unwrap();
            all.push((banner, bins));
        }
        all
    }

    #[test]
    fn the_sums_are_those_of_a_map_however_little_fits_in_memory() {
        for (memory_rows, on_disk) in [(1_000_000, false), (5_000, true), (600, true), (7, true)] {
            let mut index = banners(40);
            let mut spill = Spill::new(memory_rows);
            let mut map = BTreeMap::<u32, BTreeMap<u32, u64>>::new();
            let mut rng = sample_rng(3, 0);
            let ranks = index.ranks();
            for _ in 0..20_000 {
                let hit = Hit {
                    banner: rng.random_range(0..40),
                    bin: rng.random_range(0..3_000),
                    count: rng.random_range(1..300),
                };
                if !hit.banner.is_multiple_of(5) {
                    let bins = map.entry(ranks[hit.banner as usize]).or_default();
                    *bins.entry(hit.bin).or_default() += hit.count;
                }
                spill.push(hit, &mut index).unwrap();
                assert!(spill.hits.capacity() <= memory_rows);
            }
            let groups = spill.finish(&mut index, |banner| banner % 5 != 0).unwrap();
            assert_eq!(groups.is_on_disk(), on_disk);
            let order = index.order();
            let expected: Vec<_> = map
                .into_iter()
                .map(|(rank, bins)| (order[rank as usize], bins.into_iter().collect::<Vec<_>>()))
                .collect();
            assert_eq!(all(&groups), expected, "{memory_rows}");
            // Two readers at once.
            let (mut a, mut b) = (groups.reader(), groups.reader());
            for _ in 0..3 {
                assert_eq!(a.next_banner().unwrap(), b.next_banner().unwrap());
                let (mut bins_a, mut bins_b) = (Vec::new(), Vec::new());
                a.bins(&mut bins_a).unwrap();
                b.bins(&mut bins_b).unwrap();
                assert_eq!(bins_a, bins_b);
            }
        }
    }

    #[test]
    fn repeated_clicks_need_no_file() {
        let mut index = banners(2);
        let mut spill = Spill::new(10);
        for step in 0..1_000 {
            spill.push(Hit { banner: step % 2, bin: 5, count: 1_000_000_000 }, &mut index).unwrap();
        }
        let groups = spill.finish(&mut index, |_| true).unwrap();
        assert!(!groups.is_on_disk());
        assert!(all(&groups).iter().all(|(_, bins)| bins == &[(5, 500_000_000_000)]));
    }

    #[test]
    fn nothing_gives_nothing() {
        let groups = Spill::new(3).finish(&mut BannerIndex::default(), |_| true).unwrap();
        assert_eq!(all(&groups), []);
    }
}
