//! [`EmbedView`]: two-dimensional embeddings of feature tables, and comparisons of the cosine
//! similarities under different features.

use std::fmt::Write;

use heatmap_core::analysis::{Mvu, MvuConfig, Pca, cosine_similarity_to};
use heatmap_core::detect::evaluation::auroc;
use heatmap_core::plot::{Picture, Scatter, scatters};
use heatmap_core::table::spreadsheet_cell;
use heatmap_core::write_atomically;
use serde_json::{Map, Value};

use super::{Banners, FeatureTable};
use crate::run::RunFolder;
use crate::{Error, Result};

/// Two embeddings of one feature table in the plane, by principal component analysis (PCA) and by
/// maximum variance unfolding (MVU), and the cosine similarity of each banner to an anchor.
#[derive(Debug)]
pub struct EmbedView {
    name: String,
    pca: Vec<(f64, f64)>,
    explained: [f64; 2],
    mvu: Vec<(f64, f64)>,
    unfolded: Mvu,
    /// Cosine similarity of each banner to the anchor.
    cosine: Vec<f64>,
}

/// Classes of banners, which are shown as colours.
const CLASSES: [&str; 3] = ["good", "broken", "not known"];
/// Number of panels in one row of a picture.
const PANELS: usize = 4;

impl EmbedView {
    /// Computes the embeddings and cosine similarities of a table with one row per banner. The
    /// anchor is the mean feature vector of the banners known to be good, or of all banners when
    /// none is known to be good. `neighbors` is the number of nearest neighbours whose distances
    /// MVU keeps.
    ///
    /// # Errors
    /// Returns an error when the table does not have one row per banner, when a feature is not
    /// finite, when the features do not span two directions, or when MVU cannot be applied.
    pub fn new(table: &FeatureTable, banners: &Banners, neighbors: usize) -> Result<Self> {
        let values = table.values.as_ref();
        if values.nrows() != banners.keys.len() {
            let reason = format!(
                "`{}` has {} rows for {} banners",
                table.name,
                values.nrows(),
                banners.keys.len()
            );
            return Err(heatmap_core::Error::Data(reason).into());
        }
        let named = |error: heatmap_core::Error| {
            Error::Core(heatmap_core::Error::Data(format!("`{}`: {error}", table.name)))
        };
        let pca = Pca::fit(values, 2).map_err(named)?;
        let projected = pca.transform(values).map_err(named)?;
        let ratio = pca.explained_variance_ratio();
        let unfolded = MvuConfig { neighbors, ..Default::default() }.fit(values).map_err(named)?;
        let good: Vec<usize> =
            (0..values.nrows()).filter(|&row| banners.broken[row] == Some(false)).collect();
        let behind: Vec<usize> = if good.is_empty() { (0..values.nrows()).collect() } else { good };
        let anchor: Vec<f64> = (0..values.ncols())
            .map(|column| {
                behind.iter().map(|&row| values[(row, column)]).sum::<f64>() / behind.len() as f64
            })
            .collect();
        let places = |map: heatmap_core::analysis::faer::MatRef<'_, f64>| -> Vec<(f64, f64)> {
            (0..map.nrows()).map(|row| (map[(row, 0)], map[(row, 1)])).collect()
        };
        Ok(Self {
            name: table.name.clone(),
            pca: places(projected.as_ref()),
            explained: [ratio[0], ratio[1]],
            mvu: places(unfolded.embedding()),
            cosine: cosine_similarity_to(values, &anchor).map_err(named)?,
            unfolded,
        })
    }
}

impl EmbedView {
    /// Returns the share of the variance of the unfolding that the first two dimensions hold.
    fn unfolded_share(&self) -> f64 {
        let variances = self.unfolded.variances();
        variances.iter().take(2).sum::<f64>() / variances.iter().sum::<f64>()
    }
}

/// Writes `maps.png`, `embedding.csv` and `summary.json`, and returns a table to print. With more
/// than one view, `cosines.png` and `cosines_zoomed.png` compare each two of them.
///
/// The table includes the AUROC with which one minus the cosine similarity detects broken banners,
/// if it is known of every banner whether it is broken.
///
/// # Errors
/// Returns an error when a picture cannot be drawn, or when a file cannot be written.
pub fn write_embeddings(
    folder: &RunFolder,
    views: &[EmbedView],
    banners: &Banners,
) -> Result<String> {
    let class = |broken: &Option<bool>| broken.map_or(2, usize::from);
    let classes: Vec<usize> = banners.broken.iter().map(class).collect();
    maps(views, &classes)?.save_png(&folder.file("maps.png"))?;
    if views.len() > 1 {
        cosines(views, &classes, false)?.save_png(&folder.file("cosines.png"))?;
        cosines(views, &classes, true)?.save_png(&folder.file("cosines_zoomed.png"))?;
    }
    write_csv(folder, views, banners)?;
    let mut summary = Map::new();
    let mut text = format!(
        "{:24} {:>9} {:>9} {:>11} {:>12} {:>14}\n",
        "feature", "PCA 1", "PCA 2", "AUROC of", "MVU: largest", "gap to the"
    );
    let _ = writeln!(
        text,
        "{:24} {:>9} {:>9} {:>11} {:>12} {:>14}",
        "", "variance", "variance", "the cosine", "violation", "optimum"
    );
    let truth: Option<Vec<bool>> = banners.broken.iter().copied().collect();
    for view in views {
        let away: Vec<f64> = view.cosine.iter().map(|cosine| -cosine).collect();
        let worth = truth.as_ref().and_then(|truth| auroc(&away, truth).ok());
        let report = view.unfolded.report();
        let _ = writeln!(
            text,
            "{:24} {:>7.1} % {:>7.1} % {:>11} {:>12.1e} {:>14.1e}",
            view.name,
            100.0 * view.explained[0],
            100.0 * view.explained[1],
            worth.map_or("-".to_owned(), |worth| format!("{worth:.4}")),
            report.largest_relative_violation,
            report.relative_gap
        );
        summary.insert(format!("{}_cosine_auroc", view.name), worth.into());
        summary.insert(format!("{}_mvu_objective", view.name), report.objective.into());
        summary.insert(format!("{}_mvu_relative_gap", view.name), report.relative_gap.into());
        summary.insert(
            format!("{}_mvu_largest_violation", view.name),
            report.largest_relative_violation.into(),
        );
        let explained: Vec<Value> =
            view.explained.iter().map(|share| Value::from(*share)).collect();
        summary.insert(format!("{}_pca_explained", view.name), Value::Array(explained));
    }
    folder.write_json("summary.json", &summary)?;
    Ok(text)
}

/// Draws one row for each view, with its PCA and its MVU embedding side by side.
fn maps(views: &[EmbedView], classes: &[usize]) -> Result<Picture> {
    let rows: Vec<Picture> = views
        .iter()
        .map(|view| {
            let titles = [
                format!(
                    "PCA, {:.0} % of the variance",
                    100.0 * (view.explained[0] + view.explained[1])
                ),
                format!("MVU, {:.0} % of the unfolded variance", 100.0 * view.unfolded_share()),
            ];
            let panel =
                |title, points| Scatter { title, axes: ["first", "second"], points, classes };
            scatters(
                &view.name,
                &[panel(&titles[0], &view.pca), panel(&titles[1], &view.mvu)],
                &CLASSES,
            )
        })
        .collect::<heatmap_core::Result<_>>()?;
    Ok(Picture::stacked(&rows))
}

/// Draws the cosine similarities to the anchor for each pair of views, one view on each axis. With
/// `zoomed`, only the range where most good banners are is shown.
fn cosines(views: &[EmbedView], classes: &[usize], zoomed: bool) -> Result<Picture> {
    struct Panel<'a> {
        title: String,
        axes: [&'a str; 2],
        points: Vec<(f64, f64)>,
        classes: Vec<usize>,
    }
    let mut panels: Vec<Panel<'_>> = Vec::new();
    for (at, a) in views.iter().enumerate() {
        for b in &views[at + 1..] {
            let from = [a, b].map(|view| {
                if zoomed { lowest_good(&view.cosine, classes) } else { f64::NEG_INFINITY }
            });
            let inside =
                (0..classes.len()).filter(|&at| a.cosine[at] >= from[0] && b.cosine[at] >= from[1]);
            let (points, shown): (Vec<_>, Vec<_>) =
                inside.map(|at| ((a.cosine[at], b.cosine[at]), classes[at])).unzip();
            let title = format!("{} against {}: {} banners", b.name, a.name, points.len());
            panels.push(Panel {
                title,
                axes: [a.name.as_str(), b.name.as_str()],
                points,
                classes: shown,
            });
        }
    }
    let rows: Vec<Picture> = panels
        .chunks(PANELS)
        .map(|row| {
            let row: Vec<Scatter<'_>> = row
                .iter()
                .map(|panel| Scatter {
                    title: &panel.title,
                    axes: panel.axes,
                    points: &panel.points,
                    classes: &panel.classes,
                })
                .collect();
            let title = if zoomed {
                "Cosine similarity to the anchor, where good banners are"
            } else {
                "Cosine similarity to the anchor"
            };
            scatters(title, &row, &CLASSES)
        })
        .collect::<heatmap_core::Result<_>>()?;
    Ok(Picture::stacked(&rows))
}

/// Returns the cosine similarity that about 95 % of the good banners reach, or of all banners when
/// none is known to be good.
fn lowest_good(cosine: &[f64], classes: &[usize]) -> f64 {
    // Good banners are class 0 in `CLASSES`.
    let mut values: Vec<f64> =
        cosine.iter().zip(classes).filter(|(_, class)| **class == 0).map(|(c, _)| *c).collect();
    if values.is_empty() {
        values = cosine.to_vec();
    }
    values.sort_by(f64::total_cmp);
    values[values.len() / 20]
}

fn write_csv(folder: &RunFolder, views: &[EmbedView], banners: &Banners) -> Result<()> {
    let write = |out: &mut dyn std::io::Write| {
        let mut writer = csv::Writer::from_writer(out);
        let mut header = ["domain", "grid_id", "broken"].map(str::to_owned).to_vec();
        for view in views {
            header.extend(
                ["pca_1", "pca_2", "mvu_1", "mvu_2", "cosine"]
                    .map(|column| format!("{}_{column}", view.name)),
            );
        }
        writer.write_record(&header)?;
        for (row, key) in banners.keys.iter().enumerate() {
            let broken =
                banners.broken[row].map(|broken| u8::from(broken).to_string()).unwrap_or_default();
            let mut record = vec![
                spreadsheet_cell(&key.domain).into_owned(),
                spreadsheet_cell(&key.grid_id).into_owned(),
                broken,
            ];
            for view in views {
                let ((a, b), (c, d)) = (view.pca[row], view.mvu[row]);
                record.extend([a, b, c, d, view.cosine[row]].map(|value| format!("{value:.6}")));
            }
            writer.write_record(&record)?;
        }
        writer.flush()
    };
    Ok(write_atomically(&folder.file("embedding.csv"), write)?)
}
