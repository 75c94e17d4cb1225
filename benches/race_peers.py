"""The works of the race, and the turns of PyTorch and ONNX Runtime in it, a process each. Started by race.py.

    python benches/race_peers.py pytorch --work resnet50-train-64 --layout channels_last --rounds 5
    python benches/race_peers.py export --work vit-infer-224 --model /tmp/vit.onnx
    python benches/race_peers.py onnxruntime --work vit-infer-224 --model /tmp/vit.onnx --rounds 5

A turn warms up with two rounds and prints a JSON line for each round behind them, as our side does: `work`,
`images_per_second` and `peak_memory_mib`, the most memory that the process has had, libraries included. Data are random
and made before the first round.
"""

import argparse
import dataclasses
import json
import os
import time

WARM_UP_ROUNDS = 2
TEMPERATURE = 0.5


@dataclasses.dataclass(frozen=True)
class Work:
    """A row of the table. The batch of the loss alone is counted in pairs of rows."""

    title: str
    network: str | None
    batch: int
    size: int | None
    kind: str  # "train", "simclr", "infer" or "loss"

    @property
    def images(self) -> int:
        return self.batch if self.network else 2 * self.batch

    @property
    def layouts(self) -> list:
        """The settings of PyTorch that are raced; how pixels lie matters to convolutions alone."""
        return ["nchw", "channels_last"] if self.network == "resnet50" else ["nchw"]

    def packages(self, peer: str) -> list:
        """What Python needs for this work."""
        network = {"resnet50": ["torchvision"], "vit": ["timm"], None: []}[self.network]
        # ONNX Runtime runs the network that PyTorch exports.
        return (["onnxruntime", "onnx"] if peer == "onnxruntime" else []) + ["torch"] + network


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


def time_rounds(work: str, rounds: int, step) -> None:
    for _ in range(WARM_UP_ROUNDS):
        step()
    for _ in range(rounds):
        start = time.perf_counter()
        step()
        speed = WORKS[work].images / (time.perf_counter() - start)
        line = {"work": work, "images_per_second": speed, "peak_memory_mib": peak_memory_mib()}
        print(json.dumps(line), flush=True)


def classifier(work: Work):
    """The network with 1,000 classes and fresh parameters."""
    if work.network == "resnet50":
        import torchvision

        return torchvision.models.resnet50()
    import timm

    return timm.create_model("vit_base_patch16_224")


def simclr_network():
    """The network of the simclr example: a ResNet-50 for one channel, with the projection head as its last layer."""
    import torch
    import torchvision

    network = torchvision.models.resnet50()
    network.conv1 = torch.nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    network.fc = torch.nn.Sequential(
        torch.nn.Linear(2048, 2048, bias=False),
        torch.nn.BatchNorm1d(2048),
        torch.nn.ReLU(inplace=True),
        torch.nn.Linear(2048, 128),
    )
    return network


def similarities(projections):
    """The logits of NT-Xent, for two views one behind the other, and in which column the other view of each row is."""
    import torch

    rows = len(projections)
    z = torch.nn.functional.normalize(projections, dim=1)
    return (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf), torch.arange(rows).roll(rows // 2)


def training_step(work: Work, layout: str, fused_adam: bool):
    import torch

    simclr = work.kind == "simclr"
    network = simclr_network() if simclr else classifier(work)
    images, classes = torch.randn(work.batch, 1 if simclr else 3, work.size, work.size), torch.arange(work.batch)
    if layout == "channels_last":
        network = network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=fused_adam or None)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=1_000)

    def classifier_step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(images), classes)
        loss.backward()
        optimizer.step()
        loss.item()

    def simclr_step():
        # The example reads the loss and how often the right row is picked, and moves the learning rate along a cosine.
        optimizer.zero_grad()
        logits, other_view = similarities(network(images))
        loss = torch.nn.functional.cross_entropy(logits, other_view)
        top1 = (logits.detach().argmax(1) == other_view).float().mean()
        loss.backward()
        loss.item(), top1.item()
        optimizer.step()
        schedule.step()

    return simclr_step if simclr else classifier_step


def inference_step(work: Work, layout: str):
    import torch
    from torch.fx.experimental.optimization import fuse

    network = classifier(work).eval()
    if work.network == "resnet50":
        # Batch normalisation goes into the convolution before it.
        network = fuse(network, inplace=True)
    images = torch.randn(work.batch, 3, work.size, work.size)
    if layout == "channels_last":
        network = network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def step():
        network(images)

    return step


def loss_step(work: Work):
    import torch

    views = [torch.randn(work.batch, 128, requires_grad=True) for _ in range(2)]

    def step():
        loss = torch.nn.functional.cross_entropy(*similarities(torch.cat(views)))
        torch.autograd.grad(loss, views)

    return step


def pytorch_turn(name: str, layout: str, rounds: int, threads: int, fused_adam: bool) -> None:
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    work = WORKS[name]
    if work.kind == "infer":
        step = inference_step(work, layout)
    elif work.kind == "loss":
        step = loss_step(work)
    else:
        step = training_step(work, layout, fused_adam)
    time_rounds(name, rounds, step)


def export(name: str, path: str) -> None:
    """Writes the network as ONNX, for a batch of this size."""
    import warnings

    import torch

    torch.manual_seed(1)
    work = WORKS[name]
    # Both exporters of PyTorch give ONNX Runtime the same operations; the older one, which warns that it is, needs no
    # package beside onnx. 17 is the first opset with layer normalisation.
    warnings.simplefilter("ignore", DeprecationWarning)
    images = torch.randn(work.batch, 3, work.size, work.size)
    torch.onnx.export(classifier(work).eval(), (images,), path, dynamo=False, opset_version=17)


def onnxruntime_turn(name: str, path: str, rounds: int, threads: int) -> None:
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()  # all graph optimisations, as by default
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    images = session.get_inputs()[0]
    feed = {images.name: numpy.random.default_rng(1).standard_normal(images.shape, dtype=numpy.float32)}
    time_rounds(name, rounds, lambda: session.run(None, feed))


def main() -> None:
    parser = argparse.ArgumentParser(description="A peer's turn in the race; race.py starts it.")
    parser.add_argument("what", choices=["pytorch", "export", "onnxruntime"])
    parser.add_argument("--work", required=True, choices=WORKS)
    parser.add_argument("--layout", default="nchw", choices=["nchw", "channels_last"])
    parser.add_argument("--fused-adam", action="store_true")
    parser.add_argument("--model", metavar="FILE", help="the ONNX file that is written or run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=threads_to_use())
    arguments = parser.parse_args()
    if arguments.what != "pytorch" and not arguments.model:
        parser.error(f"{arguments.what} needs --model FILE")
    if arguments.what != "pytorch" and WORKS[arguments.work].kind != "infer":
        parser.error(f"{arguments.what} is for inference, not for {arguments.work}")
    if arguments.what == "pytorch":
        pytorch_turn(arguments.work, arguments.layout, arguments.rounds, arguments.threads, arguments.fused_adam)
    elif arguments.what == "export":
        export(arguments.work, arguments.model)
    else:
        onnxruntime_turn(arguments.work, arguments.model, arguments.rounds, arguments.threads)


if __name__ == "__main__":
    main()
