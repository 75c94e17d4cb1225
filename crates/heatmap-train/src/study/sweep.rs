//! [`sweep_simclr`]: a resumable grid search over settings of SimCLR, with one table of results.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use burn::tensor::Device;
use heatmap_core::write_atomically;
use serde::Serialize;

use super::simclr::run_simclr;
use super::spread::mean_and_spread;
use crate::run::{RunConfig, RunFolder, RunObserver, SimClrConfig, TrainingFolder};
use crate::{Error, Result};

/// One axis of a grid search: a setting and the values to try. It is parsed from `KEY=A,B,C`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepAxis {
    key: String,
    values: Vec<String>,
}

impl FromStr for SweepAxis {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (key, values) = text.split_once('=').ok_or("is not KEY=A,B,C")?;
        let values: Vec<String> = values.split(',').map(str::to_owned).collect();
        if key.is_empty() || values.iter().any(String::is_empty) {
            return Err("is not KEY=A,B,C".to_owned());
        }
        if let Some(twice) =
            values.iter().enumerate().find(|(at, value)| values[..*at].contains(value))
        {
            return Err(format!("has `{}` twice", twice.1));
        }
        Ok(Self { key: key.to_owned(), values })
    }
}

/// One point of the grid: pairs of a setting and its value, in the order of the axes.
type Point = Vec<(String, String)>;

/// The result of one point of the grid.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    settings: Point,
    /// The metrics by name, or the reason why the run failed.
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Metrics(BTreeMap<String, f64>),
    Failed(String),
}

/// The metrics of `summary.json` that the table shows. The points are ordered by the first, which
/// is measured on other samples than the final scores, or by the second where the first is missing.
const COLUMNS: [&str; 5] = [
    "probe_accuracy_valid",
    "probe_accuracy",
    "knn_accuracy",
    "effective_rank",
    "images_per_second",
];

/// Returns every combination of values; the last axis varies fastest.
fn points(axes: &[SweepAxis]) -> Vec<Point> {
    axes.iter().fold(vec![Vec::new()], |points, axis| {
        let with = |point: &Point, value: &String| {
            let mut point = point.clone();
            point.push((axis.key.clone(), value.clone()));
            point
        };
        points
            .iter()
            .flat_map(|point| axis.values.iter().map(move |value| with(point, value)))
            .collect()
    })
}

/// Trains and evaluates one run for every combination of the values of `axes`. All other settings
/// are those of `base`.
///
/// Each run has a folder of its own in `out`. A run that already has a `summary.json` is not
/// repeated, and a run that has checkpoints is resumed. A run that fails is marked as failed in the
/// table, and the sweep continues. After every run, the results so far are written to `sweep.json`
/// and `sweep.csv` in `out`. `devices` is the name of the device for the summary, and the devices
/// that share each batch.
///
/// Returns a table to print, with the best run first. It returns `None` when the user stopped a
/// run.
///
/// # Errors
/// Returns an error when a setting is unknown or cannot be used, before any training. It also
/// returns an error when the folder `out` or a table cannot be written.
pub fn sweep_simclr(
    out: &Path,
    base: &SimClrConfig,
    axes: &[SweepAxis],
    devices: (&str, &[Device]),
    observer: &dyn RunObserver,
) -> Result<Option<String>> {
    let (mut planned, mut told) = (Vec::new(), Vec::new());
    for point in points(axes) {
        let mut settings = base.settings()?;
        point.iter().try_for_each(|(key, value)| settings.set(key, value))?;
        let config: SimClrConfig = settings.into_config(base)?;
        for note in config.resolve()?.notes() {
            if !told.contains(&note) {
                observer.tell(&note);
                told.push(note);
            }
        }
        planned.push((point, config));
    }
    std::fs::create_dir_all(out).map_err(Error::io(out))?;
    let mut rows = Vec::new();
    let count = planned.len();
    for (at, (settings, config)) in planned.into_iter().enumerate() {
        let name: Vec<String> =
            settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let path = out.join(folder_name(&name));
        observer.tell(&format!("Run {} of {count}: {}", at + 1, name.join(" ")));
        let outcome = match point(&path, &config, devices, observer) {
            Ok(None) => return Ok(None),
            Ok(Some(metrics)) => Outcome::Metrics(metrics),
            Err(error) => {
                observer.tell(&format!("Failed: {error}"));
                Outcome::Failed(error.to_string())
            }
        };
        rows.push(Row { settings, outcome });
        // Written after every point, so that a sweep that is stopped keeps the results so far.
        let text = serde_json::to_string_pretty(&rows)
            .map_err(|error| Error::bad_file(&out.join("sweep.json"), error))?;
        write_atomically(&out.join("sweep.json"), |file| writeln!(file, "{text}"))?;
        write_csv(&out.join("sweep.csv"), &rows)?;
    }
    Ok(Some(table(&rows)))
}

/// Returns the metrics of one point, and trains the run first unless its folder already has a
/// summary. It returns `None` when the user stopped the run.
fn point(
    path: &Path,
    config: &SimClrConfig,
    devices: (&str, &[Device]),
    observer: &dyn RunObserver,
) -> Result<Option<BTreeMap<String, f64>>> {
    let tell = &mut |sentence: &str| observer.tell(sentence);
    let folder = RunFolder::of(path, config, tell)?;
    if !folder.file("summary.json").is_file() {
        let resume = folder.newest_checkpoint(tell)?;
        if run_simclr(&folder, config, devices, resume, observer)?.is_none() {
            return Ok(None);
        }
    }
    let summary: BTreeMap<String, serde_json::Value> = folder.read_json("summary.json")?;
    let number = |name: &&str| Some(((*name).to_owned(), summary.get(*name)?.as_f64()?));
    Ok(Some(COLUMNS.iter().filter_map(number).collect()))
}

/// Returns the name of the folder for these settings. Characters that are not safe in a file name
/// become `-`.
fn folder_name(settings: &[String]) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "=.-_".contains(letter);
    let name = settings.join("_");
    // What may not be in a name is written as its code, so that two values never share a folder.
    let code = |letter: char| match fits(letter) {
        true => letter.to_string(),
        false => format!("%{:02x}", u32::from(letter)),
    };
    name.chars().map(code).collect()
}

fn cells(row: &Row) -> Vec<String> {
    let metrics = COLUMNS.iter().map(|name| match &row.outcome {
        Outcome::Metrics(metrics) => {
            metrics.get(*name).map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
        }
        Outcome::Failed(_) => "failed".to_owned(),
    });
    row.settings.iter().map(|(_, value)| value.clone()).chain(metrics).collect()
}

fn header(rows: &[Row]) -> Vec<String> {
    let keys =
        rows.first().map(|row| row.settings.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
    keys.unwrap_or_default().into_iter().chain(COLUMNS.map(str::to_owned)).collect()
}

fn write_csv(path: &Path, rows: &[Row]) -> Result<()> {
    let write = |out: &mut dyn std::io::Write| {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(header(rows))?;
        rows.iter().try_for_each(|row| writer.write_record(cells(row)))?;
        writer.flush()
    };
    Ok(write_atomically(path, write)?)
}

/// Formats the results as a table to print, with the best point first and failed points last. If
/// the seed is an axis, a second table with means over the seeds follows.
fn table(rows: &[Row]) -> String {
    let score = |row: &Row| match &row.outcome {
        Outcome::Metrics(metrics) => {
            COLUMNS[..2].iter().find_map(|name| metrics.get(*name).copied()).unwrap_or(-1.0)
        }
        Outcome::Failed(_) => -2.0,
    };
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let lines: Vec<Vec<String>> =
        std::iter::once(header(rows)).chain(sorted.into_iter().map(cells)).collect();
    let mut text = aligned(&lines);
    if rows.iter().any(|row| row.settings.iter().any(|(key, _)| key == "seed")) {
        text +=
            &format!("\nMean and standard deviation over seeds\n{}", aligned(&over_seeds(rows)));
    }
    text
}

fn over_seeds(rows: &[Row]) -> Vec<Vec<String>> {
    let mut groups: Vec<(Point, Vec<&BTreeMap<String, f64>>)> = Vec::new();
    for row in rows {
        let rest: Vec<_> = row.settings.iter().filter(|(key, _)| key != "seed").cloned().collect();
        let Outcome::Metrics(metrics) = &row.outcome else { continue };
        match groups.iter_mut().find(|(settings, _)| *settings == rest) {
            Some((_, group)) => group.push(metrics),
            None => groups.push((rest, vec![metrics])),
        }
    }
    let mut lines =
        vec![header(rows).into_iter().filter(|name| name != "seed").collect::<Vec<_>>()];
    for (settings, group) in groups {
        let spread = |name: &&str| {
            let values: Vec<f64> =
                group.iter().filter_map(|metrics| metrics.get(*name).copied()).collect();
            mean_and_spread(&values)
        };
        lines.push(
            settings
                .into_iter()
                .map(|(_, value)| value)
                .chain(COLUMNS.iter().map(spread))
                .collect(),
        );
    }
    lines
}

fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0))
        .collect();
    let line = |cells: &Vec<String>| {
        let cells: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
        cells.join("  ") + "\n"
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(text: &str) -> SweepAxis {
        text.parse().unwrap()
    }

    #[test]
    fn a_grid_has_every_combination_once() {
        let points = points(&[axis("temperature=0.1,0.5"), axis("seed=0,1,2")]);
        assert_eq!(points.len(), 6);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(points[1], [pair("temperature", "0.1"), pair("seed", "1")]);
        for wrong in ["temperature", "=1", "temperature=", "temperature=1,,2", "temperature=1,1"] {
            assert!(wrong.parse::<SweepAxis>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_best_comes_first_failures_last_and_seeds_have_a_spread() {
        let row = |temperature: &str, seed: &str, valid: Option<f64>| Row {
            settings: vec![
                ("temperature".into(), temperature.into()),
                ("seed".into(), seed.into()),
            ],
            outcome: match valid {
                Some(valid) => {
                    Outcome::Metrics(BTreeMap::from([("probe_accuracy_valid".to_owned(), valid)]))
                }
                None => Outcome::Failed("the loss is NaN".to_owned()),
            },
        };
        let rows = [
            row("0.1", "0", Some(0.5)),
            row("9", "0", None),
            row("0.2", "0", Some(0.9)),
            row("0.2", "1", Some(0.7)),
        ];
        let text = table(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].contains("temperature")
                && lines[1].contains("0.900")
                && lines[4].contains("failed"),
            "{text}"
        );
        assert!(text.contains("0.800 ± 0.141"), "{text}");
        assert_eq!(
            folder_name(&["loss.name=nt-xent".into(), "a=x/../y".into()]),
            "loss.name=nt-xent_a=x%2f..%2fy"
        );
    }
}
