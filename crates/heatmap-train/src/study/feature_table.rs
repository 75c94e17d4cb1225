//! [`FeatureTable`]: a named table with the features of banners.

use std::path::{Path, PathBuf};

use heatmap_core::analysis::faer::Mat;

use crate::Result;
use crate::features::read_npy;

/// A table of features with one row per banner.
#[derive(Debug, Clone)]
pub struct FeatureTable {
    /// Name of the features, for tables and pictures.
    pub name: String,
    /// The features, `[banners, features]`.
    pub values: Mat<f64>,
}

impl FeatureTable {
    /// Reads the table from a `.npy` file and gives it a name; see [`read_npy`].
    ///
    /// # Errors
    /// Returns an error that names the file when it cannot be read as such a table.
    pub fn read(name: &str, path: &Path) -> Result<Self> {
        Ok(Self { name: name.to_owned(), values: read_npy(path)? })
    }

    /// Returns the path of the file that describes the rows of the table: `index.csv` in the same
    /// folder.
    pub fn index(path: &Path) -> PathBuf {
        path.with_file_name("index.csv")
    }
}
