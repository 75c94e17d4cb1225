//! The named presets: the published protocols as they are, and a separable counterpart of each
//! task.
//!
//! `*-report` follows the report to the letter where the report says something. `*-separable` can
//! be solved by an ideal observer: clusters keep their distance, so what is counted or located is
//! there to be seen.

use super::{
    Arrangement, Broken, BrokenKind, CentrePlacement, ClassSpec, Clusters, Family, Lines,
    Orientation, Preset, Products, Span, Spread,
};
use crate::{Error, Grid, Result};

/// The names of presets that [`Preset::named`] knows.
pub const PRESET_NAMES: [&str; 7] = [
    "simclr-report",
    "simclr-wide",
    "count-report",
    "count-separable",
    "location-report",
    "location-separable",
    "banners",
];

/// Range of the total number of clicks where it is drawn without regard to the class.
const ANY_TOTAL: Span<u32> = Span::new(2_000, 20_000);

impl Preset {
    /// Returns the preset of this name; see [`PRESET_NAMES`].
    ///
    /// # Errors
    /// Returns an error that lists all names when there is no preset of this name.
    pub fn named(name: &str) -> Result<Self> {
        preset(name)
    }

    /// Makes a preset of good and broken banners. A banner is broken with probability `prevalence`;
    /// the eight broken kinds are equally frequent, and so are the five arrangements of good
    /// banners. `total_clicks` is the range of the clicks of a banner.
    ///
    /// # Errors
    /// Returns an error when `prevalence` is not from 0 to 1 or `total_clicks` is not an ascending
    /// pair.
    pub fn banners(prevalence: f64, total_clicks: Span<u32>) -> Result<Self> {
        banners(prevalence, total_clicks)
    }
}

fn preset(name: &str) -> Result<Preset> {
    let preset = match name {
        "simclr-report" => simclr_report(),
        "simclr-wide" => simclr_wide(),
        "count-report" => by_count(name, 20, None, &count_report()),
        "count-separable" => by_count(name, 20, Some(ANY_TOTAL), &count_separable()),
        "location-report" => by_count(name, 6, None, &location_report()),
        "location-separable" => by_count(name, 6, Some(ANY_TOTAL), &location_separable()),
        "banners" => banners(0.1, Span::new(50, 2_000))?,
        _ => {
            return Err(Error::UnknownPreset {
                name: name.to_owned(),
                known: PRESET_NAMES.join(", "),
            });
        }
    };
    debug_assert!(preset.check().is_ok(), "{:?}", preset.check());
    Ok(preset)
}

/// SimCLR as in the report: 1 to 8 clusters, centres anywhere, one standard deviation per cluster
/// from 1 to 10 bins. The report gives no number of clicks: here they are shared equally among the
/// clusters, and their total is drawn without regard to the class.
fn simclr_report() -> Preset {
    let clusters = Clusters {
        count: Span::only(1),
        centres: CentrePlacement::Uniform { margin_bins: 0.0 },
        spread: Spread::SigmaBins(Span::new(1.0, 10.0)),
        clicks_per_cluster: Span::only(1_000),
        noise_clicks: Span::only(0),
        min_separation_bins: 0.0,
    };
    let mut preset = by_count("simclr-report", 8, Some(ANY_TOTAL), &clusters);
    preset.classes.remove(0);
    preset
}

/// All families: 8 numbers of clusters, 4 of vertical and 4 of horizontal lines, 4 mixes of both,
/// the 5 product layouts and the 8 broken kinds: 33 classes for larger batches.
fn simclr_wide() -> Preset {
    let clusters = Clusters {
        count: Span::only(1),
        centres: CentrePlacement::Uniform { margin_bins: 3.0 },
        spread: Spread::SigmaBins(Span::new(1.0, 4.0)),
        clicks_per_cluster: Span::new(500, 1_500),
        noise_clicks: Span::new(0, 500),
        min_separation_bins: 8.0,
    };
    let lines = |orientation, lines| {
        Family::Lines(Lines {
            orientation,
            lines: Span::only(lines),
            clusters_per_line: Span::new(3, 6),
            sigma_bins: Span::new(0.8, 2.0),
            jitter: 0.2,
            min_line_distance_bins: 8.0,
            clicks_per_cluster: Span::new(500, 1_500),
            noise_clicks: Span::new(0, 500),
        })
    };
    let mut classes = by_count("", 8, None, &clusters).classes;
    classes.remove(0);
    for n in 1..=4 {
        classes.push(class(format!("{n} vertical"), lines(Orientation::Vertical, n)));
    }
    for n in 1..=4 {
        classes.push(class(format!("{n} horizontal"), lines(Orientation::Horizontal, n)));
    }
    for (v, h) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        let both = vec![lines(Orientation::Vertical, v), lines(Orientation::Horizontal, h)];
        classes.push(class(format!("{v} vertical {h} horizontal"), Family::Mixture(both)));
    }
    classes.extend(good_classes(1.0, ANY_TOTAL));
    classes.extend(broken_classes(1.0, ANY_TOTAL));
    Preset {
        name: "simclr-wide".to_owned(),
        grid: Grid::MEDIUM_RECTANGLE,
        total_clicks: Some(ANY_TOTAL),
        classes,
    }
}

/// Count task of the report: up to 2,000 clicks a cluster, variances up to 30 bins squared, up to
/// 10,000 clicks of noise.
fn count_report() -> Clusters {
    Clusters {
        count: Span::only(0),
        centres: CentrePlacement::Uniform { margin_bins: 0.0 },
        spread: Spread::VarianceBins2(Span::new(0.0, 30.0)),
        clicks_per_cluster: Span::new(1, 2_000),
        noise_clicks: Span::new(0, 10_000),
        min_separation_bins: 0.0,
    }
}

fn count_separable() -> Clusters {
    Clusters {
        count: Span::only(0),
        centres: CentrePlacement::Uniform { margin_bins: 2.0 },
        spread: Spread::VarianceBins2(Span::new(0.5, 2.0)),
        clicks_per_cluster: Span::new(500, 1_500),
        noise_clicks: Span::new(100, 2_000),
        min_separation_bins: 8.0,
    }
}

/// Location task of the report: 100 to 1,000 clicks a cluster, variances up to 10 bins squared,
/// 1,000 to 20,000 of noise.
fn location_report() -> Clusters {
    Clusters {
        count: Span::only(0),
        centres: CentrePlacement::Uniform { margin_bins: 0.0 },
        spread: Spread::VarianceBins2(Span::new(0.0, 10.0)),
        clicks_per_cluster: Span::new(100, 1_000),
        noise_clicks: Span::new(1_000, 20_000),
        min_separation_bins: 0.0,
    }
}

fn location_separable() -> Clusters {
    Clusters {
        count: Span::only(0),
        centres: CentrePlacement::Uniform { margin_bins: 3.0 },
        spread: Spread::VarianceBins2(Span::new(1.0, 4.0)),
        clicks_per_cluster: Span::new(500, 1_000),
        noise_clicks: Span::new(100, 1_000),
        min_separation_bins: 12.0,
    }
}

fn banners(prevalence: f64, total_clicks: Span<u32>) -> Result<Preset> {
    Span::only(prevalence).check("prevalence", 0.0, 1.0)?;
    total_clicks.check("total_clicks", 0, 100_000_000)?;
    let mut classes =
        good_classes((1.0 - prevalence) / Arrangement::ALL.len() as f64, total_clicks);
    classes.extend(broken_classes(prevalence / BrokenKind::ALL.len() as f64, total_clicks));
    Ok(Preset {
        name: "banners".to_owned(),
        grid: Grid::MEDIUM_RECTANGLE,
        total_clicks: Some(total_clicks),
        classes,
    })
}

/// Makes a preset with a class for every number of clusters from 0 to `most`; the label is the
/// number.
fn by_count(name: &str, most: u32, total_clicks: Option<Span<u32>>, config: &Clusters) -> Preset {
    let class_of = |n| {
        let family = Family::Clusters(Clusters { count: Span::only(n), ..config.clone() });
        class(if n == 1 { "1 cluster".to_owned() } else { format!("{n} clusters") }, family)
    };
    Preset {
        name: name.to_owned(),
        grid: Grid::MEDIUM_RECTANGLE,
        total_clicks,
        classes: (0..=most).map(class_of).collect(),
    }
}

fn good_classes(weight: f64, clicks: Span<u32>) -> Vec<ClassSpec> {
    let class_of = |arrangement: Arrangement| ClassSpec {
        name: format!("good {}", arrangement.name()),
        weight,
        family: Family::Products(Products::usual(arrangement, clicks)),
    };
    Arrangement::ALL.iter().copied().map(class_of).collect()
}

fn broken_classes(weight: f64, clicks: Span<u32>) -> Vec<ClassSpec> {
    let class_of = |kind: BrokenKind| ClassSpec {
        name: format!("broken {}", kind.name()),
        weight,
        family: Family::Broken(Broken::usual(kind, clicks)),
    };
    BrokenKind::ALL.iter().copied().map(class_of).collect()
}

fn class(name: String, family: Family) -> ClassSpec {
    ClassSpec { name, weight: 1.0, family }
}
