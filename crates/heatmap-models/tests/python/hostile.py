"""Makes expanded.pth and twice.pth: what torch.save would write of a tensor of stride 0, and of two tensors of one name.

With the standard library alone, because PyTorch itself is large: python hostile.py FOLDER
"""

import collections
import io
import pickle
import struct
import sys
import types
import zipfile
from pathlib import Path


def _rebuild_tensor_v2(*_):
    """Stands for the function of this name, of which a pickle has the name alone."""


class FloatStorage:
    """Likewise."""


_rebuild_tensor_v2.__module__ = "torch._utils"
FloatStorage.__module__ = "torch"
torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = FloatStorage, utils, _rebuild_tensor_v2
sys.modules |= {"torch": torch, "torch._utils": utils}


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Tensor:
    def __init__(self, storage, shape, stride):
        self.parts = (storage, 0, shape, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.parts


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", FloatStorage, value.key, "cpu", len(value.values))
        return None


def save(state_dict, storages, path):
    data = io.BytesIO()
    Pickler(data, 2).dump(state_dict)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", data.getvalue())
        archive.writestr("archive/byteorder", "little")
        for storage in storages:
            values = struct.pack(f"<{len(storage.values)}f", *storage.values)
            archive.writestr(f"archive/data/{storage.key}", values)
        archive.writestr("archive/version", "3\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    one, two = Storage("0", [1.0]), Storage("1", [2.0])
    save({"a": Tensor(one, (50_000, 50_000), (0, 0))}, [one], folder / "expanded.pth")
    save({"a": {"b": Tensor(one, (1,), (1,))}, "a.b": Tensor(two, (1,), (1,))}, [one, two], folder / "twice.pth")
