"""Writes the seeds of `tensor_file` and `npy`: the smallest files that hold what such files hold.

    python3 crates/heatmap-train/fuzz/seeds.py

The other seeds are presets: `WRITE_SEEDS=1 cargo test --release --test mutations` writes those.
It needs nothing but Python; the pickle is what torch.save writes, made without torch.
"""

import io
import json
import pickle
import shutil
import struct
import sys
import types
import zipfile
from math import prod
from pathlib import Path

SEEDS = Path(__file__).parent / "seeds"
FIXTURES = Path(__file__).parents[2] / "heatmap-models" / "tests" / "fixtures"

# A ViT under timm's names: one block, two wide, images of 2 x 2 px in patches of one.
BLOCK = "blocks.0."
VIT = {
    "cls_token": [1, 1, 2],
    "pos_embed": [1, 5, 2],
    "patch_embed.proj.weight": [2, 1, 1, 1],
    "patch_embed.proj.bias": [2],
    BLOCK + "norm1.weight": [2],
    BLOCK + "norm1.bias": [2],
    BLOCK + "attn.qkv.weight": [6, 2],
    BLOCK + "attn.qkv.bias": [6],
    BLOCK + "attn.proj.weight": [2, 2],
    BLOCK + "attn.proj.bias": [2],
    BLOCK + "norm2.weight": [2],
    BLOCK + "norm2.bias": [2],
    BLOCK + "mlp.fc1.weight": [2, 2],
    BLOCK + "mlp.fc1.bias": [2],
    BLOCK + "mlp.fc2.weight": [2, 2],
    BLOCK + "mlp.fc2.bias": [2],
    "norm.weight": [2],
    "norm.bias": [2],
}


def values(seed, count):
    return struct.pack(f"<{count}f", *[0.1 * ((seed + at) % 7) - 0.3 for at in range(count)])


def safetensors(tensors):
    """tensors: name -> (dtype, shape, bytes)."""
    header, body = {}, b""
    for name, (dtype, shape, data) in tensors.items():
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def torch_archive(tensors):
    """tensors: name -> (shape, bytes of f32). The archive that torch.save writes since 1.6."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    class FloatStorage:
        __module__, __qualname__ = "torch", "FloatStorage"

    def rebuild(*_):
        raise NotImplementedError

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    torch.FloatStorage, utils._rebuild_tensor_v2 = FloatStorage, rebuild
    sys.modules.update({"torch": torch, "torch._utils": utils})

    class Storage:
        def __init__(self, key, count):
            self.key, self.count = key, count

    class Tensor:
        def __init__(self, storage, shape):
            self.storage, self.shape = storage, tuple(shape)

        def __reduce__(self):
            strides = tuple(prod(self.shape[at + 1 :]) for at in range(len(self.shape)))
            return rebuild, (self.storage, 0, self.shape, strides, False, {})

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return ("storage", FloatStorage, value.key, "cpu", value.count)
            return None

    state, blobs = {}, {}
    for at, (name, (shape, data)) in enumerate(tensors.items()):
        blobs[str(at)] = data
        state[name] = Tensor(Storage(str(at), prod(shape)), shape)
    text = io.BytesIO()
    Pickler(text, protocol=2).dump(state)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        def write(name, data):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}", (1980, 1, 1, 0, 0, 0)), data)

        write("data.pkl", text.getvalue())
        for name, data in blobs.items():
            write(f"data/{name}", data)
        write("version", "3\n")
    return out.getvalue()


def npy(version, descr, shape, data, order="False"):
    header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    start = 10 if version == 1 else 12
    header += b" " * (-(start + len(header) + 1) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def write(name, data):
    path = SEEDS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


vit = {name: (shape, values(at, prod(shape))) for at, (name, shape) in enumerate(VIT.items())}
write("tensor_file/vit.safetensors",
      safetensors({name: ("F32", shape, data) for name, (shape, data) in vit.items()}))
write("tensor_file/kinds.safetensors", safetensors({
    "a": ("F16", [3], bytes(range(6))),
    "b": ("BF16", [1, 2], bytes(range(4))),
    "c": ("I64", [], bytes(range(8))),
}))
write("tensor_file/vit.pth", torch_archive(vit))
for name in ["hostile.pth", "expanded.pth", "twice.pth"]:
    shutil.copy(FIXTURES / name, SEEDS / "tensor_file" / name)
write("npy/f32.npy", npy(1, "<f4", "(2, 3)", struct.pack("<6f", *range(6))))
write("npy/f64.npy", npy(2, "<f8", "(2, 1, 2)", struct.pack("<4d", *range(4))))
write("npy/fortran.npy", npy(1, "<f4", "(1,)", struct.pack("<f", 1), order="True"))
