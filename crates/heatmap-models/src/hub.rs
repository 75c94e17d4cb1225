//! [`Hub`]: weights by the name of a repository on a Hugging Face hub (feature `hub`).

use std::path::PathBuf;

use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Cache, Repo, RepoType};

use crate::weights::Companions;
use crate::{Error, Result, TensorFile};

/// A hub and the folder that keeps what came from it, shared with Python's `huggingface_hub`.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Where the hub answers.
    pub endpoint: String,
    /// Where files are kept.
    pub cache: PathBuf,
    /// Sent with every request, if there is one: private repositories need it.
    pub token: Option<String>,
    /// Whether only the cache is asked.
    pub offline: bool,
    /// Whether a bar shows downloads on the terminal.
    pub progress: bool,
}

/// Files that weights are looked for in, best first.
const FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

impl Hub {
    /// The hub that the environment names, by the variables of `huggingface_hub`: `HF_ENDPOINT`,
    /// `HF_HUB_CACHE` or `HF_HOME`, `HF_TOKEN` or the token of `hf auth
    /// login`, and `HF_HUB_OFFLINE`.
    pub fn from_env() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let cache =
            set("HF_HUB_CACHE").map_or_else(Cache::from_env, |path| Cache::new(path.into()));
        // The token lies beside the default cache, wherever the files are.
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

    /// The weights of a repository, `owner/name` or `owner/name@revision`: from the cache, or
    /// downloaded into it.
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
    /// When the name is none, the hub cannot be reached or has no such repository, the repository
    /// has neither `model.safetensors` nor `pytorch_model.bin`, or the file is damaged. Offline,
    /// when the cache does not have it.
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
                "not in the cache {cache}, and HF_HUB_OFFLINE forbids to ask {}",
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
        // They lie beside the weights then.
        for companion in
            Companions::FILES.iter().filter(|name| found.iter().any(|other| other == *name))
        {
            api.download(companion).map_err(failed)?;
        }
        TensorFile::open(api.download(file).map_err(failed)?)
    }
}

/// A repository's name. Nothing else gets into a path or an address.
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
