//! [`Config`]: `config.json`, which says all that a run was made from.

use std::path::{Path, PathBuf};

use heatmap_core::detect::LogDetectionConfig;
use heatmap_core::table::ClickLogConfig;
use heatmap_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The files and settings of a detection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    pub(super) clicks: Vec<PathBuf>,
    pub(super) metrics: Vec<PathBuf>,
    pub(super) labels: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detector: Option<PathBuf>,
    pub(super) good_like: Vec<String>,
    pub(super) broken_like: Vec<String>,
    pub(super) log: ClickLogConfig,
    pub(super) detection: LogDetectionConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            clicks: Vec::new(),
            metrics: Vec::new(),
            labels: Vec::new(),
            previous: None,
            detector: None,
            good_like: Vec::new(),
            broken_like: Vec::new(),
            // Fewer clicks than this say little of a banner.
            log: ClickLogConfig { min_clicks: 20, ..Default::default() },
            detection: LogDetectionConfig::default(),
        }
    }
}

impl Config {
    /// Reads the settings of an earlier run; what the file does not have is as by default.
    ///
    /// # Errors
    /// When the file cannot be read, or has a setting that there is not; the error names the line.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Io { path: path.to_owned(), source })?;
        serde_json::from_str(&text)
            .map_err(|error| Error::Data(format!("{}: {error}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_comes_back_and_what_it_lacks_is_as_by_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let mut config = Config { previous: Some("runs/last".into()), ..Default::default() };
        config.log.unit = "device-px=2".parse().unwrap();
        config.log.format.decimal = Some(',');
        std::fs::write(&path, serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(Config::read(&path).unwrap(), config);
        std::fs::write(&path, r#"{"log": {"bin_size_px": 4}}"#).unwrap();
        let read = Config::read(&path).unwrap();
        assert_eq!(read.log.bin_size_px, 4.0);
        assert_eq!(read.detection, LogDetectionConfig::default());
        std::fs::write(&path, "{\n\"bugdet\": 3}").unwrap();
        let error = Config::read(&path).unwrap_err().to_string();
        assert!(error.contains("config.json: unknown field `bugdet`"), "{error}");
    }
}
