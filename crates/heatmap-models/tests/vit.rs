//! The family against its published sizes, and what it refuses.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Tensor};
use heatmap_models::{Encoder, ModelName, Vit, VitConfig};

#[test]
fn the_number_of_parameters_is_as_published() {
    // timm 1.0: sum(p.numel() for p in model.parameters()), vit_*_patch*_224 with 1,000 classes.
    for (config, published) in [
        (VitConfig::tiny(16), 5_717_416),
        (VitConfig::small(16), 22_050_664),
        (VitConfig::small(32), 22_878_952),
        (VitConfig::base(8), 86_576_872),
        (VitConfig::base(16), 86_567_656),
        (VitConfig::base(32), 88_224_232),
        (VitConfig::large(16), 304_326_632),
    ] {
        let network = config.with_num_classes(Some(1000)).init(&Device::flex());
        assert_eq!(network.num_params(), published);
    }
    // vit_*_patch14_dinov2 without classes.
    for (name, published) in [
        (ModelName::VIT_S14, 22_056_192),
        (ModelName::VIT_B14, 86_579_712),
        (ModelName::VIT_L14, 304_367_616),
    ] {
        assert_eq!(name.config().init(&Device::flex()).num_params(), published, "{name}");
    }
    // vit_small_patch14_reg4_dinov2.
    let registers = VitConfig::small(14).with_image_size(518).with_layer_scale(true);
    let registers = registers.with_register_tokens(4).with_class_position(false);
    assert_eq!(registers.init(&Device::flex()).num_params(), 22_057_344);
}

#[test]
fn tokens_features_and_maps_have_their_shapes() {
    let device = Device::flex();
    let network = VitConfig::tiny(16).with_in_channels(1).init(&device);
    let images = || Tensor::zeros([2, 1, 224, 224], &device);
    assert_eq!(network.forward_tokens(images()).dims(), [2, 197, 192]);
    assert_eq!(network.forward_features(images()).dims(), [2, 192]);
    assert_eq!((network.feature_dim(), network.in_channels()), (192, 1));
    let maps = network.forward_attention(Tensor::zeros([1, 1, 32, 48], &device));
    assert_eq!((maps.len(), maps[11].dims()), (12, [1, 3, 7, 7]));
}

#[test]
#[should_panic(expected = "num_heads 5 must divide embed_dim 192")]
fn heads_must_divide_the_width() {
    VitConfig { num_heads: 5, ..VitConfig::tiny(16) }.init(&Device::flex());
}

#[test]
#[should_panic(expected = "patch_size 16 must divide image_size 100")]
fn patches_must_divide_the_image() {
    VitConfig::tiny(16).with_image_size(100).init(&Device::flex());
}

#[test]
#[should_panic(expected = "images of 30 x 32 px cannot be cut into patches of 16 px")]
fn other_sizes_must_be_cut_into_patches_too() {
    let device = Device::flex();
    VitConfig::tiny(16).init(&device).forward_features(Tensor::zeros([1, 3, 30, 32], &device));
}

#[test]
#[should_panic(expected = "configure num_classes")]
fn logits_without_a_head_are_refused() {
    let device = Device::flex();
    VitConfig::tiny(16).init(&device).forward(Tensor::zeros([1, 3, 32, 32], &device));
}

#[test]
fn a_map_holds_the_patch_tokens_at_their_places() {
    let device = Device::flex();
    let network = VitConfig { depth: 1, ..VitConfig::tiny(8) }
        .with_in_channels(1)
        .with_image_size(32)
        .init(&device);
    let images = Tensor::random([2, 1, 16, 32], Distribution::Default, &device);
    let [map] = &network.forward_maps(images.clone())[..] else { panic!("a ViT has one map") };
    assert_eq!(map.dims(), [2, 192, 2, 4]);
    // Row 1, column 2 is patch 6, behind the class token.
    let token = network.forward_tokens(images).slice([1..2, 7..8]).reshape([192]);
    assert_eq!(
        map.clone().slice([1..2, 0..192, 1..2, 2..3]).reshape([192]).into_data(),
        token.into_data()
    );
}

#[test]
fn frozen_parts_get_no_gradient() {
    let device = Device::flex().autodiff();
    let plain =
        VitConfig { depth: 3, ..VitConfig::tiny(8) }.with_in_channels(1).with_image_size(16);
    let scaled = plain.clone().with_register_tokens(4).with_layer_scale(true).with_fc_norm(true);
    let images = Tensor::random([2, 1, 16, 16], Distribution::Default, &device);
    let gradients = |network: &Vit| {
        let gradients = network.forward_features(images.clone()).sum().backward();
        GradientsParams::from_grads(gradients, network).len()
    };
    for (config, of_a_block) in [(plain, 12), (scaled, 14)] {
        let network = config.init(&device).materialize();
        let counts: Vec<usize> =
            (0..=4).map(|parts| gradients(&network.clone().freeze_leading(parts))).collect();
        // Two of the last normalisation, which is always trained.
        let trained: Vec<usize> = (0..=3).rev().map(|blocks| 2 + of_a_block * blocks).collect();
        assert_eq!(counts[1..], trained);
        // Patches (2), class token and positions, and the registers.
        assert_eq!(counts[0] - counts[1], if of_a_block == 12 { 4 } else { 5 });
    }
}
