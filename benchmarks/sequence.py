"""Sequence models: embeddings a second, fine-tuning steps a second, and on a GPU the share of its peak.

Without `--weights` a small random model is measured, to see that everything runs. With the files of a real
one: `--model enformer --weights DIR --device cuda --precision bfloat16 --batch-size 8`.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from claster.dataset.embeddings import covered_bins, pool_weights
from claster.genome.windows import Binning
from claster.sequence.embed import embed_letters
from claster.sequence.fit import ProfileHead
from claster.sequence.models import MODELS
from claster.sequence.tiny import write_tiny_model
from claster.sequence.trunk import Trunk

TARGET = Binning(401, 1000)
# Dense tensor-core peaks of bfloat16 in the makers' data sheets.
PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12}


def seconds(run: Callable[[], object], repeats: int) -> float:
    run()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return median(taken)


def operations(run: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def peak_of(device: str) -> float | None:
    if device != "cuda":
        return None
    name = torch.cuda.get_device_name()
    return next((peak for known, peak in PEAK.items() if known in name), None)


def report(named: str, samples: int, taken: float, flops: int, peak: float | None) -> None:
    share = f", {flops / taken / peak:.1%} of the bf16 peak" if peak else ""
    print(
        f"{named:<22} {samples / taken:9.2f} samples/s   {taken:8.4f} s a batch of {samples}   "
        f"{flops / taken / 1e9:9.1f} GFLOP/s{share}"
    )


def measure(trunk: Trunk, options: argparse.Namespace) -> None:
    device, batch = options.device, options.batch_size
    geometry, peak = trunk.geometry, peak_of(options.device)
    letters = np.random.default_rng(0).choice(
        np.frombuffer(b"ACGT", np.uint8), (batch, geometry.length)
    )
    trunk.to(device)

    def embed() -> np.ndarray:
        return embed_letters(trunk, letters, device=device, precision=options.precision)

    encoded = torch.from_numpy(np.ascontiguousarray(trunk.encode(letters))).to(device)
    with torch.no_grad():
        flops = operations(lambda: trunk(encoded))
    report("embedding", batch, seconds(embed, options.repeats), flops, peak)

    bins = covered_bins(geometry.bin * geometry.bins, TARGET)
    pool = torch.from_numpy(pool_weights(geometry.bin, geometry.bins, Binning(bins, TARGET.size)))
    head = ProfileHead(geometry.channels, pool, 1).to(device)
    weights = [*trunk.train().parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=1e-5)
    enabled = options.precision != "float32"
    dtype = getattr(torch, options.precision) if enabled else torch.bfloat16

    def step() -> None:
        with torch.autocast(device, dtype=dtype, enabled=enabled):
            loss = head(trunk(encoded)).float().square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    report("fine-tuning step", batch, seconds(step, options.repeats), operations(step), peak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=MODELS, action="append")
    parser.add_argument("--weights", type=Path, help="folder of its files; default: small, random")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for name in options.model or ["enformer", "hyenadna_small_32k"]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = options.weights or write_tiny_model(name, Path(scratch) / name)
            trunk = MODELS[name].load(folder, trust_remote_code=True)
        size = sum(weight.numel() for weight in trunk.parameters())
        print(
            f"{name}{'' if options.weights else ', small and random'}: {size:,} weights, "
            f"{trunk.geometry.length:,} bp, {options.device}, {options.precision}"
        )
        measure(trunk, options)


if __name__ == "__main__":
    main()
