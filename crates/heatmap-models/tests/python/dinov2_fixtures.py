"""Makes the fixtures of DINOv2 and of mean pooling: small networks of timm and transformers, with random weights.

    python -m venv /tmp/originals && /tmp/originals/bin/pip install -r requirements.txt
    /tmp/originals/bin/python dinov2_fixtures.py ../fixtures

The files of DINOv2 itself (facebookresearch/dinov2) are made by hand: its names are known to timm, which converts them, and
transformers is given the same weights; both must agree. What the original makes of images of another size is that of timm
with positions that were resampled as `interpolate_pos_encoding` does, with `interpolate_offset=0.1`.
"""

import sys
from pathlib import Path

import timm
import torch
import transformers
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch.nn.functional import interpolate

from fixtures import CLASSES, SEED, agree, randomise, write

DIM, DEPTH, HEADS, MLP_RATIO, PATCH, SIZE, WIDE = 16, 2, 2, 2, 14, 42, (28, 56)
GRID = SIZE // PATCH


def network(registers: int, **settings) -> VisionTransformer:
    return VisionTransformer(
        img_size=SIZE, patch_size=PATCH, in_chans=1, embed_dim=DIM, depth=DEPTH, num_heads=HEADS, mlp_ratio=MLP_RATIO,
        num_classes=0, init_values=1e-5, reg_tokens=registers, no_embed_class=registers > 0, **settings,
    )


def original(registers: int) -> dict:
    """The weights under the names of DINOv2: positions have one for the class token, and there is a mask token."""
    weights = {key: tensor.clone() for key, tensor in randomise(network(registers)).state_dict().items()}
    weights["pos_embed"] = torch.randn(1, GRID**2 + 1, DIM) / 5
    weights["mask_token"] = torch.randn(1, DIM) / 5
    for key in weights:
        if key.endswith("gamma"):
            weights[key] = torch.rand(DIM) + 0.5
    if registers:
        weights["register_tokens"] = weights.pop("reg_token")
    return weights


def hugging_face(registers: int, weights: dict):
    settings = dict(
        hidden_size=DIM, num_hidden_layers=DEPTH, num_attention_heads=HEADS, mlp_ratio=MLP_RATIO, image_size=SIZE,
        patch_size=PATCH, num_channels=1, attn_implementation="eager",
    )
    if registers:
        config = transformers.Dinov2WithRegistersConfig(num_register_tokens=registers, **settings)
        model = transformers.Dinov2WithRegistersModel(config)
    else:
        model = transformers.Dinov2Model(transformers.Dinov2Config(**settings))
    top = {
        "cls_token": "embeddings.cls_token",
        "mask_token": "embeddings.mask_token",
        "register_tokens": "embeddings.register_tokens",
        "pos_embed": "embeddings.position_embeddings",
    }
    renamed = {}
    for key, tensor in weights.items():
        stem, _, leaf = key.rpartition(".")
        if key in top:
            renamed[top[key]] = tensor
        elif not key.startswith("blocks."):
            stem = {"patch_embed.proj": "embeddings.patch_embeddings.projection", "norm": "layernorm"}[stem]
            renamed[f"{stem}.{leaf}"] = tensor
        else:
            _, n, part = stem.split(".", 2)
            block = f"encoder.layer.{n}"
            if part == "attn.qkv":
                for name, third in zip("qkv", tensor.chunk(3)):
                    renamed[f"{block}.attention.{name}_proj.{leaf}"] = third
            elif part in ("ls1", "ls2"):
                renamed[f"{block}.layer_scale{part[-1]}.lambda1"] = tensor
            else:
                renamed[f"{block}.{part.replace('attn.proj', 'attention.o_proj')}.{leaf}"] = tensor
    model.load_state_dict(renamed)
    return model.eval()


def dinov2(folder: Path, registers: int) -> None:
    torch.manual_seed(SEED)
    name = "dinov2-registers" if registers else "dinov2"
    weights = original(registers)
    of_timm = network(registers, dynamic_img_size=True).eval()
    converted = checkpoint_filter_fn({key: tensor.clone() for key, tensor in weights.items()}, of_timm)
    of_timm.load_state_dict(converted)
    of_transformers = hugging_face(registers, weights)
    images, wide = torch.randn(2, 1, SIZE, SIZE), torch.randn(2, 1, *WIDE)
    expected = {"images": images, "wide_images": wide}
    with torch.no_grad():
        tokens = expected["tokens"] = of_timm.forward_features(images)
        agree("transformers", tokens, of_transformers(images).last_hidden_state)
        expected["mean_features"] = tokens[:, 1 + registers :].mean(1)
        resampled = expected["timm.wide_tokens"] = of_timm.forward_features(wide)
        expected["hugging_face.wide_tokens"] = of_transformers(wide).last_hidden_state
        if registers:
            agree("transformers, other sizes", resampled, expected["hugging_face.wide_tokens"])
            expected["original.wide_tokens"] = resampled
        else:
            expected["original.wide_tokens"] = shifted(converted, wide)
    factors = expected["loss_weights"] = torch.randn_like(tokens)
    (of_timm.forward_features(images) * factors).sum().backward()
    expected |= {f"gradient.{key}": parameter.grad for key, parameter in of_timm.named_parameters()}
    write(expected, folder / f"{name}-expected.safetensors")
    torch.save(weights, folder / f"{name}-original.pth")
    write(converted, folder / f"{name}-timm.safetensors")
    torch.save(of_transformers.state_dict(), folder / f"{name}-hugging-face-memory.bin")
    of_transformers.save_pretrained(folder / "saved")
    (folder / "saved" / "model.safetensors").rename(folder / f"{name}-hugging-face.safetensors")
    (folder / "saved" / "config.json").unlink()
    (folder / "saved").rmdir()


def shifted(weights: dict, images: torch.Tensor) -> torch.Tensor:
    """What DINOv2 without registers makes of images of another size."""
    rows, columns = (side // PATCH for side in images.shape[2:])
    positions = weights["pos_embed"][:, 1:].reshape(1, GRID, GRID, DIM).permute(0, 3, 1, 2)
    factors = ((rows + 0.1) / GRID, (columns + 0.1) / GRID)
    positions = interpolate(positions, scale_factor=factors, mode="bicubic").permute(0, 2, 3, 1).flatten(1, 2)
    other = VisionTransformer(
        img_size=tuple(images.shape[2:]), patch_size=PATCH, in_chans=1, embed_dim=DIM, depth=DEPTH, num_heads=HEADS,
        mlp_ratio=MLP_RATIO, num_classes=0, init_values=1e-5,
    ).eval()
    other.load_state_dict(weights | {"pos_embed": torch.cat([weights["pos_embed"][:, :1], positions], 1)})
    return other.forward_features(images)


def mean(folder: Path) -> None:
    """A ViT of timm that is pooled by its mean, so that its last normalisation is `fc_norm`."""
    torch.manual_seed(SEED)
    pooled = randomise(
        VisionTransformer(
            img_size=16, patch_size=4, embed_dim=DIM, depth=1, num_heads=HEADS, mlp_ratio=MLP_RATIO, num_classes=CLASSES,
            global_pool="avg",
        )
    )
    images = torch.randn(2, 3, 16, 16)
    expected = {"images": images}
    with torch.no_grad():
        tokens = expected["tokens"] = pooled.forward_features(images)
        expected["features"] = pooled.forward_head(tokens, pre_logits=True)
        # The same weights, pooled by the class token.
        expected["cls_features"] = pooled.fc_norm(tokens[:, 0])
    logits = expected["logits"] = pooled(images)
    weights = expected["loss_weights"] = torch.randn(2, CLASSES)
    (logits * weights).sum().backward()
    expected |= {f"gradient.{key}": parameter.grad for key, parameter in pooled.named_parameters()}
    write(expected, folder / "vit-mean-expected.safetensors")
    write(pooled.state_dict(), folder / "vit-mean-timm.safetensors")


if __name__ == "__main__":
    out = Path(sys.argv[1])
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    for registers in (0, 4):
        dinov2(out, registers)
    mean(out)
