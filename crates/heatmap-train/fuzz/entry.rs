//! What must hold when any bytes are read as weights, features, settings or a manifest: they are
//! taken or refused with a reason, and nothing panics.
//!
//! Used by the fuzz targets and by `tests/mutations.rs`. Each returns whether the bytes were taken.

use std::fs;
use std::path::Path;

use heatmap_models::{ResNetConfig, TensorFile, VitConfig};
use heatmap_train::features::read_npy;
use heatmap_train::run::{
    Checkpoints, CountConfig, LocationConfig, RunConfig, RunRequest, SetDetectorConfig,
    SimClrConfig,
};

fn in_file<T>(bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("input");
    fs::write(&path, bytes).expect("a temporary file");
    read(&path)
}

/// Reads `bytes` as a safetensors or PyTorch file, and every tensor in it.
pub fn tensor_file(bytes: &[u8]) -> bool {
    in_file(bytes, |path| {
        let Ok(file) = TensorFile::open(path) else { return false };
        for key in file.keys() {
            // No more values than there are bytes, whatever the file says of itself.
            if let Ok(values) = file.read(key) {
                assert!(values.len() <= bytes.len(), "{} values of {key}", values.len());
            }
        }
        let vit = VitConfig::of(&file).is_ok_and(|config| config.embed_dim > 0);
        vit | ResNetConfig::of(&file).is_ok()
    })
}

/// Reads `bytes` as a table of features.
pub fn npy(bytes: &[u8]) -> bool {
    in_file(bytes, |path| match read_npy(path) {
        Ok(table) => {
            let values = table.nrows() * table.ncols();
            assert!(values > 0 && 4 * values <= bytes.len(), "{values} values");
            true
        }
        Err(error) => {
            assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
            false
        }
    })
}

/// Reads `bytes` as `--config` does, for each of the four programs that take one.
pub fn configuration(bytes: &[u8]) -> bool {
    fn taken<C: RunConfig>(path: &Path, good: C) -> bool {
        let request = RunRequest { config: Some(path.to_owned()), ..RunRequest::default() };
        request.configure(good, Ok, &mut |_| ()).is_ok_and(|config| {
            drop(config.resolve());
            true
        })
    }
    in_file(bytes, |path| {
        taken(path, SimClrConfig::layouts())
            | taken(path, CountConfig::published_recipe())
            | taken(path, LocationConfig::published_recipe())
            | taken(path, SetDetectorConfig::default())
    })
}

/// Reads `bytes` as the manifest of a checkpoint of three parts, which nobody has to understand.
pub fn manifest(bytes: &[u8]) -> bool {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("step-000002");
    fs::create_dir(&folder).expect("a folder");
    for part in PARTS {
        fs::write(folder.join(format!("{part}.bpk")), part).expect("a temporary file");
    }
    fs::write(folder.join("manifest.json"), bytes).expect("a temporary file");
    let checkpoints = Checkpoints::new(root.path().to_owned());
    drop(checkpoints.at_step(2));
    match checkpoints.newest_complete() {
        Ok((checkpoint, _)) => {
            assert_eq!(checkpoint.step, 2);
            true
        }
        Err(error) => {
            assert!(error.to_string().contains("step-000002"), "{error}");
            false
        }
    }
}

const PARTS: [&str; 3] = ["model", "optimizer", "scheduler"];

/// The manifest that fits the checkpoint of [`manifest`].
pub fn good_manifest() -> Vec<u8> {
    let part = |name: &str| {
        let sum = crc32fast::hash(name.as_bytes());
        (name.to_owned(), serde_json::json!({"bytes": name.len(), "crc32": sum}))
    };
    let parts: serde_json::Map<String, serde_json::Value> = PARTS.map(part).into_iter().collect();
    let manifest = serde_json::json!({"step": 2, "parts": parts, "score": 0.5});
    serde_json::to_vec_pretty(&manifest).expect("JSON")
}
