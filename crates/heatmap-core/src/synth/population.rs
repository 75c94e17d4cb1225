//! [`Population`]: banners of many grids as a log has them, most of them good, some broken, some
//! broken only a little.
//!
//! All banners of a grid share its [`Layout`]. They differ in the weight of its products, a little
//! in their place, in the share and the spread of the noise, and in the clicks. A defect takes a
//! share of the clicks, not always all of them: a banner whose code is dead on some phones still
//! works on others. So a mild defect at few clicks cannot be told from a good banner for certain.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::layout::jittered;
use super::{Broken, BrokenKind, Cluster, Layout, Scene, Span, UniformClicks};
use crate::{Error, Grid, Heatmap, Point, Rect, Result, SampleRng, sample_rng};

/// What is wrong with a broken banner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// One of the eight kinds: clicks land in one place that has no product, or all over.
    Misplaced(BrokenKind),
    /// The banner is drawn too small in its frame, in the top-left corner, as if made for another
    /// size.
    WrongSize,
    /// Clicks land in one place that is none of the eight and has no product: a defect that nobody
    /// has described yet.
    Stray,
}

/// Configures a population of banners. Shares, 0 to 1, are of the clicks of a banner; what they
/// leave falls on the products.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Population {
    /// Bins of every heatmap.
    pub grid: Grid,
    /// Share of banners that are broken.
    pub prevalence: f64,
    /// Share of a broken banner's clicks that the defect takes.
    pub severity: Span<f64>,
    /// Factor on the weight of each product, for each banner.
    pub popularity: Span<f64>,
    /// Factor on the size of each product's blob, for each banner.
    pub spread: Span<f64>,
    /// Largest displacement of a product on one banner as a share of the banner's width and height.
    pub jitter: f64,
    /// Share of the clicks on the close button.
    pub close_button: Span<f64>,
    /// Share of noise, which falls anywhere or around one random place.
    pub noise: Span<f64>,
}

impl Default for Population {
    fn default() -> Self {
        Self {
            grid: Grid::MEDIUM_RECTANGLE,
            prevalence: 0.08,
            severity: Span::new(0.25, 1.0),
            popularity: Span::new(0.3, 1.7),
            spread: Span::new(0.8, 1.4),
            jitter: 0.03,
            close_button: Span::new(0.01, 0.12),
            noise: Span::new(0.02, 0.3),
        }
    }
}

/// A banner of a [`Population`] together with the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationBanner {
    /// The defect of the banner; `None` when it works.
    pub defect: Option<Defect>,
    /// Share of its clicks, 0 to 1, that the defect takes; 0 when the banner works.
    pub severity: f64,
    /// Clicks per bin.
    pub heatmap: Heatmap,
}

impl Population {
    /// Checks the configuration.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used.
    pub fn check(&self) -> Result<()> {
        if self.grid.is_empty() {
            return Err(Error::config("grid", format!("{:?}", self.grid), "has no bin"));
        }
        Span::only(self.prevalence).check("prevalence", 0.0, 1.0)?;
        self.severity.check("severity", 0.0, 1.0)?;
        self.popularity.check("popularity", 1e-6, 1e6)?;
        self.spread.check("spread", 1e-3, 10.0)?;
        Span::only(self.jitter).check("jitter", 0.0, 0.06)?;
        self.close_button.check("close_button", 0.0, 1.0)?;
        self.noise.check("noise", 0.0, 1.0)?;
        if self.close_button.max + self.noise.max > 1.0 {
            let both = self.close_button.max + self.noise.max;
            return Err(Error::config(
                "close_button + noise",
                both,
                "shares above 1 leave the products nothing",
            ));
        }
        Ok(())
    }

    /// Draws banner `index` of the grid with this layout, with `clicks` clicks.
    ///
    /// Whether the banner is broken, and how, does not depend on the number of clicks: the same
    /// banner can be looked at with few and with many.
    pub fn banner(&self, layout: &Layout, seed: u64, index: u64, clicks: u32) -> PopulationBanner {
        let mut rng = sample_rng(seed, index);
        let defect = rng.random_bool(self.prevalence).then(|| Defect::draw(&mut rng));
        let good = self.good_scene(layout, &mut rng);
        let severity = defect.map_or(0.0, |_| self.severity.draw(&mut rng));
        let mut scene = match defect {
            None => good,
            Some(defect) => mixed(defect.scene(self, layout, &good, &mut rng), severity, good),
        };
        scene.scale_to(clicks);
        // The clicks come from a random stream of their own for every number of clicks, so that
        // this number changes nothing above.
        let heatmap = scene
            .render(self.grid, &mut sample_rng(seed ^ u64::from(clicks).rotate_left(40), index))
            .heatmap;
        PopulationBanner { defect, severity, heatmap }
    }

    /// Draws the scene of a working banner, with [`WHOLE`] clicks.
    fn good_scene(&self, layout: &Layout, rng: &mut SampleRng) -> Scene {
        let (width, height) = (self.grid.columns as f64, self.grid.rows as f64);
        let (close_share, noise_share) = (self.close_button.draw(rng), self.noise.draw(rng));
        let weights: Vec<f64> =
            layout.products.iter().map(|p| p.weight * self.popularity.draw(rng)).collect();
        let sum: f64 = weights.iter().sum();
        let share = |part: f64| (WHOLE * part).round() as u32;
        let mut clusters: Vec<Cluster> = layout
            .products
            .iter()
            .zip(&weights)
            .map(|(product, weight)| {
                let (x, y) = jittered(product.place, self.jitter, rng);
                let (sigma_x, sigma_y) = (
                    product.sigma.0 * self.spread.draw(rng),
                    product.sigma.1 * self.spread.draw(rng),
                );
                let centre = Point { x: x * width, y: y * height };
                let clicks = share((1.0 - close_share - noise_share) * weight / sum);
                Cluster::axis_aligned(centre, sigma_x * width, sigma_y * height, clicks)
            })
            .collect();
        let (x, y) = layout.close_button;
        let button = Point { x: x * width, y: y * height };
        clusters.push(Cluster::axis_aligned(
            button,
            0.015 * width,
            0.015 * height,
            share(close_share),
        ));
        let mut uniform = Vec::new();
        if rng.random_bool(0.5) {
            uniform.push(UniformClicks {
                region: Rect::whole(&self.grid),
                clicks: share(noise_share),
            });
        } else {
            // Noise around one place: people who scroll with the thumb, say.
            let wide = Span::new(0.15, 0.4).draw(rng);
            let place = Span::new(0.2, 0.8);
            let centre = Point { x: place.draw(rng) * width, y: place.draw(rng) * height };
            clusters.push(Cluster::axis_aligned(
                centre,
                wide * width,
                wide * height,
                share(noise_share),
            ));
        }
        let corner = 1.0 - layout.dead_corner;
        Scene {
            clusters,
            uniform,
            dead: vec![Rect::fraction(&self.grid, corner, corner, 1.0, 1.0)],
        }
    }
}

/// Number of clicks of a scene before it is scaled to its budget: so many that shares are exact.
pub(super) const WHOLE: f64 = 1e6;

impl Defect {
    /// Draws one of the eight kinds, the wrong size and the stray blob, all equally probable.
    fn draw(rng: &mut impl Rng) -> Self {
        let kinds = BrokenKind::ALL.len();
        match rng.random_range(0..kinds + 2) {
            at if at < kinds => Self::Misplaced(BrokenKind::ALL[at]),
            at if at == kinds => Self::WrongSize,
            _ => Self::Stray,
        }
    }

    /// The name in lower case with hyphens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Misplaced(kind) => kind.name(),
            Self::WrongSize => "wrong-size",
            Self::Stray => "stray",
        }
    }

    /// Draws where the clicks land that the defect takes.
    fn scene(
        self,
        population: &Population,
        layout: &Layout,
        good: &Scene,
        rng: &mut SampleRng,
    ) -> Scene {
        let (width, height) = (population.grid.columns as f64, population.grid.rows as f64);
        match self {
            Self::Misplaced(kind) => {
                let broken = Broken {
                    noise: population.noise,
                    ..Broken::usual(kind, Span::only(WHOLE as u32))
                };
                broken.scene(&population.grid, rng)
            }
            Self::WrongSize => {
                let scale = Span::new(0.5, 0.75).draw(rng);
                let shrunk = |cluster: &Cluster| Cluster {
                    centre: Point { x: cluster.centre.x * scale, y: cluster.centre.y * scale },
                    covariance: cluster.covariance.map(|c| c * scale * scale),
                    ..*cluster
                };
                Scene {
                    clusters: good.clusters.iter().map(shrunk).collect(),
                    uniform: good.uniform.clone(),
                    dead: Vec::new(),
                }
            }
            Self::Stray => {
                let (x, y) = stray_place(layout, rng);
                let sigma = Span::new(0.015, 0.06);
                let (sigma_x, sigma_y) = (sigma.draw(rng) * width, sigma.draw(rng) * height);
                let centre = Point { x: x * width, y: y * height };
                Scene {
                    clusters: vec![Cluster::axis_aligned(centre, sigma_x, sigma_y, WHOLE as u32)],
                    ..Default::default()
                }
            }
        }
    }
}

/// Draws a place away from the middle of every product, by at least two standard deviations of the
/// product and 0.15 of the banner.
fn stray_place(layout: &Layout, rng: &mut impl Rng) -> (f64, f64) {
    let clear = |(x, y): (f64, f64)| {
        layout.products.iter().all(|product| {
            let off = |at: f64, middle: f64, sigma: f64| {
                ((at - middle) / (2.0 * sigma).max(0.15)).powi(2)
            };
            off(x, product.place.0, product.sigma.0) + off(y, product.place.1, product.sigma.1)
                >= 1.0
        })
    };
    let span = Span::new(0.03, 0.97);
    // Six products leave more than a third of the banner free; after many misses any place will do.
    let mut place = (span.draw(rng), span.draw(rng));
    for _ in 0..1_000 {
        if clear(place) {
            break;
        }
        place = (span.draw(rng), span.draw(rng));
    }
    place
}

/// Takes `share` of the clicks from `defect` and the others from `good`. The dead zones of `good`
/// are dropped: the code that kept them dead is what broke.
pub(super) fn mixed(mut defect: Scene, share: f64, mut good: Scene) -> Scene {
    defect.scale_to((WHOLE * share).round() as u32);
    good.scale_to((WHOLE * (1.0 - share)).round() as u32);
    defect.clusters.extend(good.clusters);
    defect.uniform.extend(good.uniform);
    defect
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_changes_neither_truth_nor_total() {
        let population = Population { prevalence: 0.5, ..Default::default() };
        let layout = Layout::draw(1, 0);
        for index in 0..50 {
            let few = population.banner(&layout, 3, index, 25);
            let many = population.banner(&layout, 3, index, 5_000);
            assert_eq!((few.defect, few.severity), (many.defect, many.severity));
            assert_eq!((few.heatmap.total(), many.heatmap.total()), (25.0, 5_000.0));
        }
    }

    #[test]
    fn prevalence_is_kept_and_every_defect_occurs() {
        let population = Population { prevalence: 0.3, ..Default::default() };
        let layout = Layout::draw(1, 1);
        let banners: Vec<_> =
            (0..3_000).map(|index| population.banner(&layout, 4, index, 10)).collect();
        let broken: Vec<_> = banners.iter().filter_map(|b| b.defect).collect();
        // Binomial: standard deviation 25.
        assert!((broken.len() as f64 - 900.0).abs() < 4.0 * 25.0);
        let names: std::collections::BTreeSet<_> = broken.iter().map(|d| d.name()).collect();
        assert_eq!(names.len(), 10);
        assert!(banners.iter().all(|b| (b.severity > 0.0) == b.defect.is_some()));
    }

    #[test]
    fn the_dead_corner_of_a_good_banner_is_empty() {
        let population = Population { prevalence: 0.0, ..Default::default() };
        let layout = Layout { dead_corner: 0.12, ..Layout::draw(1, 2) };
        let heatmap = population.banner(&layout, 5, 0, 20_000).heatmap;
        let corner = (45..50).flat_map(|row| (53..60).map(move |column| (row, column)));
        assert_eq!(corner.map(|(row, column)| heatmap.get(row, column)).sum::<f32>(), 0.0);
    }

    #[test]
    fn a_population_that_leaves_nothing_for_products_is_refused() {
        let population = Population { noise: Span::new(0.0, 0.95), ..Default::default() };
        assert!(population.check().unwrap_err().to_string().contains("close_button + noise"));
        assert!(Population { prevalence: 1.5, ..Default::default() }.check().is_err());
        Population::default().check().unwrap();
    }
}
