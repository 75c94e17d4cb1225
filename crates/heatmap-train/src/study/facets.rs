//! [`FacetView`]: shows whether features encode the number of clusters in a heatmap or their
//! places, by shares of variance, principal components and cosine similarities.

use heatmap_core::analysis::faer::Mat;
use heatmap_core::analysis::normalized_rows;
use heatmap_core::plot::{Matrix, Picture, Scatter, matrices, scatters};
use serde_json::{Map, Value};

use super::principal_plane::PrincipalPlane;
use crate::Result;
use crate::evaluation::{FacetSample, variance_share};
use crate::run::RunFolder;

/// An analysis of the features that one encoder computes for a set of [`FacetSample`]s.
#[derive(Debug, Clone)]
pub struct FacetView {
    name: String,
    /// Share of the variance between the groups of one count, and between the groups of one place.
    shares: [f64; 2],
    /// Mean cosine similarity of two heatmaps with the same count at different places, and of two
    /// heatmaps with different counts at the same place.
    same: [f64; 2],
    plane: PrincipalPlane,
    /// Cosine similarities of all pairs, `[samples, samples]` in row-major order.
    similarities: Vec<f64>,
}

impl FacetView {
    /// Analyses the features of the encoder called `name`. Row i of `features` belongs to sample i
    /// of `samples`.
    ///
    /// # Errors
    /// Returns an error when a feature is not finite, or when the features do not span two
    /// directions.
    pub fn new(name: &str, features: Mat<f64>, samples: &[FacetSample]) -> Result<Self> {
        let (counts, places): (Vec<usize>, Vec<usize>) =
            samples.iter().map(|s| (s.count, s.place)).unzip();
        let unit = normalized_rows(features.as_ref());
        let cosines = &unit * unit.transpose();
        let n = samples.len();
        let mean_of = |which: &dyn Fn(usize, usize) -> bool| {
            let pairs =
                (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|&(a, b)| which(a, b));
            let values: Vec<f64> = pairs.map(|(a, b)| cosines[(a, b)]).collect();
            values.iter().sum::<f64>() / values.len().max(1) as f64
        };
        Ok(Self {
            name: name.to_owned(),
            shares: [
                variance_share(features.as_ref(), &counts),
                variance_share(features.as_ref(), &places),
            ],
            same: [
                mean_of(&|a, b| counts[a] == counts[b] && places[a] != places[b]),
                mean_of(&|a, b| counts[a] != counts[b] && places[a] == places[b]),
            ],
            plane: PrincipalPlane::of(features.as_ref())?,
            similarities: (0..n * n).map(|at| cosines[(at / n, at % n)]).collect(),
        })
    }
}

/// Writes `facets.png` and `summary.json`, and returns a table to print.
///
/// # Errors
/// Returns an error when a picture cannot be drawn, or when a file cannot be written.
pub fn write_facets(
    folder: &RunFolder,
    views: &[FacetView],
    samples: &[FacetSample],
) -> Result<String> {
    let counts: Vec<usize> = samples.iter().map(|sample| sample.count - 1).collect();
    let places: Vec<usize> = samples.iter().map(|sample| sample.place).collect();
    let names = |labels: &[usize], what: &dyn Fn(usize) -> String| -> Vec<String> {
        (0..=labels.iter().copied().max().unwrap_or(0)).map(what).collect()
    };
    let count_names = names(&counts, &|at| {
        if at == 0 { "1 cluster".to_owned() } else { format!("{} clusters", at + 1) }
    });
    let place_names = names(&places, &|at| format!("place {}", at + 1));
    let components = |title: &str, labels: &[usize], label_names: &[String]| {
        let panels: Vec<Scatter<'_>> =
            views.iter().map(|view| view.plane.scatter(&view.name, labels)).collect();
        scatters(title, &panels, &label_names.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let similarities: Vec<Matrix<'_>> = views
        .iter()
        .map(|view| {
            let least = view.similarities.iter().copied().fold(f64::INFINITY, f64::min);
            Matrix { title: &view.name, values: &view.similarities, range: [least, 1.0] }
        })
        .collect();
    let notes = ["rows and columns:", "all heatmaps,", "by count, then", "by place"];
    let picture = Picture::stacked(&[
        components(
            "Principal components, coloured by the number of clusters",
            &counts,
            &count_names,
        )?,
        components("The same, coloured by the place", &places, &place_names)?,
        matrices("Cosine similarity of all pairs", &similarities, &notes)?,
    ]);
    picture.save_png(&folder.file("facets.png"))?;

    let mut values = Map::new();
    let mut table = format!(
        "{:<24}{:>14}{:>14}{:>14}{:>14}\n",
        "", "variance by", "variance by", "cosine, same", "cosine, same"
    );
    table += &format!("{:<24}{:>14}{:>14}{:>14}{:>14}\n", "", "count", "place", "count", "place");
    for view in views {
        let [count, place] = view.shares;
        let [same_count, same_place] = view.same;
        table += &format!(
            "{:<24}{count:>14.3}{place:>14.3}{same_count:>14.3}{same_place:>14.3}\n",
            view.name
        );
        let key = view.name.replace([' ', '-'], "_");
        for (what, value) in [
            ("variance_by_count", count),
            ("variance_by_place", place),
            ("cosine_same_count", same_count),
            ("cosine_same_place", same_place),
        ] {
            values.insert(format!("{key}_{what}"), Value::from(value));
        }
    }
    table +=
        &format!("{} heatmaps; variance of features, shares by count and by place", samples.len());
    folder.write_json("summary.json", &values)?;
    Ok(table)
}
