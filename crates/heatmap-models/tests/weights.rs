//! Files that do not fit, and files that are no weights: one clear error each, and nothing loaded.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use common::{open, path, saved};
use heatmap_core::sample_rng;
use heatmap_models::weights::{Mismatch, write_safetensors};
use heatmap_models::{
    Error, LoadOptions, Pretrained, ResNetConfig, TensorFile, Vit, VitConfig, WeightLayout,
};
use rand::{Rng, RngExt};

fn mismatch(error: Error) -> Mismatch {
    match error {
        Error::Mismatch { mismatch, .. } => *mismatch,
        other => panic!("{other}"),
    }
}

fn resnet() -> (TensorFile, ResNetConfig) {
    let file = open("resnet-bottleneck-torchvision.safetensors");
    let config = ResNetConfig::of(&file).expect("a ResNet");
    (file, config)
}

#[test]
fn a_configuration_is_read_off_the_file() {
    let (_, config) = resnet();
    assert_eq!(
        (config.depths, config.base_width, config.in_channels, config.num_classes),
        ([1, 2, 1, 1], 4, 3, Some(5))
    );
    let config = ResNetConfig::of(&open("resnet-basic-hugging-face.safetensors")).unwrap();
    assert_eq!((config.depths, config.feature_dim()), ([1, 2, 1, 1], 32));
    let config = VitConfig::of(&open("vit-hugging-face-pooler.safetensors")).unwrap();
    assert_eq!((config.embed_dim, config.depth, config.mlp_dim, config.patch_size), (16, 2, 24, 4));
    assert_eq!((config.image_size, config.num_classes, config.pooler), (16, None, true));
    assert_eq!(config.layer_norm_eps, 1e-12);
    assert_eq!(VitConfig::of(&open("vit-torchvision.pth")).unwrap().layer_norm_eps, 1e-6);
}

#[test]
fn the_report_says_what_was_loaded() {
    let file = open("resnet-bottleneck-training.pth");
    let network = ResNetConfig::of(&file).unwrap().init(&Device::flex());
    let (_, report) = network.load_weights(&file, &LoadOptions::new()).unwrap();
    assert_eq!(
        (report.layout, &report.prefix[..], report.loaded.len()),
        (WeightLayout::Torchvision, "state_dict.module.", 102)
    );
    assert_eq!(
        report.to_string(),
        "102 tensors in the torchvision layout under `state_dict.module.`"
    );
}

#[test]
fn everything_that_does_not_fit_is_listed() {
    let device = Device::flex();
    let (file, config) = resnet();
    let deeper = ResNetConfig { depths: [2, 1, 1, 1], num_classes: Some(3), ..config };
    let error = deeper.init(&device).load_weights(&file, &LoadOptions::new()).unwrap_err();
    let text = error.to_string();
    let found = mismatch(error);
    // The second block of the first stage is missing, that of the second stage is left over.
    assert_eq!(found.missing.len(), 15);
    assert!(found.missing.iter().all(|key| key.starts_with("layer1.1.")), "{:?}", found.missing);
    assert_eq!(found.unused.len(), 18, "{:?}", found.unused);
    assert!(found.unused.iter().all(|key| key.starts_with("layer2.1.")), "{:?}", found.unused);
    let misshaped: Vec<String> = found.misshaped.iter().map(ToString::to_string).collect();
    assert_eq!(
        misshaped,
        ["fc.weight (file [5, 128], network [3, 128])", "fc.bias (file [5], network [3])"]
    );
    for part in
        ["resnet-bottleneck-torchvision.safetensors: ", "15 missing: layer1.1.", "without_head"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_head_is_left_out_only_when_asked() {
    let device = Device::flex();
    for (name, head) in [("torchvision", "fc."), ("hugging-face", "classifier.1.")] {
        let file = open(&format!("resnet-basic-{name}.safetensors"));
        for num_classes in [None, Some(3)] {
            let config = ResNetConfig::of(&file).unwrap().with_num_classes(num_classes);
            let error = config.init(&device).load_weights(&file, &LoadOptions::new()).unwrap_err();
            assert!(error.to_string().contains("without_head"), "{error}");
            let network = config.init(&device);
            let before = saved(&network, WeightLayout::Torchvision);
            let (network, report) =
                network.load_weights(&file, &LoadOptions::new().without_head()).unwrap();
            assert_eq!(report.left_out, [format!("{head}bias"), format!("{head}weight")]);
            assert_eq!(report.kept.len(), if num_classes.is_some() { 2 } else { 0 });
            if num_classes.is_some() {
                let after = saved(&network, WeightLayout::Torchvision);
                assert_eq!(after.read("fc.weight").unwrap(), before.read("fc.weight").unwrap());
            }
        }
    }
}

#[test]
fn poolers_colours_and_strangers_are_left_out_only_when_asked() {
    let device = Device::flex();
    let file = open("vit-hugging-face-pooler.safetensors");
    let bare = || VitConfig::of(&file).unwrap().with_pooler(false).init(&device);
    assert!(
        bare()
            .load_weights(&file, &LoadOptions::new())
            .unwrap_err()
            .to_string()
            .contains("without_pooler")
    );
    bare().load_weights(&file, &LoadOptions::new().without_pooler()).expect("left out");

    let (file, config) = resnet();
    let grey = || config.clone().with_in_channels(1).init(&device);
    let error = grey().load_weights(&file, &LoadOptions::new()).unwrap_err();
    assert!(error.to_string().contains("grey_stem"), "{error}");
    assert_eq!(mismatch(error).misshaped[0].key, "conv1.weight");
    grey().load_weights(&file, &LoadOptions::new().grey_stem()).expect("added");

    let headless = || config.clone().with_num_classes(None).init(&device);
    assert!(headless().load_weights(&file, &LoadOptions::new()).is_err());
    headless().load_weights(&file, &LoadOptions::new().ignoring("fc.")).expect("ignored");
}

#[test]
fn another_network_is_not_recognised() {
    let (file, _) = resnet();
    let error = VitConfig::of(&file).unwrap_err().to_string();
    assert!(error.contains("no ViT that we know") && error.contains("bn1.bias"), "{error}");
    let error = ResNetConfig::of(&open("vit-timm.safetensors")).unwrap_err().to_string();
    assert!(error.contains("no ResNet that we know") && error.contains("blocks.0.attn"), "{error}");
}

#[test]
fn a_layout_without_a_place_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let network: Vit =
        VitConfig::of(&open("vit-hugging-face-pooler.safetensors")).unwrap().init(&Device::flex());
    let path = folder.path().join("vit.safetensors");
    let error = network.save_weights(&path, WeightLayout::Timm).unwrap_err().to_string();
    assert!(
        error.ends_with("vit.safetensors: the timm layout has no name for `pooler.dense.weight`"),
        "{error}"
    );
    let error = network.save_weights(&path, WeightLayout::Sequential).unwrap_err().to_string();
    assert!(error.contains("hugging-face-memory"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Opening `bytes` under `name` must fail, at once, and say why.
fn refused(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    let start = Instant::now();
    let error = TensorFile::open(&path).expect_err(name).to_string();
    assert!(start.elapsed() < Duration::from_secs(5), "{name} took {:?}", start.elapsed());
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
    assert!(TensorFile::open(folder.path()).unwrap_err().to_string().ends_with("not a file"));
}

/// The tensors of a fixture, each changed as `change` says, in a folder of their own; with further
/// files beside them.
fn changed(
    name: &str,
    beside: &[(&str, &str)],
    change: impl Fn(&str, &mut Vec<usize>, &mut Vec<f32>) -> Option<String>,
) -> (tempfile::TempDir, TensorFile) {
    let (folder, file) = (tempfile::tempdir().expect("a folder"), open(name));
    let mut tensors = BTreeMap::new();
    for key in file.keys() {
        let (mut shape, mut values) =
            (file.shape(key).expect("a shape").to_vec(), file.read(key).expect("values"));
        if let Some(key) = change(key, &mut shape, &mut values) {
            tensors.insert(key, (shape, values));
        }
    }
    let path = folder.path().join("model.safetensors");
    write_safetensors(&path, &tensors).expect("written");
    for (name, text) in beside {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    (folder, TensorFile::open(&path).expect("a file that we wrote"))
}

#[test]
fn one_network_of_several_is_taken_by_its_prefix_and_others_are_left_out() {
    // As MoCo saves it: a query and a key encoder, a projection head, a queue.
    let (folder, file) =
        (tempfile::tempdir().unwrap(), open("resnet-basic-torchvision.safetensors"));
    let mut tensors = BTreeMap::new();
    for key in file.keys() {
        let (shape, values) = (file.shape(key).unwrap().to_vec(), file.read(key).unwrap());
        let halves = values.iter().map(|value| 0.5 * value).collect();
        tensors.insert(format!("module.encoder_q.{key}"), (shape.clone(), values));
        tensors.insert(format!("module.encoder_k.{key}"), (shape, halves));
    }
    tensors.insert("module.queue".to_owned(), (vec![2], vec![0.0; 2]));
    let path = folder.path().join("moco.safetensors");
    write_safetensors(&path, &tensors).unwrap();
    let moco = || TensorFile::open(&path).unwrap();
    let load = |file: &TensorFile| {
        let config = ResNetConfig::of(file).unwrap();
        config.init(&Device::flex()).load_weights(file, &LoadOptions::new())
    };
    let error = load(&moco()).unwrap_err().to_string();
    assert!(
        error.contains("--ignore-weights): module.encoder_") && error.contains("module.queue"),
        "{error}"
    );
    for which in ["q", "k"] {
        let file = moco().under(&format!("module.encoder_{which}.")).unwrap();
        let (network, report) = load(&file).unwrap();
        assert_eq!(report.prefix, format!("module.encoder_{which}."));
        assert_eq!(report.left_out.len(), tensors.len() / 2 + 1);
        let saved = common::saved(&network, WeightLayout::Torchvision);
        let scale = if which == "q" { 1.0 } else { 0.5 };
        assert_eq!(
            saved.read("conv1.weight").unwrap()[0],
            scale * open("resnet-basic-torchvision.safetensors").read("conv1.weight").unwrap()[0]
        );
    }
    let error = moco().under("encoder.").unwrap_err().to_string();
    assert!(error.contains("no name begins with `encoder.`, but with module."), "{error}");
    load(&moco().without(&["module.encoder_k.".to_owned(), "module.queue".to_owned()])).unwrap();
}

#[test]
fn averaged_weights_are_found_beside_others() {
    let (_folder, file) =
        changed("vit-timm.safetensors", &[], |key, _, _| Some(format!("state_dict.{key}")));
    assert_eq!(file.averaged(), None);
    let (_folder, file) = changed("vit-timm.safetensors", &[], |key, _, _| {
        let container = if key.starts_with("norm.") { "state_dict." } else { "state_dict_ema." };
        Some(format!("{container}{key}"))
    });
    assert_eq!(file.averaged(), Some("state_dict_ema."));
}

#[test]
fn what_weights_do_not_say_stands_beside_them() {
    let same = |key: &str, _: &mut Vec<usize>, _: &mut Vec<f32>| Some(key.to_owned());
    let (_folder, file) = changed("vit-timm.safetensors", &[], same);
    let usual = VitConfig::of(&file).unwrap();
    let heads = 2 * usual.num_heads;
    let config = format!("{{\"num_attention_heads\": {heads}, \"image_mean\": [0.1, 0.2, 0.3]}}");
    let (_folder, file) = changed("vit-timm.safetensors", &[("config.json", &config)], same);
    assert_eq!(VitConfig::of(&file).unwrap().num_heads, heads);
    assert_eq!(file.companions().mean, Some(vec![0.1, 0.2, 0.3]));
    let (_folder, file) =
        changed("vit-timm.safetensors", &[("config.json", "{\"num_heads\": 7}")], same);
    let error = VitConfig::of(&file).unwrap_err().to_string();
    assert!(error.contains("cannot be shared among 7 heads"), "{error}");
    // As many patches in another shape.
    let (patch, side) = (usual.patch_size, usual.image_size / usual.patch_size);
    let sides = format!("{{\"image_size\": [{}, {}]}}", patch * side * side, patch);
    let (_folder, file) = changed("vit-timm.safetensors", &[("config.json", &sides)], same);
    assert!(VitConfig::of(&file).unwrap_err().to_string().contains("only squares"));
    let early = [("config.json", "{\"downsample_in_bottleneck\": true}")];
    let (_folder, file) = changed("resnet-bottleneck-hugging-face.safetensors", &early, same);
    assert!(ResNetConfig::of(&file).unwrap_err().to_string().contains("downsample_in_bottleneck"));
}

#[test]
fn tensors_without_values_and_values_that_are_none_are_refused() {
    let (_folder, file) = changed("resnet-basic-torchvision.safetensors", &[], |key, _, values| {
        if key == "layer1.0.conv1.weight" {
            values[3] = f32::NAN;
        }
        Some(key.to_owned())
    });
    let config = ResNetConfig::of(&file).unwrap();
    let error = config
        .init(&Device::flex())
        .load_weights(&file, &LoadOptions::new())
        .unwrap_err()
        .to_string();
    assert!(error.contains("`layer1.0.conv1.weight` has the value NaN at place 3"), "{error}");
    for empty in ["conv1.weight", "fc.weight"] {
        let (_folder, file) =
            changed("resnet-basic-torchvision.safetensors", &[], |key, shape, values| {
                if key == empty {
                    shape[usize::from(empty == "conv1.weight")] = 0;
                    values.clear();
                }
                Some(key.to_owned())
            });
        let error = ResNetConfig::of(&file).unwrap_err().to_string();
        assert!(error.contains("a tensor without a value"), "{error}");
    }
}

#[test]
fn shards_are_one_file_by_their_index() {
    let (folder, file) = (tempfile::tempdir().unwrap(), open("vit-timm.safetensors"));
    let (mut shards, mut map) = ([BTreeMap::new(), BTreeMap::new()], BTreeMap::new());
    for (at, key) in file.keys().enumerate() {
        let tensor = (file.shape(key).unwrap().to_vec(), file.read(key).unwrap());
        shards[at % 2].insert(key.to_owned(), tensor);
        map.insert(key.to_owned(), format!("model-{}.safetensors", at % 2));
    }
    for (at, shard) in shards.iter().enumerate() {
        write_safetensors(&folder.path().join(format!("model-{at}.safetensors")), shard).unwrap();
    }
    let index = folder.path().join("model.safetensors.index.json");
    let open_index = |map: &BTreeMap<String, String>| {
        std::fs::write(&index, serde_json::json!({"metadata": {}, "weight_map": map}).to_string())
            .unwrap();
        TensorFile::open(&index)
    };
    let whole = open_index(&map).unwrap();
    assert!(whole.keys().eq(file.keys()));
    assert!(file.keys().all(|key| whole.read(key).unwrap() == file.read(key).unwrap()));
    let first = map.keys().next().unwrap().clone();
    for (file, reason) in [
        ("../model-0.safetensors", "is not the name of a file beside it"),
        ("model-1.safetensors", "no tensor"),
        ("model-2.safetensors", "No such file"),
    ] {
        let mut map = map.clone();
        map.insert(first.clone(), file.to_owned());
        let error = open_index(&map).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    map.remove(&first);
    assert!(open_index(&map).unwrap_err().to_string().contains("that the index does not know"));
}

/// A few changes: bytes, spans that are cut, doubled or moved, and numbers that mean much.
fn mutated(mut bytes: Vec<u8>, rng: &mut impl Rng) -> Vec<u8> {
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..bytes.len().max(1)).min(bytes.len());
        // Headers and pickles say more than values: half of the changes fall into the first 600
        // bytes.
        let at = if rng.random_bool(0.5) { at.min(rng.random_range(0..600)) } else { at };
        let end = (at + rng.random_range(0..40)).min(bytes.len());
        match rng.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] = rng.random(),
            1 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let span = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, span);
            }
            4 if rng.random_range(0..10) == 0 => bytes.truncate(at),
            _ => {
                let number: [u8; 4] =
                    if rng.random_bool(0.5) { [0xFF; 4] } else { [0, 0, 0, 0x40] };
                bytes.splice(at..end.min(at + 4), number);
            }
        }
    }
    bytes
}

#[test]
fn mutated_files_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let seeds =
        ["vit-timm.safetensors", "vit-torchvision.pth", "hostile.pth", "expanded.pth", "twice.pth"];
    let seeds = seeds.map(|name| (name, std::fs::read(path(name)).unwrap()));
    let mut read = 0;
    for index in 0..3_000 {
        let (name, bytes) = &seeds[index as usize % seeds.len()];
        let bytes = mutated(bytes.clone(), &mut sample_rng(2_028, index));
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let Ok(file) = TensorFile::open(&path) else { continue };
        for key in file.keys() {
            // No more values than there are bytes, whatever the file says of itself.
            if let Ok(values) = file.read(key) {
                assert!(values.len() <= bytes.len(), "{name} {index}: {} of {key}", values.len());
            }
        }
        if let Ok(config) = VitConfig::of(&file) {
            read += usize::from(config.embed_dim > 0);
        }
    }
    assert!(read > 100, "{read}");
}
