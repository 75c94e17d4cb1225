"""Makes the fixtures of a checkpoint as Lightning writes it for a recipe of lightly, with random weights.

    python -m venv /tmp/originals && /tmp/originals/bin/pip install -r requirements.txt
    /tmp/originals/bin/python lightly_fixtures.py ../fixtures

The recipes keep a torchvision network as `nn.Sequential(*list(network.children())[:-1])` beside heads that are of no use
afterwards. `lightly.ckpt` has the names of such a module, and what Lightning puts beside them; `lightly-expected.safetensors`
has images and their features.
"""

import sys
from pathlib import Path

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

import fixtures

fixtures.WIDTH = 2


class Head(nn.Module):
    """The heads of lightly: linear layers with batch normalisation, under `layers`."""

    def __init__(self, inner: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(16, inner, bias=False), nn.BatchNorm1d(inner), nn.ReLU(), nn.Linear(inner, 16)
        )


class Recipe(nn.Module):
    def __init__(self):
        super().__init__()
        network = fixtures.SmallResNet(BasicBlock, [1, 1, 1, 1])
        self.backbone = nn.Sequential(*list(network.children())[:-1])
        self.projection_head = Head(8)
        self.prediction_head = Head(4)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    torch.set_num_threads(1)
    torch.manual_seed(fixtures.SEED)
    recipe = fixtures.randomise(Recipe())
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        features = recipe.backbone(images).flatten(1)
    fixtures.write({"images": images, "features": features}, out / "lightly-expected.safetensors")
    checkpoint = {
        "epoch": 2,
        "global_step": 30,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": recipe.state_dict(),
        "loops": {},
        "optimizer_states": [{"state": {0: {"momentum_buffer": torch.zeros(2)}}, "param_groups": [{"lr": 0.06}]}],
        "lr_schedulers": [],
    }
    torch.save(checkpoint, out / "lightly.ckpt")
