//! [`Family`]: any of the layout generators with its configuration, as a preset holds it.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Broken, Clusters, Lines, Products, Scene};
use crate::{Grid, Result};

/// A layout generator with its configuration; in JSON `{"clusters": {...}}`, `{"mixture": [...]}`
/// and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Clusters of clicks at random places.
    Clusters(Clusters),
    /// Vertical or horizontal lines of clusters.
    Lines(Lines),
    /// Several layouts on top of each other on one banner.
    Mixture(Vec<Family>),
    /// A banner that works: clicks on its products.
    Products(Products),
    /// A banner that does not work.
    Broken(Broken),
}

impl Family {
    /// Checks the configuration against the grid.
    ///
    /// # Errors
    /// Returns an error that names the field that cannot be used.
    pub fn check(&self, grid: &Grid) -> Result<()> {
        match self {
            Self::Clusters(config) => config.check(grid),
            Self::Lines(config) => config.check(grid),
            Self::Mixture(parts) => parts.iter().try_for_each(|part| part.check(grid)),
            Self::Products(config) => config.check(),
            Self::Broken(config) => config.check(),
        }
    }

    /// Draws the scene of one banner.
    pub fn scene<R: Rng>(&self, grid: &Grid, rng: &mut R) -> Scene {
        match self {
            Self::Clusters(config) => config.scene(grid, rng),
            Self::Lines(config) => config.scene(grid, rng),
            Self::Mixture(parts) => parts.iter().fold(Scene::default(), |mut whole, part| {
                let scene = part.scene(grid, rng);
                whole.clusters.extend(scene.clusters);
                whole.uniform.extend(scene.uniform);
                whole.dead.extend(scene.dead);
                whole
            }),
            Self::Products(config) => config.scene(grid, rng),
            Self::Broken(config) => config.scene(grid, rng),
        }
    }

    /// Whether this family draws banners that do not work.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}
