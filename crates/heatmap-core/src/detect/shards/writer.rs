//! [`LogDetectionConfig::run_shard`]: scores the grids of one shard and writes them to a file.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::banner_record::BannerRecord;
use super::grid_record::GridRecord;
use super::head::{Head, Stamp};
use super::reader::file_name;
use crate::detect::log_detection::{GridSink, ScoredBanner, groups};
use crate::detect::{BannerFacts, DetectedLayout, FitScores, LogDetectionConfig, LogInputs};
use crate::table::{BannerHeatmap, Shard};
use crate::{Error, Result, UnfinishedFile};

/// The file of a shard, and how much is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFile {
    /// Where it is.
    pub path: PathBuf,
    /// Which shard it is.
    pub shard: Shard,
    /// Number of its grids, counted once for each display size.
    pub grids: usize,
    /// Number of its banners, counted once for each display size.
    pub banners: usize,
}

impl LogDetectionConfig {
    /// Scores the grids of one shard and writes all that [`ShardSet::merge`] needs of them to a
    /// file in `folder`, `shard-1-of-3.jsonl.gz` for shard 1/3, which appears complete or not at
    /// all. `inputs` were read by [`LogInputs::read_shard`]. `origin` is kept in the file for
    /// [`ShardSet::origin`]. `progress` is called with the number of banners scored so far, and
    /// stops the run by returning [`ControlFlow::Break`].
    ///
    /// The file holds the domains, the clicks by bin and the labels and metrics of its banners.
    ///
    /// [`ShardSet::merge`]: super::ShardSet::merge
    /// [`ShardSet::origin`]: super::ShardSet::origin
    ///
    /// # Errors
    /// When a setting cannot be used, the log was not read as a shard, a temporary file of it
    /// cannot be read, the file cannot be written, or `progress` returns [`ControlFlow::Break`].
    pub fn run_shard(
        &self,
        inputs: &LogInputs,
        folder: &Path,
        origin: &impl Serialize,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<ShardFile> {
        self.decision.check()?;
        let head = Head::of(self, inputs, groups(&inputs.log).len(), origin)?;
        let shard = head.shard;
        let path = folder.join(file_name(shard));
        std::fs::create_dir_all(folder)
            .map_err(|source| Error::Io { path: folder.to_owned(), source })?;
        let mut writer = Writer {
            file: UnfinishedFile::create(&path)?,
            encoder: GzEncoder::new(Vec::new(), Compression::fast()),
            known: &inputs.known,
            grids: 0,
            banners: 0,
        };
        writer.line(&Stamp::own())?;
        writer.line(&head)?;
        self.score_grids(&inputs.log, &inputs.known, &mut writer, progress)?;
        let (grids, banners) = (writer.grids, writer.banners);
        writer.finish()?;
        Ok(ShardFile { path, shard, grids, banners })
    }
}

/// Writes lines of JSON.
struct Writer<'a> {
    file: UnfinishedFile,
    encoder: GzEncoder<Vec<u8>>,
    known: &'a BannerFacts,
    grids: usize,
    banners: usize,
}

/// Compressed bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 16;

impl Writer<'_> {
    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let encoder = &mut self.encoder;
        self.file.write(|out| {
            serde_json::to_writer(&mut *encoder, value)?;
            encoder.write_all(b"\n")?;
            let bytes = encoder.get_mut();
            if bytes.len() >= BUFFER_BYTES {
                out.write_all(bytes)?;
                bytes.clear();
            }
            Ok(())
        })
    }

    fn finish(self) -> Result<()> {
        let Self { mut file, encoder, .. } = self;
        file.write(|out| out.write_all(&encoder.finish()?))?;
        file.finish()
    }
}

impl GridSink for Writer<'_> {
    fn grid(
        &mut self,
        group: u32,
        layout: DetectedLayout,
        thinned: &[(FitScores, f64)],
    ) -> Result<()> {
        self.grids += 1;
        self.line(&GridRecord::of(group, layout, thinned))
    }

    fn banner(&mut self, _group: u32, banner: &BannerHeatmap, scored: &ScoredBanner) -> Result<()> {
        self.banners += 1;
        self.line(&BannerRecord::of(banner, scored, self.known))
    }
}
