//! Models by the names of their repositories, from a small server on loopback.
#![cfg(feature = "hub")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;
use heatmap_models::hub::Hub;
use heatmap_models::{LoadOptions, Pretrained, VitConfig};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub with `owner/vit` (safetensors), `owner/old` (a pickle) and `owner/empty`.
struct Server {
    endpoint: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                // A client that hangs up is its own affair.
                let _ = answer(stream);
            }
        });
        Self { endpoint, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    fn hub(&self, cache: &Path) -> Hub {
        let cache = cache.to_owned();
        Hub { endpoint: self.endpoint.clone(), cache, token: None, offline: false, progress: false }
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut range: Option<(usize, Option<usize>)> = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            let parts = bytes.split_once('-');
            range = parts.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok())));
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let listing = |file: &str| {
        format!("{{\"sha\":\"{COMMIT}\",\"siblings\":[{{\"rfilename\":\"{file}\"}}]}}").into_bytes()
    };
    let body = match path {
        "/api/models/owner/vit/revision/main" => Some(listing("model.safetensors")),
        "/api/models/owner/old/revision/main" => Some(listing("pytorch_model.bin")),
        "/api/models/owner/empty/revision/main" => Some(listing("README.md")),
        "/owner/vit/resolve/main/model.safetensors" => {
            Some(std::fs::read(common::path("vit-hugging-face.safetensors"))?)
        }
        "/owner/old/resolve/main/pytorch_model.bin" => {
            Some(std::fs::read(common::path("vit-hugging-face-memory.bin"))?)
        }
        _ => None,
    };
    let Some(body) = body else {
        return stream.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    };
    let (from, to) =
        range.map_or((0, body.len()), |(from, to)| (from, to.map_or(body.len(), |to| to + 1)));
    let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes \
         {from}-{}/{}\r\nx-repo-commit: {COMMIT}\r\n\
         etag: \"{:x}\"\r\nConnection: close\r\n\r\n",
        to - from,
        to - 1,
        body.len(),
        body.len(),
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body[from..to])
}

#[test]
fn weights_come_once_and_then_from_the_cache() {
    let cache = tempfile::tempdir().expect("a folder");
    let server = Server::start();
    let hub = server.hub(cache.path());
    for name in ["owner/vit", "owner/old"] {
        let file = hub.weights(name).unwrap_or_else(|error| panic!("{error}"));
        let config = VitConfig { num_heads: 2, ..VitConfig::of(&file).expect("a ViT") };
        config.init(&Device::flex()).load_weights(&file, &LoadOptions::new()).expect("it fits");
    }
    let asked = server.requests();
    assert!(asked >= 4, "{asked}");
    hub.weights("owner/vit").expect("cached");
    let offline = Hub { offline: true, ..hub };
    let file = offline.weights("owner/old").expect("cached");
    assert!(
        file.path().ends_with(format!("models--owner--old/snapshots/{COMMIT}/pytorch_model.bin")),
        "{file:?}"
    );
    assert_eq!(server.requests(), asked);
}

#[test]
fn what_is_not_there_is_named() {
    let cache = tempfile::tempdir().expect("a folder");
    let server = Server::start();
    let hub = server.hub(cache.path());
    let error = hub.weights("owner/none").unwrap_err().to_string();
    assert!(error.starts_with("owner/none: http://127.0.0.1:") && error.contains("404"), "{error}");
    let error = hub.weights("owner/empty").unwrap_err().to_string();
    assert_eq!(
        error,
        "owner/empty: has none of model.safetensors, pytorch_model.bin, but README.md"
    );
    let asked = server.requests();
    for name in ["", "../../etc", "owner/", "a/b/c", "owner/vit@../x", "owner/vit?x=1"] {
        let error = hub.weights(name).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name}: not the name of a repository")), "{error}");
    }
    let offline = Hub { offline: true, ..hub.clone() };
    let error = offline.weights("owner/vit").unwrap_err().to_string();
    assert!(error.contains("not in the cache") && error.contains("HF_HUB_OFFLINE"), "{error}");
    assert_eq!(server.requests(), asked);
    let nobody = Hub { endpoint: "http://127.0.0.1:1".to_owned(), ..hub };
    assert!(nobody.weights("owner/vit").unwrap_err().to_string().contains("http://127.0.0.1:1: "));
}
