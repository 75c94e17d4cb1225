//! What a file says beside its tensors, and files that hold several networks or a part of one.

mod common;

use std::collections::BTreeMap;

use burn::tensor::Device;
use common::open;
use heatmap_models::weights::write_safetensors;
use heatmap_models::{LoadOptions, Pretrained, ResNetConfig, TensorFile, VitConfig, WeightLayout};

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
        error.ends_with(
            "To leave the unused ones out: --ignore-weights module.encoder_q. \
             --ignore-weights module.queue"
        ),
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

/// What becomes of a tensor of a file: its new name, none if it is left out.
type Change<'a> = dyn Fn(&str, &mut Vec<usize>, &mut Vec<f32>) -> Option<String> + 'a;

#[test]
fn blocks_and_tokens_that_are_not_known_are_named() {
    let (name, inner) = ("dinov2-original.pth", "blocks.0.mlp.fc1.weight");
    let error = |change: &Change<'_>| {
        let (_folder, file) = changed(name, &[], change);
        VitConfig::of(&file).unwrap_err().to_string()
    };
    let gated = error(&|key, _, _| Some(key.replace("mlp.fc1", "mlp.w12")));
    assert!(gated.contains("`blocks.0.mlp.w12.weight`: the gated MLP (SwiGLU)"), "{gated}");
    // timm names both inner layers after one.
    let packed = error(&|key, shape, values| {
        if key == inner {
            shape[0] *= 2;
            values.extend(values.clone());
        }
        Some(key.to_owned())
    });
    assert!(packed.contains(&format!("`{inner}`: the gated MLP (SwiGLU)")), "{packed}");
    let headless = error(&|key, _, _| (key != "cls_token").then(|| key.to_owned()));
    assert!(headless.contains("no class token"), "{headless}");
    let places = error(&|key, shape, values| {
        if key == "pos_embed" {
            shape[1] -= 2;
            values.truncate(8 * shape[2]);
        }
        Some(key.to_owned())
    });
    assert!(places.contains("8 positions are not those of a square grid"), "{places}");
}

#[test]
fn a_folder_stands_for_the_one_file_in_it() {
    let (folder, file) = (tempfile::tempdir().unwrap(), open("vit-hugging-face.safetensors"));
    let at = |name: &str| folder.path().join(name);
    let open_folder = || TensorFile::open(folder.path());
    let refused = || open_folder().unwrap_err().to_string();
    std::fs::write(at("config.json"), "{\"num_attention_heads\": 2}").unwrap();
    assert!(refused().contains("a folder with none of model.safetensors, "), "{}", refused());
    std::fs::write(at("pytorch_model.bin.index.json"), "{}").unwrap();
    assert!(refused().contains("pytorch_model.bin.index.json"), "{}", refused());

    std::fs::copy(common::path("vit-hugging-face.safetensors"), at("model.safetensors")).unwrap();
    let found = open_folder().expect("the weights");
    assert_eq!(found.path(), at("model.safetensors"));
    assert!(found.keys().eq(file.keys()));
    assert_eq!(found.companions().heads, Some(2));

    std::fs::copy(common::path("vit-hugging-face-memory.bin"), at("pytorch_model.bin")).unwrap();
    assert!(
        refused().ends_with(
            "a folder with model.safetensors and pytorch_model.bin: name one of \
                             them"
        ),
        "{}",
        refused()
    );
    std::fs::remove_file(at("model.safetensors")).unwrap();
    assert_eq!(open_folder().expect("a pickle").path(), at("pytorch_model.bin"));

    // The shards of a large network, of which here is one.
    std::fs::remove_file(at("pytorch_model.bin")).unwrap();
    let map: BTreeMap<&str, &str> = file.keys().map(|key| (key, "shard.safetensors")).collect();
    std::fs::copy(common::path("vit-hugging-face.safetensors"), at("shard.safetensors")).unwrap();
    std::fs::write(
        at("model.safetensors.index.json"),
        serde_json::json!({ "weight_map": map }).to_string(),
    )
    .unwrap();
    assert!(open_folder().expect("shards").keys().eq(file.keys()));
}
