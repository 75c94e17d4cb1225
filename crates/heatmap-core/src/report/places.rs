//! Where on a banner its score comes from: the nine regions and the strongest bins, as tables that
//! need no script.

use std::io::{self, Write};

use super::data::{BannerPictures, ReportAnchor};
use super::text::{clicks, signed};
use crate::Heatmap;

/// Names of the nine regions of a banner, row-major.
const REGIONS: [&str; 9] = [
    "top left",
    "top middle",
    "top right",
    "left",
    "middle",
    "right",
    "bottom left",
    "bottom middle",
    "bottom right",
];

/// Explains the column of the network in a tooltip.
const NETWORK_HELP: &str =
    "By how much the network's log odds of broken fall when the clicks here are as on like banners";

/// Number of rows in a table.
const LINES: usize = 4;

/// Writes two tables: the regions with the largest absolute sums of drivers, and the bins with the
/// largest absolute drivers.
pub(super) fn write_places(
    out: &mut dyn Write,
    pictures: &BannerPictures,
    anchor: Option<&ReportAnchor>,
) -> io::Result<()> {
    let sums = regions(&pictures.heatmap, |bin| f64::from(pictures.drivers[bin]));
    let shares = click_shares(&pictures.heatmap);
    let anchor_shares = anchor.map(|anchor| click_shares(&anchor.heatmap));
    write!(
        out,
        "<table class=\"small\"><caption>By region of the \
         banner</caption><thead><tr><th>Region</th>"
    )?;
    write!(out, "<th class=\"n\">Clicks here</th>")?;
    if anchor_shares.is_some() {
        write!(out, "<th class=\"n\">Anchor</th>")?;
    }
    write!(out, "<th class=\"n\">Against expected</th>")?;
    if pictures.network.is_some() {
        write!(out, "<th class=\"n\" title=\"{NETWORK_HELP}\">Network</th>")?;
    }
    write!(out, "</tr></thead><tbody>")?;
    for region in strongest(&sums) {
        write!(
            out,
            "<tr><td>{}</td><td class=\"n\">{}</td>",
            REGIONS[region],
            percent(shares[region])
        )?;
        if let Some(anchor) = &anchor_shares {
            write!(out, "<td class=\"n\">{}</td>", percent(anchor[region]))?;
        }
        write!(out, "<td class=\"n\">{}</td>", signed(sums[region]))?;
        if let Some(network) = &pictures.network {
            write!(out, "<td class=\"n\">{}</td>", signed(network[region]))?;
        }
        write!(out, "</tr>")?;
    }
    write!(out, "</tbody></table>")?;

    let drivers: Vec<f64> = pictures.drivers.iter().map(|&v| f64::from(v)).collect();
    write!(
        out,
        "<table class=\"small\"><caption>Strongest bins</caption><thead><tr><th>Bin, px from the \
         top left</th>"
    )?;
    write!(
        out,
        "<th class=\"n\">Clicks</th><th class=\"n\">Against expected</th></tr></thead><tbody>"
    )?;
    let grid = pictures.heatmap.grid();
    for bin in strongest(&drivers) {
        let (row, column) = (bin / grid.columns, bin % grid.columns);
        let edges = |at: usize| (at as f64 * grid.bin_size_px, (at + 1) as f64 * grid.bin_size_px);
        let ((left, right), (top, bottom)) = (edges(column), edges(row));
        let value = clicks(f64::from(pictures.heatmap.values()[bin]));
        write!(out, "<tr><td>x {left}–{right}, y {top}–{bottom}</td><td class=\"n\">{value}</td>")?;
        write!(out, "<td class=\"n\">{}</td></tr>", signed(drivers[bin]))?;
    }
    write!(out, "</tbody></table>")
}

/// The sum of the drivers above 0 and that of those below 0.
pub(super) fn sides(drivers: &[f32]) -> (f64, f64) {
    let sum =
        |sign: f64| drivers.iter().map(|&v| f64::from(v)).filter(|v| v * sign > 0.0).sum::<f64>();
    (sum(1.0), sum(-1.0))
}

/// The sum of `value` over the bins of each region.
fn regions(heatmap: &Heatmap, value: impl Fn(usize) -> f64) -> [f64; 9] {
    let grid = heatmap.grid();
    let mut sums = [0.0; 9];
    for bin in 0..grid.len() {
        let (row, column) = (bin / grid.columns, bin % grid.columns);
        sums[3 * (3 * row / grid.rows) + 3 * column / grid.columns] += value(bin);
    }
    sums
}

fn click_shares(heatmap: &Heatmap) -> [f64; 9] {
    let total = heatmap.total().max(f64::MIN_POSITIVE);
    regions(heatmap, |bin| f64::from(heatmap.values()[bin])).map(|sum| sum / total)
}

/// Indices of the values furthest from 0, the furthest first; zeros are left out.
fn strongest(values: &[f64]) -> impl Iterator<Item = usize> {
    let mut places: Vec<usize> = (0..values.len()).filter(|&at| values[at] != 0.0).collect();
    places.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
    places.into_iter().take(LINES)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grid;

    const GRID: Grid = Grid { rows: 50, columns: 60, bin_size_px: 5.0 };

    fn pictures() -> BannerPictures {
        let (mut clicks, mut drivers) = (vec![0.0; GRID.len()], vec![0.0; GRID.len()]);
        for (row, column, n, driver) in
            [(49, 0, 6.0, 0.75), (48, 1, 1.0, 0.125), (25, 30, 3.0, -0.5)]
        {
            clicks[row * 60 + column] = n;
            drivers[row * 60 + column] = driver;
        }
        BannerPictures {
            heatmap: Heatmap::from_values(GRID, clicks).unwrap(),
            drivers,
            network: None,
            anchor: None,
        }
    }

    #[test]
    fn the_tables_name_the_places() {
        let mut out = Vec::new();
        write_places(&mut out, &pictures(), None).unwrap();
        let html = String::from_utf8(out).unwrap();
        let line = "<tr><td>bottom left</td><td class=\"n\">70 %</td><td \
                    class=\"n\">+0.875</td></tr>\
                    <tr><td>middle</td><td class=\"n\">30 %</td><td \
                    class=\"n\">−0.500</td></tr></tbody>";
        assert!(html.contains(line), "{html}");
        let bin = "<tbody><tr><td>x 0–5, y 245–250</td><td class=\"n\">6</td><td \
                   class=\"n\">+0.750</td></tr>\
                   <tr><td>x 150–155, y 125–130</td><td class=\"n\">3</td>";
        assert!(html.contains(bin), "{html}");
        assert!(!html.contains("Anchor"));
    }

    #[test]
    fn what_a_network_is_told_by_each_place_stands_beside_it() {
        let mut network = [0.0; 9];
        (network[6], network[4]) = (2.5, -0.25);
        let mut out = Vec::new();
        write_places(&mut out, &BannerPictures { network: Some(network), ..pictures() }, None)
            .unwrap();
        let html = String::from_utf8(out).unwrap();
        let line = "<tr><td>bottom left</td><td class=\"n\">70 %</td><td class=\"n\">+0.875</td>\
                    <td class=\"n\">+2.500</td></tr>";
        assert!(
            html.contains(line) && html.contains("−0.250") && html.contains(">Network</th>"),
            "{html}"
        );
    }

    #[test]
    fn the_sides_sum_to_the_score() {
        assert_eq!(sides(&pictures().drivers), (0.875, -0.5));
        assert_eq!(sides(&[]), (0.0, 0.0));
    }

    #[test]
    fn every_bin_is_in_one_region_also_on_a_tiny_grid() {
        for (rows, columns) in [(1, 1), (2, 1), (1, 7), (120, 60)] {
            let heatmap = Heatmap::zeros(Grid { rows, columns, bin_size_px: 5.0 });
            assert_eq!(regions(&heatmap, |_| 1.0).iter().sum::<f64>(), (rows * columns) as f64);
        }
    }
}
