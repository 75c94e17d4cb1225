//! [`Hub`]: downloads weights from a Hugging Face hub by the name of their repository (feature
//! `hub`).

use std::path::PathBuf;

use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Cache, Repo, RepoType};

use crate::weights::Companions;
use crate::{Error, Result, TensorFile};

/// A Hugging Face hub together with the local cache for its files, which is shared with Python's
/// `huggingface_hub`.
#[derive(Debug, Clone)]
pub struct Hub {
    /// The URL of the hub, such as `https://huggingface.co`.
    pub endpoint: String,
    /// The folder of the local cache.
    pub cache: PathBuf,
    /// The access token that is sent with every request, if there is one; private repositories need
    /// it.
    pub token: Option<String>,
    /// Whether to use only the cache and never the network.
    pub offline: bool,
    /// Whether to show a progress bar for downloads on the terminal.
    pub progress: bool,
}

/// Names of weight files that a repository is searched for, the preferred one first.
const FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

impl Hub {
    /// Makes the hub that the environment variables of `huggingface_hub` describe: `HF_ENDPOINT`,
    /// `HF_HUB_CACHE` or `HF_HOME`, `HF_TOKEN` or the token that `hf auth login` stored, and
    /// `HF_HUB_OFFLINE`.
    pub fn from_env() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let cache =
            set("HF_HUB_CACHE").map_or_else(Cache::from_env, |path| Cache::new(path.into()));
        // `hf auth login` stores the token next to the default cache, even when `HF_HUB_CACHE`
        // points elsewhere.
        let token = set("HF_TOKEN").or_else(|| Cache::from_env().token());
        let yes = |value: String| {
            ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str())
        };
        Self {
            endpoint: set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned()),
            cache: cache.path().clone(),
            token,
            offline: set("HF_HUB_OFFLINE").is_some_and(yes),
            progress: true,
        }
    }

    /// Opens the weights of a repository, `owner/name` or `owner/name@revision`, downloading them
    /// into the cache unless they are there already.
    ///
    /// ```no_run
    /// use heatmap_models::hub::Hub;
    /// use heatmap_models::{LoadOptions, Pretrained, VitConfig};
    ///
    /// let device = heatmap_models::burn::tensor::Device::flex();
    /// let file = Hub::from_env().weights("google/vit-base-patch16-224-in21k")?;
    /// let network = VitConfig::of(&file)?.init(&device);
    /// let (network, report) = network.load_weights(&file, &LoadOptions::new())?;
    /// # Ok::<(), heatmap_models::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the name is not that of a repository, the hub cannot be reached or has no such
    /// repository, the repository contains neither `model.safetensors` nor `pytorch_model.bin`, or
    /// the file is damaged. With `offline` set, when the cache does not contain the weights.
    pub fn weights(&self, repository: &str) -> Result<TensorFile> {
        let repo = parse(repository)?;
        let cached = Cache::new(self.cache.clone()).repo(repo.clone());
        if let Some(path) = FILES.iter().find_map(|file| cached.get(file)) {
            return TensorFile::open(path);
        }
        let error = |reason: String| Error::Hub { repository: repository.to_owned(), reason };
        if self.offline {
            let cache = self.cache.display();
            return Err(error(format!(
                "not in the cache {cache}, and {} is not asked (`Hub::offline`, set by \
                 HF_HUB_OFFLINE)",
                self.endpoint
            )));
        }
        let failed =
            |cause: hf_hub::api::sync::ApiError| error(format!("{}: {cause}", self.endpoint));
        let builder = ApiBuilder::from_cache(Cache::new(self.cache.clone()))
            .with_endpoint(self.endpoint.clone());
        let builder =
            builder.with_token(self.token.clone()).with_progress(self.progress).with_retries(2);
        let api = builder.build().map_err(failed)?.repo(repo);
        let found: Vec<String> =
            api.info().map_err(failed)?.siblings.into_iter().map(|file| file.rfilename).collect();
        let file = FILES.into_iter().find(|file| found.iter().any(|other| other == file));
        let file = file.ok_or_else(|| {
            error(format!("has none of {}, but {}", FILES.join(", "), found.join(", ")))
        })?;
        // `TensorFile::open` looks for these files next to the weights.
        for companion in
            Companions::FILES.iter().filter(|name| found.iter().any(|other| other == *name))
        {
            api.download(companion).map_err(failed)?;
        }
        TensorFile::open(api.download(file).map_err(failed)?)
    }
}

/// Parses the name of a repository. Because the name becomes part of a path and of a URL, only
/// letters, digits, `-`, `_` and `.` are accepted in its parts.
fn parse(name: &str) -> Result<Repo> {
    let (id, revision) = name.split_once('@').unwrap_or((name, "main"));
    let plain = |part: &str| {
        let letters = part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        letters && !part.is_empty() && !part.starts_with('.')
    };
    let parts: Vec<&str> = id.split('/').collect();
    if !(1..=2).contains(&parts.len())
        || !parts.iter().all(|part| plain(part))
        || !revision.split('/').all(plain)
    {
        let reason =
            "not the name of a repository, such as google/vit-base-patch16-224-in21k".to_owned();
        return Err(Error::Hub { repository: name.to_owned(), reason });
    }
    Ok(Repo::with_revision(id.to_owned(), RepoType::Model, revision.to_owned()))
}
