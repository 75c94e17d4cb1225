"""The works of the race, and its sides in Python: a process each, which does a round when it is told to.

    python benches/race_peers.py pytorch --work resnet50-train-64 --layout channels_last
    python benches/race_peers.py pytorch --work vit-infer-224 --compile
    python benches/race_peers.py pytorch --work vit-infer-224 --bf16
    python benches/race_peers.py export --work vit-infer-224 --model /tmp/vit.onnx
    python benches/race_peers.py onnxruntime --work vit-infer-224 --model /tmp/vit.onnx

Started by race.py. After two rounds to warm up it prints a JSON line, and then one for each line `round` on its
standard input: the seconds that the round took, and the most memory that the process has had, libraries included.
Data are random and made before the first round.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import sys
import time

WARM_UP_ROUNDS = 2
TEMPERATURE = 0.5

# Multiplications and additions of a forward pass of an image, with 1,000 classes, in GFLOP. A training step is three
# times as much: forward, and the gradients of both sides of every product.
GFLOP = {("resnet50", 224): 8.18, ("resnet50", 64): 0.672, ("resnet18", 64): 0.297, ("vit", 224): 35.13}


# What a round of a product computes at least, about 50 ms.
GFLOP_OF_A_ROUND = 10


def gflop_of(product: tuple) -> float:
    return 2e-9 * product[0] * product[1] * product[2]


@dataclasses.dataclass(frozen=True)
class Work:
    """A row of the table. The batch of the loss alone is counted in pairs of rows."""

    title: str
    network: str | None
    batch: int
    size: int | None
    kind: str  # "train", "simclr", "infer", "loss" or "product"
    product: tuple = ()  # rows, inner, columns

    @property
    def gflop(self) -> float | None:
        """What a round multiplies and adds, where that is most of the work."""
        if self.product:
            return self.repeats * gflop_of(self.product)
        if self.network is None:
            return None
        return self.batch * GFLOP[self.network, self.size] * (1 if self.kind == "infer" else 3)

    @property
    def repeats(self) -> int:
        """How often a round does the work. A product is repeated: the first one behind another side's turn waits for
        memory, and for threads to wake up. As `Contest::repeats` in contest.rs."""
        return max(1, round(GFLOP_OF_A_ROUND / gflop_of(self.product))) if self.product else 1

    @property
    def images_of_round(self) -> int:
        """Images, or for the loss alone rows."""
        return self.batch if self.network else 2 * self.batch

    @property
    def layouts(self) -> list:
        """The settings of PyTorch that are raced; how pixels lie matters to convolutions alone."""
        return ["nchw", "channels_last"] if str(self.network).startswith("resnet") else ["nchw"]

    def packages(self, peer: str) -> list:
        """What Python needs for this work."""
        network = {"vit": ["timm"], None: []}.get(self.network, ["torchvision"])
        # ONNX Runtime runs the network that PyTorch exports.
        return (["onnxruntime", "onnx"] if peer == "onnxruntime" else []) + ["torch"] + network


# Plain products, rows x inner x columns: the linear layers of a ViT-B/16 for 8 images, and the convolutions of a
# ResNet-50 for 8 images of 224 px as products of patches and kernels.
PRODUCTS = [
    (1576, 768, 2304), (1576, 768, 768), (1576, 768, 3072), (1576, 3072, 768),
    (100352, 147, 64), (25088, 64, 64), (25088, 64, 256), (25088, 256, 64), (25088, 256, 128),
    (6272, 128, 512), (6272, 512, 128), (6272, 256, 512), (6272, 512, 256), (6272, 1152, 128),
    (1568, 256, 1024), (1568, 1024, 256), (1568, 512, 1024), (1568, 1024, 512), (1568, 2304, 256),
    (392, 512, 2048), (392, 2048, 512), (392, 1024, 2048), (392, 4608, 512),
]  # fmt: skip

WORKS = {
    "resnet50-train-64": Work("ResNet-50, training step with Adam, batch 32, 64 x 64", "resnet50", 32, 64, "train"),
    "resnet50-train-224": Work("ResNet-50, training step with Adam, batch 8, 224 x 224", "resnet50", 8, 224, "train"),
    "simclr-train-64": Work("ResNet-50 as `simclr` trains it, batch 16, 64 x 64", "resnet50", 16, 64, "simclr"),
    "resnet50-infer-224": Work("ResNet-50, inference, batch 8, 224 x 224", "resnet50", 8, 224, "infer"),
    "resnet50-infer-224-b1": Work("ResNet-50, inference, batch 1, 224 x 224", "resnet50", 1, 224, "infer"),
    "vit-infer-224": Work("ViT-B/16, inference, batch 8, 224 x 224", "vit", 8, 224, "infer"),
    "vit-train-224": Work("ViT-B/16, training step with Adam, batch 8, 224 x 224", "vit", 8, 224, "train"),
    "nt-xent": Work("NT-Xent with gradients, 2,048 pairs, 128 wide (rows)", None, 2_048, None, "loss"),
}
# For devices, on which a small network is another matter: starting its kernels takes longer than running them.
DEVICE_WORKS = {
    "simclr-train-64-resnet18": Work("ResNet-18 as `simclr` trains it, batch 16, 64 x 64", "resnet18", 16, 64, "simclr"),
}
PRODUCT_WORKS = {
    "product-" + "x".join(map(str, sizes)): Work("product " + " x ".join(map(str, sizes)), None, 1, None, "product", sizes)
    for sizes in PRODUCTS
}

ALL_WORKS = {**WORKS, **DEVICE_WORKS, **PRODUCT_WORKS}


def threads_to_use() -> int:
    """The processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory_mib() -> float | None:
    """The most memory that this process has had, where the system tells; measured as on our side.

    Not `ru_maxrss`, which a process takes over from the one that started it.
    """
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def serve(step, finish=lambda: None) -> None:
    """Does a step for every line of the standard input, behind two to warm up; `finish` waits for the device."""
    warm_up = [step() for _ in range(WARM_UP_ROUNDS)]
    print(json.dumps({"warm_up": warm_up}), flush=True)
    for line in sys.stdin:
        if line.strip() != "round":
            sys.exit(f"race_peers.py: `{line.strip()}` is not `round`")
        start = time.perf_counter()
        result = step()
        finish()
        answer = {"seconds": time.perf_counter() - start, "peak_memory_mib": peak_memory_mib(), "result": result}
        print(json.dumps(answer), flush=True)


def classifier(work: Work):
    """The network with 1,000 classes and fresh parameters."""
    if work.network != "vit":
        import torchvision

        return getattr(torchvision.models, work.network)()
    import timm

    return timm.create_model("vit_base_patch16_224")


def simclr_network(work: Work):
    """The network of the simclr example: a ResNet for one channel, with the projection head as its last layer."""
    import torch

    network = classifier(work)
    width = network.fc.in_features
    network.conv1 = torch.nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    network.fc = torch.nn.Sequential(
        torch.nn.Linear(width, width, bias=False),
        torch.nn.BatchNorm1d(width),
        torch.nn.ReLU(inplace=True),
        torch.nn.Linear(width, 128),
    )
    return network


def similarities(projections):
    """The logits of NT-Xent, for two views one behind the other, and in which column the other view of each row is."""
    import torch

    rows = len(projections)
    z = torch.nn.functional.normalize(projections, dim=1)
    return (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf), torch.arange(rows, device=z.device).roll(rows // 2)


@dataclasses.dataclass(frozen=True)
class Setting:
    """How PyTorch runs."""

    layout: str = "nchw"
    compile: bool = False
    bf16: bool = False
    fused_adam: bool = False
    device: str = "cpu"
    tf32: bool = False

    def finish(self) -> None:
        """Waits for the device."""
        if self.device != "cpu":
            import torch

            torch.cuda.synchronize()

    def prepare(self, network, images):
        """The network, compiled or not, and the images, in the memory order of this setting."""
        import torch

        network, images = network.to(self.device), images.to(self.device)
        if self.layout == "channels_last":
            network = network.to(memory_format=torch.channels_last)
            images = images.to(memory_format=torch.channels_last)
        return (torch.compile(network) if self.compile else network), images

    def precision(self):
        """What a forward pass runs in: bf16 where autocast takes it, or f32."""
        import torch

        return torch.autocast(self.device, dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext()


def training_step(work: Work, setting: Setting):
    import torch

    simclr = work.kind == "simclr"
    plain = simclr_network(work) if simclr else classifier(work)
    images = torch.randn(work.batch, 1 if simclr else 3, work.size, work.size)
    classes = torch.arange(work.batch, device=setting.device) % 1_000
    network, images = setting.prepare(plain, images)
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-3, fused=setting.fused_adam or None)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=1_000)

    def classifier_step():
        optimizer.zero_grad()
        with setting.precision():
            loss = torch.nn.functional.cross_entropy(network(images), classes)
        loss.backward()
        optimizer.step()
        return loss.item()

    def simclr_step():
        # The example reads the loss and how often the right row is picked, and moves the learning rate along a cosine.
        optimizer.zero_grad()
        with setting.precision():
            logits, other_view = similarities(network(images))
            loss = torch.nn.functional.cross_entropy(logits, other_view)
        top1 = (logits.detach().argmax(1) == other_view).float().mean()
        loss.backward()
        read = loss.item(), top1.item()
        optimizer.step()
        schedule.step()
        return read[0]

    return simclr_step if simclr else classifier_step


def inference_step(work: Work, setting: Setting):
    import torch
    from torch.fx.experimental.optimization import fuse

    network = classifier(work).eval()
    if work.network != "vit":
        # Batch normalisation goes into the convolution before it.
        network = fuse(network, inplace=True)
    network, images = setting.prepare(network, torch.randn(work.batch, 3, work.size, work.size))

    @torch.inference_mode()
    def step():
        with setting.precision():
            network(images)

    return step


def loss_step(work: Work):
    import torch

    views = [torch.randn(work.batch, 128, requires_grad=True) for _ in range(2)]

    def step():
        loss = torch.nn.functional.cross_entropy(*similarities(torch.cat(views)))
        torch.autograd.grad(loss, views)

    return step


def product_step(work: Work, setting: Setting):
    import torch

    rows, inner, columns = work.product
    dtype = torch.bfloat16 if setting.bf16 else torch.float32
    left, right = torch.randn(rows, inner, dtype=dtype), torch.randn(inner, columns, dtype=dtype)
    out = torch.empty(rows, columns, dtype=dtype)

    def step():
        for _ in range(work.repeats):
            torch.mm(left, right, out=out)

    return step


def pytorch_side(work: Work, setting: Setting, threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = setting.tf32
    if work.kind == "infer":
        step = inference_step(work, setting)
    elif work.kind == "loss":
        step = loss_step(work)
    elif work.kind == "product":
        step = product_step(work, setting)
    else:
        step = training_step(work, setting)
    serve(step, setting.finish)


def export(work: Work, path: str) -> None:
    """Writes the network as ONNX, for a batch of this size."""
    import warnings

    import torch

    torch.manual_seed(1)
    # Both exporters of PyTorch give ONNX Runtime the same operations; the older one, which warns that it is, needs no
    # package beside onnx. 17 is the first opset with layer normalisation.
    warnings.simplefilter("ignore", DeprecationWarning)
    images = torch.randn(work.batch, 3, work.size, work.size)
    torch.onnx.export(classifier(work).eval(), (images,), path, dynamo=False, opset_version=17)


def onnxruntime_side(path: str, threads: int) -> None:
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()  # all graph optimisations, as by default
    options.intra_op_num_threads = threads
    # Its threads would otherwise spin between rounds, when it is another side's turn.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    images = session.get_inputs()[0]
    feed = {images.name: numpy.random.default_rng(1).standard_normal(images.shape, dtype=numpy.float32)}
    serve(lambda: float(session.run(None, feed)[0].ravel()[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description="A side of the race in Python; race.py starts it.")
    parser.add_argument("what", choices=["pytorch", "export", "onnxruntime"])
    parser.add_argument("--work", required=True, choices=list(ALL_WORKS), metavar="NAME")
    parser.add_argument("--layout", default="nchw", choices=["nchw", "channels_last"])
    parser.add_argument("--compile", action="store_true", help="torch.compile, with its default settings")
    parser.add_argument("--bf16", action="store_true", help="autocast to bf16; for a product, matrices in bf16")
    parser.add_argument("--fused-adam", action="store_true")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--tf32", action="store_true", help="products of f32 in TF32, on a device that has it")
    parser.add_argument("--batch", type=int, help="images in a batch [default: that of the table]")
    parser.add_argument("--model", metavar="FILE", help="the ONNX file that is written or run")
    parser.add_argument("--threads", type=int, default=threads_to_use())
    arguments = parser.parse_args()
    work = ALL_WORKS[arguments.work]
    if arguments.batch:
        work = dataclasses.replace(work, batch=arguments.batch)
    if arguments.what != "pytorch" and not arguments.model:
        parser.error(f"{arguments.what} needs --model FILE")
    if arguments.what != "pytorch" and work.kind != "infer":
        parser.error(f"{arguments.what} is for inference, not for {arguments.work}")
    if arguments.what == "pytorch":
        chosen = ("layout", "compile", "bf16", "fused_adam", "device", "tf32")
        setting = Setting(**{name: getattr(arguments, name) for name in chosen})
        pytorch_side(work, setting, arguments.threads)
    elif arguments.what == "export":
        export(work, arguments.model)
    else:
        onnxruntime_side(arguments.model, arguments.threads)


if __name__ == "__main__":
    main()
