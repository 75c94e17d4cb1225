"""Makes the fixtures of the parity tests: small networks of torchvision, timm and transformers, with random weights.

    python -m venv /tmp/originals && /tmp/originals/bin/pip install -r requirements.txt
    /tmp/originals/bin/python fixtures.py ../fixtures

Every weight file is written in the layout of the program that it names; every `*-expected.safetensors` holds images and
what the original makes of them. The versions and the seed are in the header of each file. Where two originals implement
the same network, this script checks that they agree before it writes anything.
"""

import os
import sys
from pathlib import Path

import timm
import torch
import torchvision
import transformers
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

SEED = 20
HEADER = {
    "seed": str(SEED),
    **{package.__name__: package.__version__ for package in (torch, torchvision, timm, transformers)},
}
CLASSES = 5
WIDTH = 4  # channels of the stem, 64 in the published networks


def write(tensors: dict, path: Path) -> None:
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, path, metadata=HEADER)


def randomise(network: nn.Module) -> nn.Module:
    """No parameter or statistic keeps a value that could be mistaken for another's."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif name.endswith("num_batches_tracked"):
                tensor.fill_(7)
            elif tensor.ndim == 1 and name.endswith("weight"):
                tensor.uniform_(0.5, 1.5)
            elif tensor.ndim >= 2 and "token" not in name and "pos" not in name:
                tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5)
            else:
                tensor.normal_(0, 0.2)
    return network.eval()


def agree(what: str, first: torch.Tensor, second: torch.Tensor) -> None:
    difference = ((first - second).abs().max() / first.abs().max()).item()
    assert difference < 1e-5, f"{what}: the originals differ by {difference}"


class SmallResNet(torchvision.models.ResNet):
    """torchvision's network with a narrower stem; blocks, stages and forward pass are torchvision's own."""

    def __init__(self, block, depths):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = nn.BatchNorm2d, WIDTH, 1, 1, 64
        self.conv1 = nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for at, depth in enumerate(depths):
            setattr(self, f"layer{at + 1}", self._make_layer(block, WIDTH << at, depth, stride=1 if at == 0 else 2))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear((WIDTH << 3) * block.expansion, CLASSES)


def resnet(folder: Path, name: str, block, depths) -> None:
    torch.manual_seed(SEED)
    network = randomise(SmallResNet(block, depths))
    published = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    images = torch.randn(3, 3, 45, 62)

    expected = {"images": images}
    with torch.no_grad():
        x = expected["stem"] = network.maxpool(network.relu(network.bn1(network.conv1(images))))
        for at in range(1, 5):
            x = expected[f"stage{at}"] = getattr(network, f"layer{at}")(x)
        expected["features"] = x.mean((2, 3))
        expected["logits"] = network(images)

    expansion = block.expansion
    hugging_face = transformers.ResNetForImageClassification(
        transformers.ResNetConfig(
            embedding_size=WIDTH,
            hidden_sizes=[(WIDTH << at) * expansion for at in range(4)],
            depths=depths,
            layer_type="basic" if block is BasicBlock else "bottleneck",
            num_labels=CLASSES,
        )
    ).eval()
    theirs = hugging_face.state_dict()
    renamed = {hugging_face_resnet_name(key): tensor for key, tensor in published.items()}
    assert sorted(renamed) == sorted(theirs), sorted(set(renamed) ^ set(theirs))[:4]
    hugging_face.load_state_dict(renamed)
    agree("transformers ResNet", expected["logits"], hugging_face(images).logits)

    network.train()
    weights = torch.randn(3, CLASSES)
    logits = network(images)
    (logits * weights).sum().backward()
    expected["loss_weights"] = weights
    expected["train.logits"] = logits
    expected |= {f"gradient.{key}": parameter.grad for key, parameter in network.named_parameters()}
    expected |= {f"after.{key}": tensor for key, tensor in network.state_dict().items() if "running" in key}

    write(expected, folder / f"{name}-expected.safetensors")
    write(published, folder / f"{name}-torchvision.safetensors")
    write(renamed, folder / f"{name}-hugging-face.safetensors")
    # As a data-parallel training script leaves it.
    wrapped = {"epoch": 3, "state_dict": {f"module.{key}": tensor for key, tensor in published.items()}}
    torch.save(wrapped, folder / f"{name}-training.pth")


def hugging_face_resnet_name(key: str) -> str:
    parts = key.split(".")
    kind = {"conv": "convolution", "bn": "normalization"}
    if parts[0] == "fc":
        return f"classifier.1.{parts[1]}"
    if parts[0] in ("conv1", "bn1"):
        return f"resnet.embedder.embedder.{kind[parts[0][:-1]]}.{parts[1]}"
    block = f"resnet.encoder.stages.{int(parts[0][5:]) - 1}.layers.{parts[1]}"
    if parts[2] == "downsample":
        return f"{block}.shortcut.{('convolution', 'normalization')[int(parts[3])]}.{parts[4]}"
    return f"{block}.layer.{int(parts[2][-1]) - 1}.{kind[parts[2][:-1]]}.{parts[3]}"


def vit(folder: Path) -> None:
    torch.manual_seed(SEED)
    dim, depth, heads, mlp, patch, size = 16, 2, 2, 24, 4, 16
    timm_vit = randomise(
        timm.models.vision_transformer.VisionTransformer(
            img_size=size, patch_size=patch, embed_dim=dim, depth=depth, num_heads=heads, mlp_ratio=mlp / dim, num_classes=CLASSES
        )
    )
    ours = {key: tensor.clone() for key, tensor in timm_vit.state_dict().items()}
    images, wide = torch.randn(2, 3, size, size), torch.randn(2, 3, 24, 12)

    saved, memory, torchvision_names = {}, {}, {}
    top = {
        "cls_token": ("embeddings.cls_token", "class_token"),
        "pos_embed": ("embeddings.position_embeddings", "encoder.pos_embedding"),
        "patch_embed.proj": ("embeddings.patch_embeddings.projection", "conv_proj"),
        "norm": ("layernorm", "encoder.ln"),
        "head": ("classifier", "heads.head"),
    }
    for key, tensor in ours.items():
        stem, _, leaf = key.rpartition(".")
        if not key.startswith("blocks."):
            theirs, tv = top.get(key) or tuple(f"{new}.{leaf}" for new in top[stem])
            prefix = "" if key.startswith("head") else "vit."
            saved[prefix + theirs] = memory[prefix + theirs] = torchvision_names[tv] = tensor
            continue
        _, n, part = stem.split(".", 2)
        new = f"vit.encoder.layer.{n}"
        tv = f"encoder.layers.encoder_layer_{n}"
        if part == "attn.qkv":
            torchvision_names[f"{tv}.self_attention.in_proj_{leaf}"] = tensor
            for name, third in zip(("query", "key", "value"), tensor.chunk(3)):
                saved[f"{new}.attention.attention.{name}.{leaf}"] = third
                memory[f"vit.layers.{n}.attention.{name[0]}_proj.{leaf}"] = third
            continue
        new_part, memory_part, tv_part = {
            "attn.proj": ("attention.output.dense", "attention.o_proj", "self_attention.out_proj"),
            "mlp.fc1": ("intermediate.dense", "mlp.fc1", "mlp.0"),
            "mlp.fc2": ("output.dense", "mlp.fc2", "mlp.3"),
            "norm1": ("layernorm_before",) * 2 + ("ln_1",),
            "norm2": ("layernorm_after",) * 2 + ("ln_2",),
        }[part]
        saved[f"{new}.{new_part}.{leaf}"] = tensor
        memory[f"vit.layers.{n}.{memory_part}.{leaf}"] = tensor
        torchvision_names[f"{tv}.{tv_part}.{leaf}"] = tensor

    config = transformers.ViTConfig(
        hidden_size=dim, num_hidden_layers=depth, num_attention_heads=heads, intermediate_size=mlp, image_size=size,
        patch_size=patch, num_labels=CLASSES, attn_implementation="eager",
    )
    hugging_face = transformers.ViTForImageClassification(config).eval()
    hugging_face.load_state_dict(memory)
    torchvision_vit = torchvision.models.VisionTransformer(size, patch, depth, heads, dim, mlp, num_classes=CLASSES).eval()
    torchvision_vit.load_state_dict(torchvision_names)

    expected = {"images": images, "wide_images": wide}
    with torch.no_grad():
        tokens = expected["timm.tokens"] = timm_vit.forward_features(images)
        expected["timm.logits"] = timm_vit(images)
        expected["torchvision.logits"] = torchvision_vit(images)
        # eps differs (1e-6 here, 1e-12 there) and nothing else.
        agree("torchvision ViT", expected["timm.logits"], expected["torchvision.logits"])
        output = hugging_face(images, output_attentions=True)
        expected["hugging_face.logits"] = output.logits
        expected |= {f"attention.{n}": maps for n, maps in enumerate(output.attentions)}
        expected["hugging_face.tokens"] = hugging_face.vit(images).last_hidden_state
        expected["wide_tokens"] = hugging_face.vit(wide, interpolate_pos_encoding=True).last_hidden_state
        expected["mean_features"] = tokens[:, 1:].mean(1)

    pooled = transformers.ViTModel(config, add_pooling_layer=True).eval()
    dense = {"weight": torch.randn(dim, dim) / dim**0.5, "bias": torch.randn(dim) / 5}
    body = {key.removeprefix("vit."): tensor for key, tensor in memory.items() if key.startswith("vit.")}
    pooled.load_state_dict(body | {f"pooler.dense.{key}": tensor for key, tensor in dense.items()})
    with torch.no_grad():
        expected["pooled"] = pooled(images).pooler_output

    timm_vit.train()
    weights = torch.randn(2, CLASSES)
    (timm_vit(images) * weights).sum().backward()
    expected["loss_weights"] = weights
    expected |= {f"gradient.{key}": parameter.grad for key, parameter in timm_vit.named_parameters()}

    write(expected, folder / "vit-expected.safetensors")
    write(ours, folder / "vit-timm.safetensors")
    # transformers 5 itself writes the names that files have always had.
    hugging_face.save_pretrained(folder / "saved")
    (folder / "saved" / "model.safetensors").rename(folder / "vit-hugging-face.safetensors")
    pooled.save_pretrained(folder / "saved")
    (folder / "saved" / "model.safetensors").rename(folder / "vit-hugging-face-pooler.safetensors")
    (folder / "saved" / "config.json").unlink()
    (folder / "saved").rmdir()
    torch.save(hugging_face.state_dict(), folder / "vit-hugging-face-memory.bin")
    torch.save(torchvision_vit.state_dict(), folder / "vit-torchvision.pth")


class Hostile:
    """Runs a command in whoever unpickles it."""

    def __reduce__(self):
        return os.system, ("touch heatmap-fixture-was-run",)


def hostile(folder: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(2), "extra": Hostile()}, folder / "hostile.pth")


if __name__ == "__main__":
    out = Path(sys.argv[1])
    torch.set_num_threads(1)
    resnet(out, "resnet-bottleneck", Bottleneck, [1, 2, 1, 1])
    resnet(out, "resnet-basic", BasicBlock, [1, 2, 1, 1])
    vit(out)
    hostile(out)
