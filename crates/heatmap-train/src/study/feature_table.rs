//! [`FeatureTable`]: features of banners under a name.

use std::path::{Path, PathBuf};

use heatmap_core::analysis::faer::Mat;

use crate::Result;
use crate::features::read_npy;

/// Features, one banner a row.
#[derive(Debug, Clone)]
pub struct FeatureTable {
    /// What they are called.
    pub name: String,
    /// `[banners, features]`
    pub values: Mat<f64>,
}

impl FeatureTable {
    /// Reads a `.npy` file under a name; see [`read_npy`].
    ///
    /// # Errors
    /// When the file is no such table; the error names it.
    pub fn read(name: &str, path: &Path) -> Result<Self> {
        Ok(Self { name: name.to_owned(), values: read_npy(path)? })
    }

    /// Where the rows of such a file are named: `index.csv` beside it.
    pub fn index(path: &Path) -> PathBuf {
        path.with_file_name("index.csv")
    }
}
