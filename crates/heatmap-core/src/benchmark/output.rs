//! Output of the benchmark: a text table, CSV files and curves.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::evaluate::{Comparison, Row};
use crate::detect::evaluation::Interval;
#[cfg(feature = "plot")]
use crate::plot::{Curve, curves};
use crate::{Result, write_atomically};

/// Formats the results as text: one line for each method with its AUROC at every click budget and
/// its macro-F1 at 200 clicks (at the middle budget where 200 is not among them), then the transfer
/// between grids and the recall of each defect.
pub fn table(comparison: &Comparison) -> String {
    let budgets = budgets(&comparison.rows);
    let mut text = String::from("AUROC over the click budget, 95 % intervals in benchmark.csv\n");
    let _ = write!(text, "{:37} {:47}", "score", "needs");
    budgets.iter().for_each(|budget| _ = write!(text, " {budget:>6}"));
    let _ = writeln!(text, "   macro-F1 at {}", shown(&budgets));
    for method in names(&comparison.rows) {
        let rows: Vec<&Row> = comparison.rows.iter().filter(|row| row.method == method).collect();
        let needs = format!(
            "{}{}",
            rows[0].regime,
            if rows[0].learned_elsewhere { " + labels elsewhere" } else { "" }
        );
        let _ = write!(text, "{method:37} {needs:47}");
        rows.iter().for_each(|row| _ = write!(text, " {:6.4}", row.auroc.estimate));
        let f1 = rows
            .iter()
            .find(|row| row.clicks == shown(&budgets))
            .map_or(f64::NAN, |row| row.macro_f1.estimate);
        let _ = writeln!(text, "   {f1:.3}");
    }
    let _ =
        writeln!(text, "\nmacro-F1 on another grid than the one that gave weights and threshold");
    for method in names(&comparison.transfer) {
        let _ = write!(text, "{method:85}");
        let rows = comparison.transfer.iter().filter(|row| row.method == method);
        rows.for_each(|row| _ = write!(text, " {:6.3}", row.macro_f1.estimate));
        text.push('\n');
    }
    let _ = writeln!(text, "\nshare flagged of each defect at {} clicks", shown(&budgets));
    for method in [
        "likelihood_ratio_aggregated",
        "known_defects",
        "bulk_average",
        "detect",
        "fusion",
        "fusion_without_known_defects",
    ] {
        let rows = comparison
            .defects
            .iter()
            .filter(|row| row.method == method && row.clicks == shown(&budgets));
        let shares: Vec<String> =
            rows.map(|row| format!("{} {:.2}", row.defect, row.recall)).collect();
        let _ = writeln!(text, "{method:37} {}", shares.join(", "));
    }
    text
}

/// The click budget whose macro-F1 is shown: 200 clicks, or the middle one where 200 is not among
/// them.
fn shown(budgets: &[u32]) -> u32 {
    budgets.iter().copied().find(|&budget| budget == 200).unwrap_or(budgets[budgets.len() / 2])
}

/// Writes `benchmark.csv` into `folder`: every result, with the limits of its interval where it has
/// one.
///
/// # Errors
/// When the file cannot be written.
pub fn write_rows(folder: &Path, comparison: &Comparison) -> Result<()> {
    let mut text = String::from("setting,method,needs,labels_of_other_grids,clicks");
    for name in ["auroc", "auroc_gain", "aupr", "macro_f1"] {
        let _ = write!(text, ",{name},{name}_low,{name}_high");
    }
    text += ",auroc_within_grid,f1,false_alarms,recall,brier\n";
    for (setting, rows) in
        [("all known grids", &comparison.rows), ("one known grid", &comparison.transfer)]
    {
        for row in rows {
            let _ = write!(
                text,
                "{setting},{},{},{},{}",
                row.method,
                row.regime,
                u8::from(row.learned_elsewhere),
                row.clicks
            );
            for Interval { estimate, low, high } in
                [row.auroc, row.auroc_gain, row.aupr, row.macro_f1]
            {
                let _ = write!(text, ",{estimate:.5},{low:.5},{high:.5}");
            }
            let brier = row.brier.map(|brier| format!("{brier:.5}")).unwrap_or_default();
            let _ = writeln!(
                text,
                ",{:.5},{:.5},{:.5},{:.5},{brier}",
                row.auroc_within, row.f1, row.false_alarms, row.recall
            );
        }
    }
    write_atomically(&folder.join("benchmark.csv"), |out| out.write_all(text.as_bytes()))
}

/// Writes `defects.csv` into `folder`: the share of the banners with each defect that each method
/// flags.
///
/// # Errors
/// When the file cannot be written.
pub fn write_defects(folder: &Path, comparison: &Comparison) -> Result<()> {
    let mut text = String::from("method,clicks,defect,banners,recall\n");
    for row in &comparison.defects {
        let _ = writeln!(
            text,
            "{},{},{},{},{:.4}",
            row.method, row.clicks, row.defect, row.banners, row.recall
        );
    }
    write_atomically(&folder.join("defects.csv"), |out| out.write_all(text.as_bytes()))
}

#[cfg(feature = "plot")]
/// Writes `auroc.png` and `macro_f1.png` into `folder`: curves of the most important methods over
/// the click budget.
///
/// # Errors
/// When a curve cannot be drawn or a file cannot be written.
pub fn write_curves(folder: &Path, comparison: &Comparison) -> Result<()> {
    let wanted = [
        "fusion",
        "one_shot_fusion",
        "detect",
        "bulk_average",
        "known_defects",
        "likelihood_ratio_z",
        "zero_shot_fusion",
        "zero_shot",
        "isolation_forest",
        "layout_distance",
    ];
    type Value = fn(&Row) -> f64;
    let auroc: Value = |row| row.auroc.estimate;
    let macro_f1: Value = |row| row.macro_f1.estimate;
    for (file, title, value) in
        [("auroc.png", "AUROC", auroc), ("macro_f1.png", "macro-F1", macro_f1)]
    {
        let points: Vec<(&str, Vec<(f64, f64)>)> = wanted
            .iter()
            .map(|name| {
                let rows = comparison.rows.iter().filter(|row| row.method == *name);
                (*name, rows.map(|row| (f64::from(row.clicks).log10(), value(row))).collect())
            })
            .collect();
        let lines: Vec<Curve<'_>> =
            points.iter().map(|(name, points)| Curve { name, points }).collect();
        let title = format!("{title} on grids that were not learned from");
        curves(&title, "log10 of the clicks of a banner", file.trim_end_matches(".png"), &lines)?
            .save_png(&folder.join(file))?;
    }
    Ok(())
}

/// Returns the main results as named numbers for `summary.json`.
pub fn summary(comparison: &Comparison) -> BTreeMap<String, f64> {
    let mut map = BTreeMap::new();
    for row in &comparison.rows {
        map.insert(format!("auroc_{}_{}", row.method, row.clicks), row.auroc.estimate);
        map.insert(format!("auroc_gain_low_{}_{}", row.method, row.clicks), row.auroc_gain.low);
        map.insert(format!("macro_f1_{}_{}", row.method, row.clicks), row.macro_f1.estimate);
    }
    for row in &comparison.transfer {
        map.insert(
            format!("transfer_macro_f1_{}_{}", row.method, row.clicks),
            row.macro_f1.estimate,
        );
    }
    map
}

fn budgets(rows: &[Row]) -> Vec<u32> {
    let mut budgets: Vec<u32> = rows.iter().map(|row| row.clicks).collect();
    budgets.dedup();
    budgets
}

/// The distinct method names, in the order of the rows.
fn names(rows: &[Row]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    rows.iter().for_each(|row| {
        names.extend((!names.contains(&row.method.as_str())).then_some(row.method.as_str()))
    });
    names
}
