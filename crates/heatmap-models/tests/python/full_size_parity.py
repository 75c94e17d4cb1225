"""Compares ResNet-50 and ViT-B/16 at full size with the originals, in every layout that they save.

    python -m venv /tmp/originals && /tmp/originals/bin/pip install -r crates/heatmap-models/tests/python/requirements.txt
    cargo build --release --example features
    /tmp/originals/bin/python crates/heatmap-models/tests/python/full_size_parity.py target/release/examples/features

Random weights and images are drawn once; torchvision, timm and transformers each save what they made of them; the program
reads every file and runs on the same images. Printed is the largest difference in units of the largest value. Exit code 1
if any is above 1e-4. The published checkpoints go the same way: give their files to `--weights`.

Options: --device cpu,ndarray,wgpu (one or several, as the program was built), --images N. With several devices the largest
difference between two of them is printed too.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

import timm
import torch
import torchvision
import transformers
from safetensors.torch import load_file, save_file

from fixtures import hugging_face_resnet_name, randomise

LIMIT = 1e-4


def resnet50(folder: Path, images: torch.Tensor):
    network = randomise(torchvision.models.resnet50())
    with torch.no_grad():
        features = torch.nn.Sequential(*list(network.children())[:-1])(images).flatten(1)
        expected = {"features": features, "logits": network(images)}
    torch.save(network.state_dict(), folder / "torchvision.pth")
    save_file(network.state_dict(), folder / "torchvision.safetensors")
    other = timm.create_model("resnet50").eval()
    other.load_state_dict(network.state_dict())
    torch.save({"epoch": 1, "state_dict": {f"module.{k}": v for k, v in other.state_dict().items()}}, folder / "timm-training.pth")
    with torch.no_grad():
        yield "resnet50", "timm in a training script's file", folder / "timm-training.pth", {
            "features": other.forward_head(other.forward_features(images), pre_logits=True), "logits": other(images)}
    hugging_face = transformers.ResNetForImageClassification(transformers.ResNetConfig(num_labels=1000)).eval()
    hugging_face.load_state_dict({hugging_face_resnet_name(key): value for key, value in network.state_dict().items()})
    hugging_face.save_pretrained(folder / "resnet-hugging-face")
    yield "resnet50", "torchvision .pth", folder / "torchvision.pth", expected
    yield "resnet50", "torchvision .safetensors", folder / "torchvision.safetensors", expected
    with torch.no_grad():
        yield "resnet50", "transformers, as saved", folder / "resnet-hugging-face" / "model.safetensors", {
            "features": hugging_face.resnet(images).pooler_output.flatten(1), "logits": hugging_face(images).logits}


def vit_b16(folder: Path, images: torch.Tensor):
    network = timm.create_model("vit_base_patch16_224").eval()
    with torch.no_grad():
        # Fresh biases are zero and fresh positions tiny: nothing that is misplaced would be seen.
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
        tokens = network.forward_features(images)
        expected = {"tokens": tokens, "features": tokens[:, 0], "logits": network(images)}
    save_file(network.state_dict(), folder / "vit-timm.safetensors")
    yield "vit-b16", "timm .safetensors", folder / "vit-timm.safetensors", expected

    memory, of_torchvision = {}, {}
    for key, tensor in network.state_dict().items():
        if key.startswith("blocks."):
            _, n, part, *rest = key.split(".")
            leaf, layer = rest[-1], ".".join([part, *rest[:-1]])
            names = {"norm1": ("layernorm_before", "ln_1"), "norm2": ("layernorm_after", "ln_2"),
                     "attn.proj": ("attention.o_proj", "self_attention.out_proj"),
                     "mlp.fc1": ("mlp.fc1", "mlp.0"), "mlp.fc2": ("mlp.fc2", "mlp.3")}
            if layer == "attn.qkv":
                of_torchvision[f"encoder.layers.encoder_layer_{n}.self_attention.in_proj_{leaf}"] = tensor
                for name, third in zip("qkv", tensor.chunk(3)):
                    memory[f"vit.layers.{n}.attention.{name}_proj.{leaf}"] = third
            else:
                of_torchvision[f"encoder.layers.encoder_layer_{n}.{names[layer][1]}.{leaf}"] = tensor
                memory[f"vit.layers.{n}.{names[layer][0]}.{leaf}"] = tensor
        else:
            for old, hf, tv in (("cls_token", "vit.embeddings.cls_token", "class_token"),
                                ("pos_embed", "vit.embeddings.position_embeddings", "encoder.pos_embedding"),
                                ("patch_embed.proj.", "vit.embeddings.patch_embeddings.projection.", "conv_proj."),
                                ("norm.", "vit.layernorm.", "encoder.ln."), ("head.", "classifier.", "heads.head.")):
                if key.startswith(old):
                    memory[hf + key.removeprefix(old)] = of_torchvision[tv + key.removeprefix(old)] = tensor

    other = torchvision.models.vit_b_16().eval()
    other.load_state_dict(of_torchvision)
    torch.save(other.state_dict(), folder / "vit-torchvision.pth")
    with torch.no_grad():
        yield "vit-b16", "torchvision .pth", folder / "vit-torchvision.pth", {"logits": other(images)}

    hugging_face = transformers.ViTForImageClassification(transformers.ViTConfig(num_labels=1000)).eval()
    hugging_face.load_state_dict(memory)
    with torch.no_grad():
        tokens = hugging_face.vit(images).last_hidden_state
        expected = {"tokens": tokens, "features": tokens[:, 0], "logits": hugging_face(images).logits}
    hugging_face.save_pretrained(folder / "vit-hugging-face")
    torch.save(hugging_face.state_dict(), folder / "vit-memory.bin")
    yield "vit-b16", "transformers, as saved", folder / "vit-hugging-face" / "model.safetensors", expected
    yield "vit-b16", "transformers, in memory", folder / "vit-memory.bin", expected


def run(program: str, device: str, folder: Path, model: str, weights: Path, outputs) -> dict:
    out = folder / "out"
    command = [program, "--model", model, "--weights", weights, "--tensors", folder / "images.safetensors",
               "--outputs", ",".join(outputs), "--batch", "2", "--device", device, "--out", out]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return load_file(out / "features.safetensors")


def differences(ours: dict, theirs: dict) -> dict:
    return {name: ((ours[name] - value).abs().max() / value.abs().max()).item() for name, value in theirs.items()}


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--images", type=int, default=4)
    arguments = arguments.parse_args()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(20)
    worst = between = 0.0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = torch.randn(arguments.images, 3, 224, 224)
        save_file({"images": images}, folder / "images.safetensors")
        print(f"{'network':<10}{'layout':<36}{'device':<9}{'logits':>10}{'features':>10}{'tokens':>10}")
        for family in (resnet50, vit_b16):
            for model, layout, weights, expected in family(folder, images):
                results = {}
                for device in arguments.device.split(","):
                    results[device] = run(arguments.program, device, folder, model, weights, expected)
                    found = differences(results[device], expected)
                    names = ("logits", "features", "tokens")
                    cells = "".join(f"{found[name]:>10.1e}" if name in found else f"{'':>10}" for name in names)
                    print(f"{model:<10}{layout:<36}{device:<9}{cells}", flush=True)
                    worst = max(worst, *found.values())
                for one, other in itertools.combinations(results.values(), 2):
                    between = max(between, *differences(one, other).values())
    print(f"largest difference to an original: {worst:.1e} of the largest value (limit {LIMIT:.0e})")
    if "," in arguments.device:
        print(f"largest difference between two devices: {between:.1e}")
    return int(max(worst, between) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
