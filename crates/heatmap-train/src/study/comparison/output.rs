//! Tables and a picture that compare all encoders.

use heatmap_core::plot::{Picture, Scatter, scatters};
use heatmap_core::write_atomically;

use super::Measured;
use crate::Result;
use crate::data::ClassSource;
use crate::run::RunFolder;
use crate::study::principal_plane::PrincipalPlane;
use crate::study::spread::mean_and_spread;

type Column = (&'static str, fn(&Measured) -> f64);

const COLUMNS: [Column; 6] = [
    ("probe", |m| m.report.probe_accuracy),
    ("kNN", |m| m.report.knn_accuracy),
    ("broken AUROC", |m| m.auroc),
    ("alignment", |m| m.report.alignment),
    ("uniformity", |m| m.report.uniformity),
    ("effective rank", |m| m.report.effective_rank),
];

/// Formats a table to print, with the mean and the standard deviation over the seeds for every
/// encoder, in the order in which the encoders first occur.
pub fn table(all: &[Measured]) -> String {
    let mut text = format!("{:<22}", "");
    for (name, _) in COLUMNS {
        text += &format!("{name:>18}");
    }
    for name in names(all) {
        text += &format!("\n{name:<22}");
        for (_, of) in COLUMNS {
            let values: Vec<f64> =
                all.iter().filter(|measured| measured.name == name).map(of).collect();
            text += &format!("{:>18}", mean_and_spread(&values));
        }
    }
    text
}

fn names(all: &[Measured]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for measured in all {
        if !names.contains(&measured.name.as_str()) {
            names.push(&measured.name);
        }
    }
    names
}

/// Writes `compare.csv`, with one row for each encoder and seed.
///
/// # Errors
/// Returns an error when the file cannot be written.
pub fn write_rows(folder: &RunFolder, all: &[Measured]) -> Result<()> {
    let write = |out: &mut dyn std::io::Write| {
        let mut writer = csv::Writer::from_writer(out);
        let names = COLUMNS.iter().map(|(name, _)| *name);
        writer.write_record(["encoder", "seed"].into_iter().chain(names))?;
        for measured in all {
            let values = COLUMNS.iter().map(|(_, of)| format!("{:.6}", of(measured)));
            let who = [measured.name.clone(), measured.seed.to_string()];
            writer.write_record(who.into_iter().chain(values))?;
        }
        writer.flush()
    };
    Ok(write_atomically(&folder.file("compare.csv"), write)?)
}

/// Writes `compare.png`: for each encoder of the first seed, a scatter plot of the first two
/// principal components of its features.
///
/// # Errors
/// Returns an error when the features of an encoder do not span two directions, or when the picture
/// cannot be written.
pub fn write_picture(folder: &RunFolder, preset: &dyn ClassSource, all: &[Measured]) -> Result<()> {
    const PER_ROW: usize = 4;
    let first = all.first().map(|measured| measured.seed);
    let shown: Vec<&Measured> =
        all.iter().filter(|measured| Some(measured.seed) == first).collect();
    let classes = preset.class_names();
    let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
    let mut rows = Vec::new();
    for (at, part) in shown.chunks(PER_ROW).enumerate() {
        let mut drawn = Vec::new();
        for measured in part {
            let plane = PrincipalPlane::of(measured.features.features.as_ref())?;
            let title =
                format!("{}: probe {:.0} %", measured.name, 100.0 * measured.report.probe_accuracy);
            drawn.push((title, plane, &measured.features.labels));
        }
        let panels: Vec<Scatter<'_>> =
            drawn.iter().map(|(title, plane, labels)| plane.scatter(title, labels)).collect();
        let title = if at == 0 {
            format!("{}: features of held-out samples", preset.name())
        } else {
            String::new()
        };
        rows.push(scatters(&title, &panels, &classes)?);
    }
    Ok(Picture::stacked(&rows).save_png(&folder.file("compare.png"))?)
}
