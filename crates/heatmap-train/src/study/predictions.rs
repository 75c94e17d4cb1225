//! [`predict`]: what a finished count or location run says of banners of a click log, or of new
//! samples of a preset.

use burn::tensor::Device;
use heatmap_core::plot::{MarkedTile, Tile, marked_montage, montage};
use heatmap_core::synth::Preset;
use heatmap_core::table::{ClickLog, ClickLogConfig, spreadsheet_cell};
use heatmap_core::{BannerSize, Grid, Heatmap, Point, RunFolder, write_atomically};
use serde::Serialize;

use crate::data::ImageConfig;
use crate::evaluation::count_probabilities;
use crate::features::BannerRow;
use crate::run::{FinishedRun, RunObserver};
use crate::task::ProposedCentre;
use crate::{Error, Result};

/// The heatmaps that a network is applied to.
#[derive(Debug)]
pub enum PredictionInput<'a> {
    /// The banners of a log that was read as [`log_config`] says.
    Log(&'a ClickLog),
    /// Samples of the preset that the network was trained on, under a seed of their own. A network
    /// that was trained on a click log has none.
    Samples {
        /// The seed.
        seed: u64,
        /// Number of samples.
        count: usize,
    },
}

/// What a network says of one banner.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The banner.
    pub row: BannerRow,
    /// Number of clusters.
    pub count: usize,
    /// The probability of each count that the network tells apart, from the smallest on; empty for
    /// a network that locates.
    pub probabilities: Vec<f64>,
    /// The centres, in px of the display size, the most probable first; empty for a network that
    /// counts.
    pub centres: Vec<ProposedCentre>,
}

/// The numbers in `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictionSummary {
    /// Number of banners.
    pub banners: usize,
    /// The architecture of the encoder.
    pub architecture: String,
    /// The data set that the network was trained on.
    pub trained_on: String,
    /// Mean predicted number of clusters.
    pub mean_count: f64,
    /// Share of the samples whose number is right; `None` for a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_accuracy: Option<f64>,
}

const BATCH: usize = 64;
/// Pictures in the montage.
const PICTURES: usize = 16;

/// Returns how a click log must be read for this network: every banner on the bins that it was
/// trained on, whatever its display size.
pub fn log_config(run: &FinishedRun) -> ClickLogConfig {
    let Grid { rows, columns, bin_size_px } = run.data().grid;
    let side = |bins: usize| (bins as f64 * bin_size_px) as u32;
    let size = BannerSize { width_px: side(columns), height_px: side(rows) };
    ClickLogConfig { bin_size_px, common_size: Some(size), ..ClickLogConfig::default() }
}

/// Applies the network of a finished run, and writes `predictions.csv`, `montage.png` and
/// `summary.json` to `folder`.
///
/// # Errors
/// Returns an error when the log has other bins than the network knows, when there is no sample, or
/// when a file cannot be read or written.
pub fn predict(
    folder: &RunFolder,
    run: &FinishedRun,
    input: &PredictionInput<'_>,
    device: &Device,
    observer: &dyn RunObserver,
) -> Result<PredictionSummary> {
    let (data, preset) = (run.data(), run.preset()?);
    let banners = input.len();
    if banners == 0 {
        return Err(Error::config("samples", 0, "must be positive"));
    }
    observer.begin("predicting", banners);
    let (mut predictions, mut pictured) = (Vec::with_capacity(banners), Vec::new());
    let (mut right, mut batch) = (0, Vec::new());
    let mut take = |batch: &mut Vec<Banner>| -> Result<()> {
        let heatmaps: Vec<&Heatmap> = batch.iter().map(|banner| &banner.heatmap).collect();
        let found = run.predict_batch(&heatmaps, device)?;
        observer.advance(batch.len());
        for (banner, (probabilities, count, centres)) in batch.drain(..).zip(found) {
            right += usize::from(banner.truth == Some(count));
            if pictured.len() < PICTURES {
                let places: Vec<Point> = centres.iter().map(|centre| centre.place).collect();
                pictured.push((
                    banner.row.clone(),
                    run.image().scaled(&banner.heatmap),
                    places,
                    count,
                ));
            }
            let centres =
                centres.into_iter().map(|centre| on_display(centre, &banner.row, data.grid));
            let centres = centres.collect();
            predictions.push(Prediction { row: banner.row, count, probabilities, centres });
        }
        Ok(())
    };
    for banner in input.banners(preset.as_ref())? {
        batch.push(banner?);
        if batch.len() == BATCH {
            take(&mut batch)?;
        }
    }
    if !batch.is_empty() {
        take(&mut batch)?;
    }
    observer.finish();
    write_csv(folder, run, &predictions)?;
    let labels: Vec<String> = pictured
        .iter()
        .map(|(row, .., count)| format!("{}: {count} clusters", row.domain))
        .collect();
    let tiles: Vec<MarkedTile<'_>> = pictured
        .iter()
        .zip(&labels)
        .map(|((_, heatmap, places, _), label)| MarkedTile {
            tile: Tile { label, heatmap },
            truth: &[],
            predicted: places,
        })
        .collect();
    let title = format!("What {} says, trained on {}", run.architecture(), data.name);
    let picture = match run {
        // A network that counts has no centres to mark.
        FinishedRun::Count(_) => {
            let tiles: Vec<Tile<'_>> = tiles.iter().map(|marked| marked.tile).collect();
            montage(&title, &tiles, 4)?
        }
        FinishedRun::Location(_) => marked_montage(&title, &tiles, 4)?,
    };
    picture.save_png(&folder.file("montage.png"))?;
    let counts: usize = predictions.iter().map(|prediction| prediction.count).sum();
    let summary = PredictionSummary {
        banners,
        architecture: run.architecture().to_string(),
        trained_on: data.name.clone(),
        mean_count: counts as f64 / banners as f64,
        exact_accuracy: matches!(input, PredictionInput::Samples { .. })
            .then(|| right as f64 / banners as f64),
    };
    folder.write_json("summary.json", &summary)?;
    Ok(summary)
}

/// A banner to predict, with its number of clusters where that is known.
struct Banner {
    row: BannerRow,
    heatmap: Heatmap,
    truth: Option<usize>,
}

impl PredictionInput<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Log(log) => log.len(),
            Self::Samples { count, .. } => *count,
        }
    }

    fn banners(
        &self,
        preset: Option<&Preset>,
    ) -> Result<Box<dyn Iterator<Item = Result<Banner>> + '_>> {
        Ok(match self {
            Self::Log(log) => Box::new(log.banners().map(|banner| {
                let banner = banner?;
                let row = BannerRow {
                    domain: banner.banner.domain,
                    grid_id: banner.banner.grid_id,
                    width: banner.display.width_px,
                    height: banner.display.height_px,
                    clicks: banner.clicks,
                    class: None,
                };
                Ok(Banner { row, heatmap: banner.heatmap, truth: None })
            })),
            &Self::Samples { seed, count } => {
                let preset = preset.cloned().ok_or_else(|| {
                    Error::data("the network was trained on a click log; give one to predict from")
                })?;
                Box::new((0..count as u64).map(move |index| {
                    let sample = preset.sample(seed, index);
                    let grid = sample.heatmap.grid();
                    let side = |bins: usize| (bins as f64 * grid.bin_size_px) as u32;
                    let row = BannerRow {
                        domain: preset.name.clone(),
                        grid_id: index.to_string(),
                        width: side(grid.columns),
                        height: side(grid.rows),
                        clicks: sample.heatmap.total() as u64,
                        class: Some(sample.class),
                    };
                    let first = preset.cluster_counts().map_or(0, |counts| *counts.start());
                    Ok(Banner { row, heatmap: sample.heatmap, truth: Some(first + sample.class) })
                }))
            }
        })
    }
}

/// The probabilities of the counts, the count, and the centres in bins.
type Found = (Vec<f64>, usize, Vec<ProposedCentre>);

impl FinishedRun {
    /// How the network sees heatmaps.
    fn image(&self) -> &ImageConfig {
        match self {
            Self::Count(run) => &run.config.fine_tune.image,
            Self::Location(run) => &run.config.fine_tune.image,
        }
    }

    fn predict_batch(&self, heatmaps: &[&Heatmap], device: &Device) -> Result<Vec<Found>> {
        let grid = self.data().grid;
        if let Some(other) = heatmaps.iter().map(|heatmap| heatmap.grid()).find(|it| *it != grid) {
            let reason = format!("a heatmap on {other:?}, and the network was trained on {grid:?}");
            return Err(Error::data(reason));
        }
        let images = self.image().batch(heatmaps.iter().copied(), device)?;
        Ok(match self {
            Self::Count(run) => {
                let of = |probabilities: &[f64]| {
                    let best = probabilities
                        .iter()
                        .enumerate()
                        .max_by(|(_, a), (_, b)| a.total_cmp(b))
                        .map_or(0, |(at, _)| at);
                    (probabilities.to_vec(), run.data.fewest + best, Vec::new())
                };
                let all = count_probabilities(&run.task, images, true);
                all.chunks_exact(run.data.num_classes()).map(of).collect()
            }
            Self::Location(run) => {
                let of = |proposed: Vec<ProposedCentre>| {
                    let centres = run.thresholds.choose(&proposed);
                    (Vec::new(), centres.len(), centres)
                };
                run.task.propose(images).into_iter().map(of).collect()
            }
        })
    }
}

/// A centre in px of the banner's own display size.
fn on_display(centre: ProposedCentre, row: &BannerRow, grid: Grid) -> ProposedCentre {
    let px = |bins: f64, side: u32, of: usize| bins / of as f64 * f64::from(side);
    let place = Point {
        x: px(centre.place.x, row.width, grid.columns),
        y: px(centre.place.y, row.height, grid.rows),
    };
    ProposedCentre { place, ..centre }
}

/// Writes `predictions.csv`: one row for each banner. Centres are `x y probability`, in px of the
/// display size, separated by semicolons.
fn write_csv(folder: &RunFolder, run: &FinishedRun, predictions: &[Prediction]) -> Result<()> {
    let counts = match run {
        FinishedRun::Count(run) => run.data.counts().map(|count| format!("p_{count}")).collect(),
        FinishedRun::Location(_) => vec!["centres".to_owned()],
    };
    let write = |out: &mut dyn std::io::Write| {
        let mut writer = csv::Writer::from_writer(out);
        let mut header =
            ["domain", "grid_id", "display_width", "display_height", "clicks", "count"]
                .map(str::to_owned)
                .to_vec();
        header.extend(counts);
        writer.write_record(&header)?;
        for Prediction { row, count, probabilities, centres } in predictions {
            let mut record = vec![
                spreadsheet_cell(&row.domain).into_owned(),
                spreadsheet_cell(&row.grid_id).into_owned(),
                row.width.to_string(),
                row.height.to_string(),
                row.clicks.to_string(),
                count.to_string(),
            ];
            record.extend(probabilities.iter().map(|probability| format!("{probability:.6}")));
            if probabilities.is_empty() {
                let centre = |centre: &ProposedCentre| {
                    format!("{:.1} {:.1} {:.3}", centre.place.x, centre.place.y, centre.probability)
                };
                record.push(centres.iter().map(centre).collect::<Vec<_>>().join("; "));
            }
            writer.write_record(&record)?;
        }
        writer.flush()
    };
    Ok(write_atomically(&folder.file("predictions.csv"), write)?)
}
