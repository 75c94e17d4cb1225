//! [`AugmentConfig`]: the strengths of all augmentations, and how they change a heatmap or a list
//! of clicks.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Normal, Poisson};
use serde::{Deserialize, Serialize};

use super::Augmentation;
use crate::synth::Preset;
use crate::{Error, Grid, Heatmap, Point, Result};

/// Strengths of all augmentations, which are applied in the order of the fields; `None` leaves one
/// out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Smallest share of the area, 0 to 1, that a crop keeps; its aspect ratio is between 3/4 and
    /// 4/3 of the banner's, as in torchvision's RandomResizedCrop.
    pub crop: Option<f64>,
    /// Probability of a horizontal flip.
    pub flip_horizontal: Option<f64>,
    /// Probability of a vertical flip.
    pub flip_vertical: Option<f64>,
    /// Largest standard deviation, in bins, of the Gaussian noise that moves clicks; at the border
    /// they are reflected.
    pub blur: Option<f64>,
    /// Smallest probability with which each click is kept.
    pub intensity: Option<f64>,
    /// Probability of a bootstrap of the clicks.
    pub bootstrap: Option<f64>,
    /// Largest expected number of clicks that are added at random places, as a share of those that
    /// are there.
    pub noise: Option<f64>,
}

impl Default for AugmentConfig {
    /// Uses all augmentations.
    fn default() -> Self {
        Self {
            crop: Some(0.4),
            flip_horizontal: Some(0.5),
            flip_vertical: Some(0.5),
            blur: Some(0.5),
            intensity: Some(0.5),
            bootstrap: Some(1.0),
            noise: Some(0.02),
        }
    }
}

impl AugmentConfig {
    /// Returns a configuration without any augmentation.
    pub fn none() -> Self {
        let none = None;
        Self {
            crop: none,
            flip_horizontal: none,
            flip_vertical: none,
            blur: none,
            intensity: none,
            bootstrap: none,
            noise: none,
        }
    }

    /// Returns a configuration of these augmentations alone, at their default strengths.
    pub fn only(kinds: impl IntoIterator<Item = Augmentation>) -> Self {
        let (mut config, all) = (Self::none(), Self::default());
        for kind in kinds {
            match kind {
                Augmentation::Crop => config.crop = all.crop,
                Augmentation::FlipHorizontal => config.flip_horizontal = all.flip_horizontal,
                Augmentation::FlipVertical => config.flip_vertical = all.flip_vertical,
                Augmentation::Blur => config.blur = all.blur,
                Augmentation::Intensity => config.intensity = all.intensity,
                Augmentation::Bootstrap => config.bootstrap = all.bootstrap,
                Augmentation::Noise => config.noise = all.noise,
            }
        }
        config
    }

    /// Returns a configuration of all augmentations that keep every class of `preset`.
    pub fn class_keeping(preset: &Preset) -> Self {
        let keeps =
            |kind: &Augmentation| preset.classes.iter().all(|class| kind.keeps(&class.family));
        Self::only(Augmentation::ALL.iter().copied().filter(keeps))
    }

    /// Checks all strengths.
    ///
    /// # Errors
    /// Returns an error that names the strength that cannot be used.
    pub fn check(&self) -> Result<()> {
        let positive = |value: f64| value > 0.0 && value <= 1.0;
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let size = |value: f64| (0.0..=1e3).contains(&value);
        type Check<'a> = &'a dyn Fn(f64) -> bool;
        let fields: [(&'static str, Option<f64>, Check<'_>, &str); 7] = [
            ("augment.crop", self.crop, &positive, "must be above 0 and at most 1"),
            ("augment.flip_horizontal", self.flip_horizontal, &share, "must be from 0 to 1"),
            ("augment.flip_vertical", self.flip_vertical, &share, "must be from 0 to 1"),
            ("augment.blur", self.blur, &size, "must be from 0 to 1,000 bins"),
            ("augment.intensity", self.intensity, &positive, "must be above 0 and at most 1"),
            ("augment.bootstrap", self.bootstrap, &share, "must be from 0 to 1"),
            ("augment.noise", self.noise, &size, "must be from 0 to 1,000"),
        ];
        match fields
            .into_iter()
            .find(|(_, value, is_good, _)| value.is_some_and(|value| !is_good(value)))
        {
            Some((field, value, _, reason)) => {
                Err(Error::config(field, value.unwrap_or_default(), reason))
            }
            None => Ok(()),
        }
    }

    /// Returns an augmented heatmap of counts on the same grid; values that are no whole numbers
    /// are rounded.
    pub fn apply(&self, heatmap: &Heatmap, rng: &mut impl Rng) -> Heatmap {
        if *self == Self::none() {
            return heatmap.clone();
        }
        let grid = heatmap.grid();
        let mut clicks = Vec::new();
        for (bin, count) in heatmap.values().iter().enumerate() {
            for _ in 0..count.max(0.0).round() as u32 {
                let (x, y) = ((bin % grid.columns) as f64, (bin / grid.columns) as f64);
                clicks.push(Point { x: x + rng.random::<f64>(), y: y + rng.random::<f64>() });
            }
        }
        let mut counts = vec![0_u32; grid.len()];
        for click in self.apply_to_clicks(clicks, grid, rng) {
            let (column, row) = (click.x as usize, click.y as usize);
            counts[row.min(grid.rows - 1) * grid.columns + column.min(grid.columns - 1)] += 1;
        }
        Heatmap::from_counts(grid, &counts)
    }

    /// Augments clicks whose places are in bins of `grid`; they stay on the grid.
    pub fn apply_to_clicks(
        &self,
        mut clicks: Vec<Point>,
        grid: Grid,
        rng: &mut impl Rng,
    ) -> Vec<Point> {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        if let Some(least) = self.crop {
            let area = rng.random_range(least.min(1.0)..=1.0);
            let aspect = libm::exp(rng.random_range(-1.0..=1.0) * libm::log(4.0 / 3.0));
            let (w, h) =
                ((area * aspect).sqrt().min(1.0) * width, (area / aspect).sqrt().min(1.0) * height);
            let (left, top) = (
                rng.random_range(0.0..=1.0) * (width - w),
                rng.random_range(0.0..=1.0) * (height - h),
            );
            clicks.retain(|at| at.x >= left && at.x < left + w && at.y >= top && at.y < top + h);
            clicks.iter_mut().for_each(|at| {
                *at = Point { x: (at.x - left) / w * width, y: (at.y - top) / h * height }
            });
        }
        if self.flip_horizontal.is_some_and(|probability| rng.random::<f64>() < probability) {
            clicks.iter_mut().for_each(|at| at.x = width - at.x);
        }
        if self.flip_vertical.is_some_and(|probability| rng.random::<f64>() < probability) {
            clicks.iter_mut().for_each(|at| at.y = height - at.y);
        }
        if let Some(most) = self.blur {
            let sigma = rng.random::<f64>() * most;
            if let Ok(normal) = Normal::new(0.0, sigma) {
                for at in &mut clicks {
                    *at = Point {
                        x: reflected(at.x + normal.sample(rng), width),
                        y: reflected(at.y + normal.sample(rng), height),
                    };
                }
            }
        }
        if let Some(least) = self.intensity {
            // Uniform on a logarithmic scale, on which twice and half are equally far away.
            let stays = libm::exp(rng.random::<f64>() * libm::log(least));
            clicks.retain(|_| rng.random::<f64>() < stays);
        }
        if !clicks.is_empty()
            && self.bootstrap.is_some_and(|probability| rng.random::<f64>() < probability)
        {
            clicks = (0..clicks.len()).map(|_| clicks[rng.random_range(0..clicks.len())]).collect();
        }
        if let Some(most) = self.noise {
            let mean = rng.random::<f64>() * most * clicks.len() as f64;
            // A Poisson distribution of mean 0 cannot be made; nothing is added then.
            let added = Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(rng));
            clicks.extend((0..added as usize).map(|_| Point {
                x: rng.random::<f64>() * width,
                y: rng.random::<f64>() * height,
            }));
        }
        clicks
    }
}

/// Reflects a place at the ends of a line of this length until it lies on the line.
fn reflected(at: f64, length: f64) -> f64 {
    let at = at.rem_euclid(2.0 * length);
    if at > length { 2.0 * length - at } else { at }
}
