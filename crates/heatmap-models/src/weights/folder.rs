//! The file of the weights in a folder, as `save_pretrained` of transformers writes one.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The names that are looked for.
const FILES: [&str; 3] = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"];

/// The index of weights in several pickles, which are not read.
const PICKLED_SHARDS: &str = "pytorch_model.bin.index.json";

/// Returns the path of the one file with weights in `folder`.
///
/// # Errors
/// When there is no such file, or more than one.
pub(super) fn weights_in(folder: &Path) -> Result<PathBuf> {
    let found: Vec<&str> = FILES.into_iter().filter(|name| folder.join(name).is_file()).collect();
    match found[..] {
        [only] => Ok(folder.join(only)),
        [] if folder.join(PICKLED_SHARDS).is_file() => {
            let reason = format!(
                "weights in several pickles ({PICKLED_SHARDS}), which are not read: save them as \
                 safetensors"
            );
            Err(Error::bad_file(folder, reason))
        }
        [] => Err(Error::bad_file(folder, format!("a folder with none of {}", FILES.join(", ")))),
        _ => {
            let reason = format!("a folder with {}: name one of them", found.join(" and "));
            Err(Error::bad_file(folder, reason))
        }
    }
}
