"""What each network takes on a GPU: samples a second, share of the peak, memory, an epoch, a screen.

Each flavour is built by EIR for windows of the published size and trained on random numbers, in single
precision with products in TF32, as EIR sets it, and in bfloat16, plainly, with channels last, and compiled;
in the largest batch that fits, found by doubling. A loader with workers then reads samples from files, and
the share of time that the GPU waits for it is told. The table goes to `benchmarks/gpu.md`. Without a GPU the
same runs on the CPU in batches of 2, to see that it does, and nothing is written.
"""

import argparse
import copy
import gc
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from claster.dataset.load import load_dataset
from claster.eir.flavours import FLAVOURS
from claster.eir.network import build_network, output_values, random_inputs

DATASET = "mesc"
CHOSEN = (
    "pure_conv",
    "conv_attention",
    "microc_rotated",
    "profile",
    "proximal",
    "proximal_contacts",
)
MAPS = {"microc_rotated": "paper_rotated", "proximal_contacts": "stripe"}
WAYS = ("plain", "channels last", "compiled")
EPOCH, SCREEN = 38_800, 10_000
MOST = 4096
# Dense peaks of tensor cores in operations a second from the makers' data sheets.
PEAKS = {
    "H200": {"tf32": 495e12, "bf16": 989e12},
    "H100": {"tf32": 495e12, "bf16": 989e12},
    "A100": {"tf32": 156e12, "bf16": 312e12},
    "L40S": {"tf32": 183e12, "bf16": 362e12},
}
HEAD = "flavour|precision|way|batch|samples/s|share of peak|memory, GB|epoch, s|screen, s"
HEAD = (*HEAD.split("|"), "loader, samples/s", "GPU waits")


@dataclass(frozen=True)
class Way:
    """How a network computes."""

    device: str
    precision: str
    way: str

    def prepared(self, model: nn.Module) -> nn.Module:
        model = copy.deepcopy(model).to(self.device).train()
        if self.way == "channels last":
            model = model.to(memory_format=torch.channels_last)
        return torch.compile(model) if self.way == "compiled" else model

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16")

    def synchronize(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


def training_step(model: nn.Module, way: Way) -> Callable[[dict[str, torch.Tensor]], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step(inputs: dict[str, torch.Tensor]) -> None:
        with way.autocast():
            values = output_values(model(inputs))
            loss = torch.stack([value.float().square().mean() for value in values]).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def seconds(work: Callable[[], object], way: Way, repeats: int) -> float:
    work()
    taken = []
    for _ in range(repeats):
        way.synchronize()
        start = time.perf_counter()
        work()
        way.synchronize()
        taken.append(time.perf_counter() - start)
    return median(taken)


def operations(model: nn.Module, way: Way) -> float:
    """Return the operations of a training step a sample."""
    step, inputs = training_step(model, way), random_inputs(model, samples=2)
    with FlopCounterMode(display=False) as counter:
        step(inputs)
    return counter.get_total_flops() / 2


def largest_batch(model: nn.Module, way: Way) -> int:
    """Return the largest power of two that a training step takes without running out of memory."""
    step, batch = training_step(model, way), 8
    while batch < MOST:
        try:
            step(random_inputs(model, samples=2 * batch))
        except torch.OutOfMemoryError:
            break
        batch *= 2
    torch.cuda.empty_cache()
    return batch


class Files(Dataset[dict[str, torch.Tensor]]):
    """Samples as a build writes them: a file each and input."""

    def __init__(self, folder: Path, inputs: dict[str, torch.Tensor], samples: int) -> None:
        self.folder, self.shapes, self.samples = folder, {}, samples
        rng = np.random.default_rng(0)
        for name, array in inputs.items():
            self.shapes[name] = tuple(array.shape[1:])
            for number in range(samples):
                values = rng.random(self.shapes[name], dtype=np.float32)
                np.save(folder / f"{name}{number}.npy", values)

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        names = {name: self.folder / f"{name}{index}.npy" for name in self.shapes}
        return {name: torch.from_numpy(np.load(path)) for name, path in names.items()}


def loader_wait(model: nn.Module, way: Way, batch: int, workers: int) -> tuple[float, float]:
    """Return samples a second of a training that reads files, and the share of time that it waits."""
    step, waited, batches = training_step(model, way), 0.0, 8
    with tempfile.TemporaryDirectory() as scratch:
        data = Files(Path(scratch), random_inputs(model, samples=1), samples=batch * batches)
        pinned, keep = way.device == "cuda", workers > 0
        loader = DataLoader(
            data, batch, num_workers=workers, persistent_workers=keep, pin_memory=pinned
        )
        for _ in range(2):  # the first time workers start
            way.synchronize()
            begun = asked = time.perf_counter()
            waited = 0.0
            for arrays in loader:
                waited += time.perf_counter() - asked
                step(
                    {
                        name: array.to(way.device, non_blocking=True)
                        for name, array in arrays.items()
                    }
                )
                way.synchronize()
                asked = time.perf_counter()
            total = time.perf_counter() - begun
    return batch * batches / total, waited / total


def peak_of(way: Way) -> float | None:
    if way.device != "cuda":
        return None
    name = torch.cuda.get_device_name()
    peaks = next((peaks for known, peaks in PEAKS.items() if known in name), None)
    return peaks and peaks[way.precision]


def rows(flavour: str, options: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    spec = load_dataset(DATASET)
    if flavour in MAPS:
        contacts = spec.contacts.model_copy(update={"map": MAPS[flavour], "rows": None})
        spec = spec.model_copy(update={"contacts": contacts})
    plain = build_network(FLAVOURS[flavour], spec)
    flops = operations(copy.deepcopy(plain), Way("cpu", "tf32", "plain"))
    for precision in ("tf32", "bf16"):
        for named in options.ways:
            way = Way(options.device, precision, named)
            yield flavour, precision, named, *measured(plain, way, flops, options)
            gc.collect()
            if way.device == "cuda":
                torch.cuda.empty_cache()


def measured(
    plain: nn.Module, way: Way, flops: float, options: argparse.Namespace
) -> tuple[str, ...]:
    model, cuda = way.prepared(plain), way.device == "cuda"
    batch = options.batch or largest_batch(model, way)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    step, inputs = training_step(model, way), random_inputs(model, samples=batch)
    rate = batch / seconds(lambda: step(inputs), way, options.repeats)
    memory = f"{torch.cuda.max_memory_allocated() / 1e9:.1f}" if cuda else ""
    model.eval()
    with torch.inference_mode(), way.autocast():
        forward = seconds(lambda: model(inputs), way, options.repeats) / batch
    peak = peak_of(way)
    share = f"{rate * flops / peak:.1%}" if peak else ""
    loaded, waits = loader_wait(model.train(), way, min(batch, 256), options.workers)
    told = (f"{EPOCH / rate:,.0f}", f"{SCREEN * forward:,.1f}", f"{loaded:,.0f}", f"{waits:.0%}")
    return str(batch), f"{rate:,.0f}", share, memory, *told


def machine(device: str) -> str:
    if device == "cuda":
        card = torch.cuda.get_device_properties(0)
        return f"{card.name}, {card.total_memory / 1e9:.0f} GB, PyTorch {torch.__version__}"
    return f"no GPU: {platform.processor() or platform.machine()}, {os.process_cpu_count()} cores"


def as_line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    there = torch.cuda.is_available()
    parser.add_argument("--flavour", action="append", choices=CHOSEN)
    parser.add_argument("--way", dest="ways", action="append", choices=WAYS)
    parser.add_argument(
        "--batch", type=int, default=0 if there else 2, help="0: the largest that fits"
    )
    parser.add_argument("--repeats", type=int, default=10 if there else 1)
    parser.add_argument("--workers", type=int, default=4 if there else 0)
    parser.add_argument("--to", type=Path, default=Path(__file__).with_suffix(".md"))
    options = parser.parse_args()
    options.device = "cuda" if there else "cpu"
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    options.ways = options.ways or (WAYS if there else WAYS[:1])
    lines = [as_line(HEAD), as_line(("---",) * len(HEAD))]
    print(machine(options.device), *lines, sep="\n", flush=True)
    for flavour in options.flavour or CHOSEN:
        for row in rows(flavour, options):
            lines.append(as_line(row))
            print(lines[-1], flush=True)
    if there:
        about = (
            f"{machine('cuda')}. An epoch is of {EPOCH:,} samples, a screen of {SCREEN:,} edits."
        )
        options.to.write_text("\n".join(["# Networks on a GPU", "", about, "", *lines, ""]))


if __name__ == "__main__":
    main()
