//! [`ShardSet::merge`]: the decision on all banners, from the files of all shards.

use std::ops::ControlFlow;

use super::ShardSet;
use super::banner_record::BannerRecord;
use super::grid_record::GridRecord;
use super::head::Head;
use super::reader::OpenShard;
use crate::detect::log_detection::{Evidence, GridSink, ScoredLog, going_on};
use crate::detect::{BannerFacts, LogDetection, LogInputs};
use crate::table::{ClickLogConfig, LogRestorer};
use crate::{Error, Result};

impl ShardSet {
    /// Scores and flags the banners of the whole log, as [`LogDetectionConfig::run`] does, to the
    /// bit. The log is restored, in a temporary file, so that reasons and pictures can be had;
    /// [`LogInputs::known`] is empty, for all that is known of the banners has been used.
    /// `progress` is called with the number of banners read so far, and stops the merge by
    /// returning [`ControlFlow::Break`].
    ///
    /// [`LogDetectionConfig::run`]: crate::detect::LogDetectionConfig::run
    ///
    /// # Errors
    /// When a file cannot be read or is broken, there is no temporary file, a setting cannot be
    /// used, or `progress` returns [`ControlFlow::Break`].
    pub fn merge(
        self,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<(LogInputs, LogDetection)> {
        let Self { mut shards, detection } = self;
        let mut merged = match shards.first() {
            Some(first) => Merged::new(&first.head).map_err(|error| first.blamed(error))?,
            None => return Err(Error::Data("no shard".to_owned())),
        };
        let (grids, banners) = (merged.grids, merged.banners);
        for group in 0..grids {
            let next = shards.iter_mut().find(|shard| shard.next_group() == Some(group));
            let Some(shard) = next else {
                return Err(shards[0].broken(&format!("grid {group} of {grids} is in no shard")));
            };
            let Some(record) = shard.take_grid() else { continue };
            merged.take(record, shard, progress)?;
            shard.advance()?;
        }
        let longer = shards.iter().find(|shard| shard.next_group().is_some());
        if let Some(shard) =
            longer.or_else(|| shards.first().filter(|_| merged.log.len() != banners))
        {
            return Err(shard.broken("its grids are not those of the log"));
        }
        let notes = shards.swap_remove(0).head.notes;
        let Merged { log, scored, labels, good, metrics, width, .. } = merged;
        let metrics = |banner: usize| metrics[banner * width..(banner + 1) * width].to_vec();
        let evidence = Evidence { labels, good, metrics: &metrics };
        let detection = scored.decide(&detection.decision, evidence)?;
        let inputs = LogInputs { log: log.finish()?, known: BannerFacts::default(), notes };
        Ok((inputs, detection))
    }
}

/// What was read so far.
struct Merged {
    log: LogRestorer,
    scored: ScoredLog,
    labels: Vec<Option<bool>>,
    good: Vec<bool>,
    /// [banners, width], row-major.
    metrics: Vec<Option<f64>>,
    width: usize,
    config: ClickLogConfig,
    grids: u32,
    banners: usize,
}

impl Merged {
    fn new(head: &Head) -> Result<Self> {
        Ok(Self {
            log: LogRestorer::new(&head.log, &head.reading)?,
            scored: ScoredLog::default(),
            labels: Vec::new(),
            good: Vec::new(),
            metrics: Vec::new(),
            width: head.metrics,
            config: head.log.clone(),
            grids: head.grids,
            banners: head.banners,
        })
    }

    /// Takes a grid with its banners.
    fn take(
        &mut self,
        record: GridRecord,
        shard: &mut OpenShard,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<()> {
        let GridRecord { group, display, first, banners, .. } = record;
        let grid_id = record.grid_id.clone();
        let own = shard.head.shard.has(&grid_id, display);
        if !own || first != self.log.len() || banners == 0 {
            return Err(shard.broken(&format!("grid {grid_id} does not belong there")));
        }
        let layout = self.config.grid_of(display).and_then(|grid| record.layout(grid));
        let (layout, thinned) = layout.map_err(|error| shard.blamed(error))?;
        self.scored.grid(group, layout, &thinned)?;
        for _ in 0..banners {
            let banner = shard.banner()?;
            self.banner(group, &grid_id, &banner).map_err(|error| shard.blamed(error))?;
            going_on(progress(self.log.len()))?;
        }
        Ok(())
    }

    fn banner(&mut self, group: u32, grid_id: &str, banner: &BannerRecord) -> Result<()> {
        let scored = banner.scored()?;
        if banner.metrics.len() != self.width {
            return Err(Error::Data("a banner has other metrics".to_owned()));
        }
        let entry = banner.entry(grid_id);
        self.log.add(&entry, &banner.bins()?)?;
        self.scored.push(group, entry.clicks, &scored);
        self.labels.push(banner.label);
        self.good.push(banner.good);
        self.metrics.extend(&banner.metrics);
        Ok(())
    }
}
