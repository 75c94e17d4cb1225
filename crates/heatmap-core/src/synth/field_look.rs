//! [`Look`]: how one banner of a [`super::FieldPopulation`] differs from what its grid shares.

use rand::Rng;

use super::field_draws::gamma;
use super::population::{WHOLE, mixed};
use super::{
    Cluster, FieldBlob, FieldGrid, FieldLayout, FieldPopulation, Scene, Span, UniformClicks,
};
use crate::{Grid, Rect};

/// What is drawn at random for one banner, whether it works or not: its noise, shares, shift and
/// scale.
pub(super) struct Look<'a> {
    pub(super) grid: Grid,
    pub(super) field: &'a FieldGrid,
    /// The noise of this banner as a scene of [`WHOLE`] clicks.
    pub(super) noise: Scene,
    noise_share: f64,
    close_share: f64,
    concentration: f64,
    spread: Span<f64>,
    shift: (f64, f64),
    scale: (f64, f64),
}

impl<'a> Look<'a> {
    pub(super) fn draw(
        population: &FieldPopulation,
        field: &'a FieldGrid,
        rng: &mut impl Rng,
    ) -> Self {
        let Span { min, max } = population.noise;
        let shift = Span::new(-population.shift, population.shift);
        let mut look = Self {
            grid: population.grid,
            field,
            noise: Scene::default(),
            noise_share: (min + (max - min) * field.noise_part.draw(rng)).clamp(min, max),
            close_share: population.close_button.draw(rng),
            concentration: population.concentration.draw(rng),
            spread: population.spread,
            shift: (shift.draw(rng), shift.draw(rng)),
            scale: (population.scale.draw(rng), population.scale.draw(rng)),
        };
        look.noise = look.draw_noise(rng);
        look
    }

    /// Draws the scene of this banner in this layout as it is when the banner works: [`WHOLE`]
    /// clicks but for rounding.
    pub(super) fn working(&self, layout: &FieldLayout, rng: &mut impl Rng) -> Scene {
        let left = (1.0 - self.noise_share).max(f64::MIN_POSITIVE);
        let close = WHOLE * (self.close_share / left).min(1.0);
        let mut clusters = self.products(&layout.products, WHOLE - close, rng);
        let sigma = (self.field.close_sigma, self.field.close_sigma);
        let button = FieldBlob { place: self.field.close_button, sigma, weight: 1.0 };
        clusters.push(button.cluster(&self.grid, close.round() as u32));
        let signal = Scene { clusters, ..Default::default() };
        let mut scene = mixed(signal, 1.0 - self.noise_share, self.noise.clone());
        if let Some([left, top, right, bottom]) = self.field.dead_zone {
            scene.dead.push(Rect::fraction(&self.grid, left, top, right, bottom));
        }
        scene
    }

    /// Draws clusters for these products with `clicks` clicks in all: for each product a blob and
    /// its tail, with a weight drawn for this banner.
    pub(super) fn products(
        &self,
        products: &[FieldBlob],
        clicks: f64,
        rng: &mut impl Rng,
    ) -> Vec<Cluster> {
        let weights: Vec<f64> =
            products.iter().map(|p| p.weight * gamma(self.concentration, rng)).collect();
        let sum = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let mut clusters = Vec::with_capacity(2 * products.len());
        let FieldGrid { tail, tail_width, .. } = *self.field;
        for (product, weight) in products.iter().zip(weights) {
            let place = (
                moved(product.place.0, self.scale.0, self.shift.0),
                moved(product.place.1, self.scale.1, self.shift.1),
            );
            let sigma =
                (product.sigma.0 * self.spread.draw(rng), product.sigma.1 * self.spread.draw(rng));
            for (share, width) in [(1.0 - tail, 1.0), (tail, tail_width)] {
                let blob = FieldBlob { place, sigma: (sigma.0 * width, sigma.1 * width), weight };
                clusters
                    .push(blob.cluster(&self.grid, (clicks * share * weight / sum).round() as u32));
            }
        }
        clusters
    }

    /// Adds some noise to `signal`, at most the share that this banner has when all works.
    pub(super) fn with_noise(&self, signal: Scene, rng: &mut impl Rng) -> Scene {
        let noise = Span::new(0.0, self.noise_share).draw(rng);
        mixed(signal, 1.0 - noise, self.noise.clone())
    }

    /// Draws the noise of this banner: the parts of the grid's noise, in shares of the banner's
    /// own.
    fn draw_noise(&self, rng: &mut impl Rng) -> Scene {
        let FieldGrid { noise, even_noise, .. } = self.field;
        let sum = noise.iter().map(|blob| blob.weight).sum::<f64>().max(f64::MIN_POSITIVE);
        // Gamma factors on the shares, as in a Dirichlet distribution; mixing scales the sum to 1
        // again.
        let mut clicks = |share: f64| (WHOLE * share * gamma(2.0, rng)).round() as u32;
        let even = UniformClicks { region: Rect::whole(&self.grid), clicks: clicks(*even_noise) };
        let blobs = noise
            .iter()
            .map(|b| b.cluster(&self.grid, clicks((1.0 - even_noise) * b.weight / sum)));
        Scene { clusters: blobs.collect(), uniform: vec![even], dead: Vec::new() }
    }
}

/// Stretches a place about the middle of the banner and shifts it, along one axis.
fn moved(place: f64, scale: f64, shift: f64) -> f64 {
    (0.5 + (place - 0.5) * scale + shift).clamp(0.02, 0.98)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;

    #[test]
    fn a_working_banner_has_its_shares() {
        let population = FieldPopulation {
            noise: Span::only(0.3),
            close_button: Span::only(0.1),
            concentration: Span::only(1.0),
            ..Default::default()
        };
        for index in 0..50 {
            let field = FieldGrid::draw(1, index);
            let mut rng = sample_rng(2, index);
            let look = Look::draw(&population, &field, &mut rng);
            let layout = &field.layouts[0];
            let scene = look.working(layout, &mut rng);
            assert!((scene.total_clicks() as f64 - WHOLE).abs() < 50.0);
            let products = 2 * layout.products.len();
            assert_eq!(scene.clusters.len(), products + 1 + field.noise.len());
            let share = |clusters: &[Cluster]| {
                clusters.iter().map(|c| f64::from(c.clicks)).sum::<f64>() / WHOLE
            };
            assert!((share(&scene.clusters[..products]) - 0.6).abs() < 1e-4);
            assert!((share(&scene.clusters[products..=products]) - 0.1).abs() < 1e-4);
        }
    }

    #[test]
    fn a_moved_place_stays_on_the_banner() {
        assert_eq!(moved(0.5, 2.0, 0.0), 0.5);
        assert_eq!(moved(0.75, 1.5, 0.0625), 0.9375);
        assert_eq!((moved(0.05, 2.0, 0.0), moved(0.95, 1.0, 0.2)), (0.02, 0.98));
    }
}
