//! The scene of a [`FieldDefect`]: where the clicks land that it takes.

use rand::{Rng, RngExt};

use super::field_look::Look;
use super::population::WHOLE;
use super::{Broken, BrokenKind, Cluster, FieldBlob, FieldDefect, Scene, Span, UniformClicks};
use crate::{Point, Rect, SampleRng};

impl FieldDefect {
    /// Draws where the clicks land that the defect takes, on a banner with this look and layout
    /// whose scene would be `good` if it worked.
    pub(super) fn scene(
        self,
        look: &Look<'_>,
        layout: usize,
        good: &Scene,
        rng: &mut SampleRng,
    ) -> Scene {
        let grid = look.grid;
        let blob =
            |place, sigma| FieldBlob { place, sigma, weight: 1.0 }.cluster(&grid, WHOLE as u32);
        let mut scene = Scene::default();
        match self {
            Self::CloseButton => {
                let sigma = look.field.close_sigma;
                scene.clusters.push(blob(look.field.close_button, (sigma, sigma)));
            }
            Self::Spot => {
                let sigma = Span::new(0.006, 0.04);
                scene.clusters.push(blob(
                    spot(look.field.close_button, rng),
                    (sigma.draw(rng), sigma.draw(rng)),
                ));
            }
            Self::Edge => {
                scene.uniform.push(UniformClicks { region: strip(look, rng), clicks: WHOLE as u32 })
            }
            Self::Cloud => {
                let (place, sigma) = (Span::new(0.42, 0.58), Span::new(0.09, 0.24));
                let place = (place.draw(rng), place.draw(rng));
                scene.clusters.push(blob(place, (sigma.draw(rng), sigma.draw(rng))));
            }
            Self::Everywhere => {
                if rng.random_bool(0.5) {
                    return look.noise.clone();
                }
                scene
                    .uniform
                    .push(UniformClicks { region: Rect::whole(&grid), clicks: WHOLE as u32 });
            }
            Self::Foreign => return look.working(&look.field.foreign, rng),
            Self::OneProduct => scene.clusters = one_product(look, layout, rng),
            Self::Diagonal => {
                let kind = Broken::usual(BrokenKind::Diagonal, Span::only(WHOLE as u32));
                scene.clusters =
                    Broken { noise: Span::only(0.0), ..kind }.scene(&grid, rng).clusters;
            }
            Self::WrongSize => return shrunk(look, good, rng),
        }
        look.with_noise(scene, rng)
    }
}

/// Draws a place near the rim and away from the close button.
fn spot(close_button: (f64, f64), rng: &mut impl Rng) -> (f64, f64) {
    let inset = Span::new(0.02, 0.09);
    loop {
        let depth = inset.draw(rng);
        let along = match rng.random_range(0..3) {
            0 => inset.draw(rng),
            1 => Span::new(0.44, 0.56).draw(rng),
            _ => Span::new(0.03, 0.97).draw(rng),
        };
        let (depth, along) = (mirrored(depth, rng), mirrored(along, rng));
        let place = if rng.random_bool(0.5) { (depth, along) } else { (along, depth) };
        if libm::hypot(place.0 - close_button.0, place.1 - close_button.1) > 0.12 {
            return place;
        }
    }
}

/// Returns `at` or, with probability one half, 1 - `at`: the same distance from the opposite side.
fn mirrored(at: f64, rng: &mut impl Rng) -> f64 {
    if rng.random_bool(0.5) { at } else { 1.0 - at }
}

/// Draws a strip along all of an edge, or along at least half of it.
fn strip(look: &Look<'_>, rng: &mut impl Rng) -> Rect {
    let depth = Span::new(0.02, 0.1).draw(rng);
    let length = if rng.random_bool(0.5) { 1.0 } else { Span::new(0.5, 1.0).draw(rng) };
    let start = Span::new(0.0, 1.0 - length).draw(rng);
    let near = if rng.random_bool(0.5) { 0.0 } else { 1.0 - depth };
    if rng.random_bool(0.5) {
        Rect::fraction(&look.grid, near, start, near + depth, start + length)
    } else {
        Rect::fraction(&look.grid, start, near, start + length, near + depth)
    }
}

/// Draws the blob of one product. Products with more than half of the clicks are left out: a banner
/// on which such a product is the only one hardly looks broken.
fn one_product(look: &Look<'_>, layout: usize, rng: &mut SampleRng) -> Vec<Cluster> {
    let products = &look.field.layouts[layout].products;
    let sum: f64 = products.iter().map(|product| product.weight).sum();
    let small: Vec<FieldBlob> =
        products.iter().copied().filter(|product| product.weight <= 0.5 * sum).collect();
    let at = rng.random_range(0..small.len().max(1));
    small.get(at).map_or_else(Vec::new, |product| look.products(&[*product], WHOLE, rng))
}

/// Shrinks the arrangement of all blobs, and the blobs by as much, towards a corner or the middle;
/// even noise stays.
fn shrunk(look: &Look<'_>, good: &Scene, rng: &mut impl Rng) -> Scene {
    let scale = Span::new(0.4, 0.75).draw(rng);
    // The point that stays in place: in half of the cases, or more, the top-left corner.
    let (x, y) = match rng.random_range(0..4) {
        0 | 1 => (0.0, 0.0),
        2 => (0.5, 0.5),
        _ => (mirrored(0.0, rng), mirrored(0.0, rng)),
    };
    let fixed = Point { x: x * look.grid.columns as f64, y: y * look.grid.rows as f64 };
    let shrunk = |cluster: &Cluster| Cluster {
        centre: Point {
            x: fixed.x + (cluster.centre.x - fixed.x) * scale,
            y: fixed.y + (cluster.centre.y - fixed.y) * scale,
        },
        covariance: cluster.covariance.map(|c| c * scale * scale),
        ..*cluster
    };
    Scene {
        clusters: good.clusters.iter().map(shrunk).collect(),
        uniform: good.uniform.clone(),
        dead: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::{FieldGrid, FieldPopulation};
    use crate::{Grid, Heatmap, sample_rng};

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    /// A banner that has this defect and nothing else.
    fn drawn(defect: FieldDefect, index: u64) -> (FieldGrid, Heatmap) {
        let population = FieldPopulation {
            prevalence: 1.0,
            severity: Span::only(1.0),
            shared: Some(defect),
            noise: Span::only(0.0),
            close_button: Span::only(0.0),
            ..Default::default()
        };
        population.check().unwrap();
        let field = FieldGrid { burstiness: 1.0, ..FieldGrid::draw(3, index) };
        let heatmap = population.banner(&field, 4, index, 1_000).heatmap;
        (field, heatmap)
    }

    /// Mean and standard deviation of x and y as fractions.
    fn moments(heatmap: &Heatmap) -> [(f64, f64); 2] {
        [GRID.columns, GRID.rows].map(|bins| {
            let at = |bin: usize| {
                let bin =
                    if bins == GRID.columns { bin % GRID.columns } else { bin / GRID.columns };
                (bin as f64 + 0.5) / bins as f64
            };
            let all =
                || heatmap.values().iter().enumerate().map(|(bin, &v)| (at(bin), f64::from(v)));
            let mean = all().map(|(x, v)| x * v).sum::<f64>() / heatmap.total();
            let variance =
                all().map(|(x, v)| (x - mean).powi(2) * v).sum::<f64>() / heatmap.total();
            (mean, variance.sqrt())
        })
    }

    #[test]
    fn each_defect_lands_where_its_name_says() {
        for index in 0..30 {
            let (field, heatmap) = drawn(FieldDefect::CloseButton, index);
            let [(x, sx), (y, sy)] = moments(&heatmap);
            let (at_x, at_y) = field.close_button;
            assert!(libm::hypot(x - at_x, y - at_y) < 0.03 && sx < 0.03 && sy < 0.03);
            let [(x, sx), (y, sy)] = moments(&drawn(FieldDefect::Spot, index).1);
            assert!(x.min(1.0 - x).min(y).min(1.0 - y) < 0.13 && sx < 0.05 && sy < 0.05);
            assert!(libm::hypot(x - at_x, y - at_y) > 0.06);
            let [(x, sx), (y, sy)] = moments(&drawn(FieldDefect::Edge, index).1);
            assert!(
                x.min(1.0 - x).min(y).min(1.0 - y) < 0.08 && sx.min(sy) < 0.05 && sx.max(sy) > 0.12
            );
            let [(x, sx), (y, sy)] = moments(&drawn(FieldDefect::Cloud, index).1);
            assert!((x - 0.5).abs() < 0.11 && (y - 0.5).abs() < 0.11 && sx > 0.07 && sy > 0.07);
            let [(_, sx), (_, sy)] = moments(&drawn(FieldDefect::Everywhere, index).1);
            assert!(sx > 0.1 && sy > 0.1);
        }
    }

    #[test]
    fn a_spot_is_drawn_at_every_edge_and_corner() {
        let mut rng = sample_rng(1, 0);
        let places: Vec<_> = (0..400).map(|_| spot((0.05, 0.05), &mut rng)).collect();
        for (x, y) in [
            (0.05, 0.95),
            (0.95, 0.05),
            (0.95, 0.95),
            (0.5, 0.05),
            (0.5, 0.95),
            (0.05, 0.5),
            (0.95, 0.5),
        ] {
            assert!(
                places.iter().filter(|p| libm::hypot(p.0 - x, p.1 - y) < 0.1).count() > 10,
                "({x}, {y})"
            );
        }
    }

    #[test]
    fn a_banner_of_the_wrong_size_is_small_and_one_product_smaller() {
        let spread = |defect| {
            let spread = |index| moments(&drawn(defect, index).1).map(|(_, sd)| sd);
            (0..60).map(spread).map(|[x, y]| x + y).sum::<f64>() / 60.0
        };
        let (foreign, small, one) = (
            spread(FieldDefect::Foreign),
            spread(FieldDefect::WrongSize),
            spread(FieldDefect::OneProduct),
        );
        assert!(small < 0.75 * foreign && one < 0.8 * small, "{foreign} {small} {one}");
    }
}
