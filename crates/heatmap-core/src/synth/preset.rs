//! [`Preset`]: a labelled data set of synthetic heatmaps, endless and indexed.

use std::ops::RangeInclusive;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Family, Scene, Span};
use crate::{Error, Grid, Heatmap, Point, Result, SampleRng, sample_rng};

/// One class of a [`Preset`]: a layout generator with a name and a frequency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSpec {
    /// Name for pictures and tables.
    pub name: String,
    /// How often the class occurs relative to the others in [`Preset::sample`].
    pub weight: f64,
    /// The layout generator of its samples.
    pub family: Family,
}

/// A labelled data set of synthetic heatmaps: classes of layouts on one grid of bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Name of the preset.
    pub name: String,
    /// Bins of every sample.
    pub grid: Grid,
    /// When given, the clicks of every sample are scaled to a total drawn from this range, whatever
    /// its class, so that the total tells nothing about the class.
    #[serde(default)]
    pub total_clicks: Option<Span<u32>>,
    /// The classes; a label is a position in this list.
    pub classes: Vec<ClassSpec>,
}

/// A labelled heatmap together with the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Clicks per bin.
    pub heatmap: Heatmap,
    /// Label: position in [`Preset::classes`].
    pub class: usize,
    /// True centres of all blobs, in bins.
    pub centres: Vec<Point>,
    /// Whether the banner does not work.
    pub broken: bool,
    /// Clicks that found no place on the banner; see [`super::Rendered`].
    pub lost_clicks: u64,
}

impl Preset {
    /// Checks the grid and every class.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used, and its class.
    pub fn check(&self) -> Result<()> {
        if self.grid.is_empty() {
            return Err(Error::config("grid", format!("{:?}", self.grid), "has no bin"));
        }
        if self.classes.is_empty() {
            return Err(Error::config("classes", "[]", "a preset needs a class"));
        }
        if let Some(span) = self.total_clicks {
            span.check("total_clicks", 0, 100_000_000)?;
        }
        for class in &self.classes {
            let field = |field: &str| format!("classes[{}].{field}", class.name);
            if !(class.weight.is_finite() && class.weight >= 0.0) {
                return Err(Error::config(
                    field("weight"),
                    class.weight,
                    "must be zero or positive",
                ));
            }
            class.family.check(&self.grid).map_err(|error| match error {
                Error::Config { field: inner, value, reason } => {
                    Error::config(field(&inner), value, reason)
                }
                other => other,
            })?;
        }
        if self.classes.iter().all(|class| class.weight == 0.0) {
            return Err(Error::config("classes", "all weights 0", "no class would ever occur"));
        }
        Ok(())
    }

    /// Number of classes.
    pub fn num_classes(&self) -> usize {
        self.classes.len()
    }

    /// Returns the numbers of clusters when each class has one fixed number and one cluster more
    /// than the class before; `None` when the classes are anything else.
    pub fn cluster_counts(&self) -> Option<RangeInclusive<usize>> {
        let count = |class: &ClassSpec| match &class.family {
            Family::Clusters(clusters) if clusters.count.min == clusters.count.max => {
                Some(clusters.count.min as usize)
            }
            _ => None,
        };
        let first = count(self.classes.first()?)?;
        let are_consecutive =
            (first..).zip(&self.classes).all(|(number, class)| count(class) == Some(number));
        are_consecutive.then(|| first..=first + self.num_classes() - 1)
    }

    /// Draws sample `index` of the data set with this `seed`; its class is drawn by weight. The
    /// sample is the same on every machine and for every order of calls.
    pub fn sample(&self, seed: u64, index: u64) -> Sample {
        let mut rng = sample_rng(seed, index);
        let class = self.draw_class(&mut rng);
        self.draw_sample(class, &mut rng)
    }

    /// Returns the class of sample `index` and the scene from which it is drawn: the truth in full.
    pub fn scene(&self, seed: u64, index: u64) -> (usize, Scene) {
        let mut rng = sample_rng(seed, index);
        let class = self.draw_class(&mut rng);
        (class, self.draw_scene(class, &mut rng))
    }

    /// Draws sample `index` of one class; every class and seed has an endless list of its own.
    ///
    /// # Panics
    /// Panics when there is no such class.
    pub fn sample_of_class(&self, seed: u64, class: usize, index: u64) -> Sample {
        self.draw_sample(class, &mut class_rng(seed, class, index))
    }

    /// Draws a sample of `class` with any random number generator.
    ///
    /// # Panics
    /// Panics when there is no such class.
    pub fn draw_sample<R: Rng>(&self, class: usize, rng: &mut R) -> Sample {
        let scene = self.draw_scene(class, rng);
        let rendered = scene.render(self.grid, rng);
        Sample {
            heatmap: rendered.heatmap,
            class,
            centres: scene.clusters.iter().map(|cluster| cluster.centre).collect(),
            broken: self.classes[class].family.is_broken(),
            lost_clicks: rendered.lost_clicks,
        }
    }

    fn draw_scene<R: Rng>(&self, class: usize, rng: &mut R) -> Scene {
        let mut scene = self.classes[class].family.scene(&self.grid, rng);
        if let Some(total) = self.total_clicks {
            scene.scale_to(total.draw(rng));
        }
        scene
    }

    /// Draws a class by weight.
    pub fn draw_class(&self, rng: &mut impl Rng) -> usize {
        let total: f64 = self.classes.iter().map(|class| class.weight).sum();
        let mut left = Span::new(0.0, total).draw(rng);
        let mut last = 0;
        for (at, class) in self.classes.iter().enumerate().filter(|(_, class)| class.weight > 0.0) {
            if left < class.weight {
                return at;
            }
            left -= class.weight;
            last = at;
        }
        last
    }
}

/// Makes a random stream for every (seed, class, index). The class moves the seed far away from
/// those that people choose.
fn class_rng(seed: u64, class: usize, index: u64) -> SampleRng {
    sample_rng(seed.wrapping_add((class as u64 + 1).wrapping_mul(0xA076_1D64_78BD_642F)), index)
}
