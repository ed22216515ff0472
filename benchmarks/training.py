"""What `eirtrain` costs beside a plain PyTorch loop, and how fast its loaders are; in one run.

Samples are random. EIR's own experiment and loop run against a loop of a dozen lines with the same
module, loss, optimizer, batch and device, which reads the same files; rounds alternate, medians of
steps count, evaluations lie outside. Then EIR's dataset objects, from files and in memory, feed its
own loaders with 0, 1 and 2 workers. This is done for a table of targets and for `profile`, whose target is
an array. ``--real`` takes `pure_conv` and `profile` with batches of 64 windows of 4 x 10,001 (of which
`profile` reads 4,021 bins) and 401 targets. Where other work shares the cores, set OMP_NUM_THREADS=1.
"""

import argparse
import copy
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import input_views
from claster.eir.configure import configure, eirtrain_command
from claster.eir.flavours import FLAVOURS
from claster.eir.machine import Machine
from claster.eir.parts import Flavour, SampleCounts, derive

WORKERS = (0, 1, 2)


def example(name: str, *, real: bool) -> tuple[Flavour, DatasetSpec]:
    bins = 10_001 if real else 2_001
    training = {"n_epochs": 1, "evaluations": 1, "interval": 10**6, "early_stopping_patience": 0}
    flavour = derive(
        FLAVOURS[name],
        name="timed",
        description="for a benchmark",
        training=training | ({"batch_size": 64} if real else {}),
    )
    spec = DatasetSpec.model_validate(
        {
            "name": "random",
            "assembly": "none",
            "tracks": [{"name": name, "file": f"{name}.bw"} for name in "abcd"],
            "genes": {"file": "genes.gtf"},
            "target": {"bins": 401, "conditions": [{"name": "ctrl", "file": "n.bw"}]},
            "window": {"bin": 100 if real else 500, "bins": bins},
        }
    )
    return flavour, spec


def write_samples(flavour: Flavour, spec: DatasetSpec, counts: SampleCounts) -> None:
    folders = DatasetFolders.of(spec)
    view = input_views(flavour, spec)["landscape"]
    arrays = folders.arrays(view.folder, "train_valid")
    profiles = folders.profiles("train_valid")
    for folder in (arrays, profiles):
        folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = [f"s{n}" for n in range(counts.train + counts.valid)]
    for name in names:
        array = rng.random(view.shape(spec), dtype=np.float32)
        np.save(arrays / f"{name}.npy", array)
    folders.ids("train").write_text("\n".join(names[: counts.train]) + "\n")
    folders.ids("valid").write_text("\n".join(names[counts.train :]) + "\n")
    assert spec.target is not None
    values = rng.random((len(names), len(spec.target.columns)))
    table = pd.DataFrame(values, index=pd.Index(names, name="ID"), columns=spec.target.columns)
    table.to_csv(folders.target_table("train"))
    for name, row in zip(names, values.astype(np.float32), strict=True):
        np.save(profiles / f"{name}.npy", row[None, None])


def experiment(flavour: Flavour, spec: DatasetSpec, counts: SampleCounts, machine: Machine) -> Any:
    """Return what `eirtrain` sets up, in a fresh output folder."""
    from eir.setup.config import get_configs
    from eir.train import get_default_experiment
    from eir.train_utils.step_logic import get_default_hooks

    run = Path(tempfile.mkdtemp(dir="."))
    configuration = configure(
        flavour, spec, out=run / "c", run_folder=run, counts=counts, machine=machine
    )
    sys.argv = eirtrain_command(configuration)
    with quiet():
        configs = get_configs()
        configs.gc.ec.sample_interval = configs.gc.ec.checkpoint_interval = 10**6
        return get_default_experiment(configs=configs, hooks=get_default_hooks(configs=configs))


@contextmanager
def quiet() -> Iterator[None]:
    """Send what EIR prints and logs to nowhere, its own threads' too."""
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        yield
    finally:
        sys.stdout.flush()
        for stream, copied in zip((1, 2), kept, strict=True):
            os.dup2(copied, stream)
            os.close(copied)
        os.close(nowhere)


def eir_steps(built: Any) -> list[float]:
    """Run EIR's loop; return the seconds from each forward pass to the next."""
    from eir.train import train

    stamps: list[float] = []
    built.model.register_forward_pre_hook(lambda *_: stamps.append(time.perf_counter()))
    with quiet():
        train(built)
    return list(np.diff(stamps))


class Files(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Normalised windows from files, and standardised targets."""

    def __init__(self, flavour: Flavour, spec: DatasetSpec, stats: Any) -> None:
        folders = DatasetFolders.of(spec)
        names = folders.ids("train").read_text().split()
        arrays = folders.arrays(input_views(flavour, spec)["landscape"].folder, "train_valid")
        self.paths = [arrays / f"{name}.npy" for name in names]
        targets = pd.read_csv(folders.target_table("train"), index_col="ID").loc[names]
        self.targets = torch.tensor(
            ((targets - targets.mean()) / targets.std()).to_numpy(np.float32)
        )
        self.stats = stats

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        array = torch.from_numpy(np.load(self.paths[index]))
        return (array - self.stats.means) / self.stats.stds, self.targets[index]


def plain_steps(module: nn.Module, data: Files, flavour: Flavour, device: str) -> list[float]:
    """Train with a loop as one writes it by hand; return the seconds of each step."""
    module = module.to(device).train()
    training = flavour.training
    table = flavour.output.output_type == "tabular"
    measure = nn.functional.smooth_l1_loss if table else nn.functional.mse_loss
    optimizer = torch.optim.AdamW(module.parameters(), lr=training.lr, weight_decay=training.wd)
    stamps = [time.perf_counter()]
    for arrays, targets in DataLoader(data, training.batch_size, shuffle=True, drop_last=True):
        optimizer.zero_grad()
        (outputs,) = module({"landscape": arrays.to(device)}).values()
        predicted = torch.cat(list(outputs.values()), dim=1).flatten(start_dim=1)
        loss = measure(predicted, targets.to(device))
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), training.gradient_clipping)
        optimizer.step()
        loss.item()
        stamps.append(time.perf_counter())
    return list(np.diff(stamps))


def compare_loops(
    flavour: Flavour, spec: DatasetSpec, counts: SampleCounts, machine: Machine, *, rounds: int
) -> None:
    taken: dict[str, list[float]] = {"plain": [], "eirtrain": []}
    for _ in range(rounds):
        start = time.perf_counter()
        built = experiment(flavour, spec, counts, machine)
        setup = time.perf_counter() - start
        module = copy.deepcopy(getattr(built.model, "_forward_module", built.model))
        data = Files(flavour, spec, built.inputs["landscape"].normalization_stats)
        taken["plain"] += plain_steps(module, data, flavour, machine.device)[1:]
        taken["eirtrain"] += eir_steps(built)[1:]
    print(f"{'setting up':<24} {setup:9.1f} s")
    plain, eir = median(taken["plain"]), median(taken["eirtrain"])
    for name, seconds in (("plain loop", plain), ("eirtrain", eir)):
        print(f"{name:<24} {1000 * seconds:9.1f} ms a step, {seconds / plain:5.2f} x plain")


def time_loaders(
    flavour: Flavour, spec: DatasetSpec, counts: SampleCounts, machine: Machine
) -> None:
    from eir.train import get_dataloaders

    for memory in (True, False):
        before = memory_peak(reset=True)
        kept = Machine(machine.device, memory=memory)
        built = experiment(flavour, spec, counts, kept)
        data, valid = built.train_loader.dataset, built.valid_dataset
        if memory:
            shape = input_views(flavour, spec)["landscape"].shape(spec)
            arrays = 4 * np.prod(shape) * (counts.train + counts.valid)
            copies = (memory_peak() - before) / arrays
            print(f"memory_dataset takes {copies:.1f} x the arrays while it reads them")
        for workers in WORKERS:
            if memory and workers:
                continue
            with quiet():
                loader, _ = get_dataloaders(data, None, valid, flavour.training.batch_size, workers)
            start = time.perf_counter()
            batches = iter(loader)
            next(batches)
            first = time.perf_counter() - start
            for _ in batches:  # until each worker has started and imported EIR
                pass
            start = time.perf_counter()
            seen = sum(len(ids) for _, _, ids in loader)
            rate = seen / (time.perf_counter() - start)
            name = "memory_dataset" if memory else f"files, {workers} workers"
            print(f"{name:<24} {rate:9,.0f} samples/s; first batch after {first:.1f} s")


def memory_peak(*, reset: bool = False) -> int:
    """Return the most memory that this process has taken since the last reset, in bytes."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", action="store_true", help="batches of 64 x 4 x 10,001")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--steps", type=int, default=0, help="a round; default: 15, with --real 4")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    start = time.perf_counter()
    import eir.train  # noqa: F401

    print(f"{'import eir.train':<24} {time.perf_counter() - start:9.1f} s")
    for name in ("pure_conv" if options.real else "toy", "profile"):
        flavour, spec = example(name, real=options.real)
        batch = flavour.training.batch_size
        counts = SampleCounts(batch * (1 + (options.steps or (4 if options.real else 15))), batch)
        machine = Machine(options.device, memory=False)
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            write_samples(flavour, spec, counts)
            shape = input_views(flavour, spec)["landscape"].shape(spec)
            print(f"\n{name}: batches of {batch} x {' x '.join(map(str, shape))}")
            compare_loops(flavour, spec, counts, machine, rounds=options.rounds)
            time_loaders(flavour, spec, counts, machine)
            os.chdir("/")


if __name__ == "__main__":
    main()
