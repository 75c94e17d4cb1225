//! Files that are no weights, or that were made to do harm: one clear error each.

mod common;

use std::path::{Path, PathBuf};

use common::path;
use heatmap_models::TensorFile;

/// Opening `bytes` under `name` must fail, and say why.
fn refused(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    let error = TensorFile::open(&path).expect_err(name).to_string();
    assert!(error.contains(name), "{error}");
    error
}

#[test]
fn damaged_and_hostile_safetensors_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |length: u64, header: &str, values: usize| {
        [&length.to_le_bytes()[..], header.as_bytes(), &vec![0; values]].concat()
    };
    let whole = std::fs::read(path("vit-timm.safetensors")).unwrap();
    let one = |shape: &str, end: &str| {
        format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}")
    };
    for (name, bytes, reason) in [
        ("empty.safetensors", vec![], "too few"),
        ("short.safetensors", whole[..5].to_vec(), "too few"),
        ("header.safetensors", whole[..200].to_vec(), "claims a header"),
        ("values.safetensors", whole[..whole.len() - 1].to_vec(), "truncated"),
        ("longer.safetensors", [&whole[..], &[0]].concat(), "the file has"),
        ("huge.safetensors", file(1 << 60, "{", 0), "claims a header of 1152921504606846976 bytes"),
        (
            "shape.safetensors",
            file(66, &one("[4294967296,4294967296,4]", "16"), 16),
            "safetensors header",
        ),
        (
            "offsets.safetensors",
            file(57, &one("[1]", "1152921504606846976"), 4),
            "safetensors header",
        ),
        ("json.safetensors", file(4, "{\"a\"", 0), "safetensors header"),
        (
            "pytorch.safetensors",
            std::fs::read(path("vit-torchvision.pth")).unwrap(),
            "holds PyTorch",
        ),
        ("text.safetensors", b"once upon a time".to_vec(), "claims a header"),
    ] {
        let error = refused(folder.path(), name, &bytes);
        assert!(error.contains(reason), "{error}");
    }
}

/// An archive whose entries say that they are deflated.
fn said_to_be_compressed(mut archive: Vec<u8>) -> Vec<u8> {
    // The method stands behind the signatures of the entries and of the directory.
    for (signature, method) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
        let places: Vec<usize> =
            (0..archive.len() - 46).filter(|&at| archive[at..].starts_with(signature)).collect();
        places.into_iter().for_each(|at| archive[at + method] = 8);
    }
    archive
}

#[test]
fn damaged_and_hostile_pytorch_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(path("vit-torchvision.pth")).unwrap();
    // {"a": posix.system("touch ran")}, without any container.
    let code = b"\x80\x02}X\x01\x00\x00\x00acposix\nsystem\nX\x09\x00\x00\x00touch ran\x85Rs.";
    for (name, bytes, reason) in [
        ("empty.pth", vec![], "not a PyTorch checkpoint"),
        ("half.pth", whole[..whole.len() / 2].to_vec(), "zip"),
        (
            "named.bin",
            std::fs::read(path("vit-timm.safetensors")).unwrap(),
            "holds safetensors although",
        ),
        ("code.pt", code.to_vec(), "posix.system"),
        ("zip-with-code.pth", std::fs::read(path("hostile.pth")).unwrap(), "posix.system"),
        ("numbers.pth", b"\x80\x02}X\x01\x00\x00\x00aK\x01s.".to_vec(), "no tensors"),
        ("text.pth", b"once upon a time".to_vec(), "not a PyTorch checkpoint"),
        ("unnamed", b"once upon a time".to_vec(), "neither a safetensors nor a PyTorch file"),
        (
            "compressed.pth",
            said_to_be_compressed(whole.clone()),
            "is compressed, which torch.save never does",
        ),
        (
            "expanded.pth",
            std::fs::read(path("expanded.pth")).unwrap(),
            "the shape [50000, 50000] in a file of",
        ),
        ("twice.pth", std::fs::read(path("twice.pth")).unwrap(), "two objects have the name `a.b`"),
    ] {
        let error = refused(folder.path(), name, &bytes);
        assert!(error.contains(reason), "{error}");
    }
    assert!(!Path::new("ran").exists() && !Path::new("heatmap-fixture-was-run").exists());

    let nowhere = TensorFile::open(folder.path().join("none.pth")).unwrap_err().to_string();
    assert!(nowhere.contains("none.pth: No such file"), "{nowhere}");
    let empty = tempfile::tempdir().unwrap();
    let nothing = TensorFile::open(empty.path()).unwrap_err().to_string();
    assert!(
        nothing.ends_with(
            "a folder with none of model.safetensors, \
        model.safetensors.index.json, pytorch_model.bin"
        ),
        "{nothing}"
    );
}
