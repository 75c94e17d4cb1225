//! The index of weights that are split into several safetensors files, as transformers writes large
//! ones: `{"weight_map": {"name of a tensor": "model-00001-of-00002.safetensors", ...}}`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use serde::Deserialize;

use super::safetensors;
use super::stored::StoredTensor;
use crate::{Error, Result};

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Returns whether a file has the name of an index.
pub(super) fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".safetensors.index.json"))
}

/// Opens all files that an index names, which must be beside it, and returns their tensors.
pub(super) fn open(path: &Path) -> Result<BTreeMap<String, StoredTensor>> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    let index: Index = serde_json::from_str(&text).map_err(|error| Error::bad_file(path, error))?;
    let mut shards: BTreeMap<&str, BTreeMap<String, StoredTensor>> = BTreeMap::new();
    for file in index.weight_map.values() {
        // The index may come from anywhere, so it may only name files in its own folder.
        let is_beside =
            matches!(Path::new(file).components().collect::<Vec<_>>()[..], [Component::Normal(_)]);
        if !is_beside {
            return Err(Error::bad_file(
                path,
                format!("`{file}` is not the name of a file beside it"),
            ));
        }
        if !shards.contains_key(file.as_str()) {
            shards.insert(file, safetensors::open(&path.with_file_name(file))?);
        }
    }
    let mut tensors = BTreeMap::new();
    for (name, file) in &index.weight_map {
        let tensor = shards.get_mut(file.as_str()).and_then(|shard| shard.remove(name));
        let tensor = tensor
            .ok_or_else(|| Error::bad_file(path, format!("no tensor `{name}` in `{file}`")))?;
        tensors.insert(name.clone(), tensor);
    }
    if let Some((file, name)) =
        shards.iter().find_map(|(file, left)| Some((file, left.keys().next()?)))
    {
        return Err(Error::bad_file(
            path,
            format!("`{file}` has a tensor `{name}` that the index does not know there"),
        ));
    }
    if tensors.is_empty() {
        return Err(Error::bad_file(path, "names no tensors"));
    }
    Ok(tensors)
}
