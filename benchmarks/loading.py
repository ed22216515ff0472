"""How EIR can be fed: small files, memory, one large file, its stream over a socket; in one run.

EIR's own functions read, normalise and unpack a batch of 64 windows of 4 x 10,001 float32. A stream's cost
is the JSON text with base64 arrays that EIR's protocol prescribes, packed and unpacked, without any network.
Files are read from the operating system's cache (a second epoch) and, where it can be emptied, from disk.
Prints medians in ms a batch, and the samples a second of one process.
"""

import base64
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from eir.data_load.data_preparation_modules.prepare_array import (
    array_load_wrapper,
    prepare_array_data,
)
from eir.serve_modules.serve_network_utils import deserialize_array
from eir.setup.input_setup_modules.setup_array import ArrayNormalizationStats
from torch.utils.data import default_collate

SHAPE = (4, 1, 10_001)
BATCH, BATCHES, ROUNDS = 64, 6, 5


def statistics() -> ArrayNormalizationStats:
    each = (SHAPE[0], 1, 1)
    return ArrayNormalizationStats(
        shape=torch.Size(each), means=torch.ones(each), stds=torch.ones(each), type="channel"
    )


def forget(paths: list[Path]) -> None:
    """Ask the operating system to drop files from its cache."""
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def milliseconds(batches: Callable[[int], object]) -> float:
    start = time.perf_counter()
    for number in range(BATCHES):
        batches(number)
    return 1000 * (time.perf_counter() - start) / BATCHES


def main() -> None:
    torch.set_num_threads(1)
    arrays = np.random.default_rng(0).random((BATCHES * BATCH, *SHAPE), dtype=np.float32)
    stats = statistics()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        paths = [folder / f"{n}.npy" for n in range(len(arrays))]
        for path, array in zip(paths, arrays, strict=True):
            np.save(path, array)
        whole = folder / "whole.npy"
        np.save(whole, arrays)
        mapped = np.load(whole, mmap_mode="r")

        def some(number: int) -> range:
            return range(number * BATCH, (number + 1) * BATCH)

        def prepared(batch: list[np.ndarray]) -> torch.Tensor:
            return default_collate([prepare_array_data(array, stats) for array in batch])

        def files(number: int) -> torch.Tensor:
            return prepared([array_load_wrapper(paths[n]) for n in some(number)])

        def memory(number: int) -> torch.Tensor:
            return prepared([arrays[n] for n in some(number)])

        def one_file(number: int) -> torch.Tensor:
            return prepared([np.array(mapped[n]) for n in some(number)])

        def stream(number: int) -> torch.Tensor:
            text = json.dumps([base64.b64encode(arrays[n].data).decode() for n in some(number)])
            return prepared([deserialize_array(t, np.float32, SHAPE) for t in json.loads(text)])

        ways = {"memory": memory, "files": files, "one large file": one_file, "stream": stream}
        taken: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                taken.setdefault(name, []).append(milliseconds(way))
            forget(paths)
            taken.setdefault("files, cold", []).append(milliseconds(files))
    least = median(taken["memory"])
    for name, times in taken.items():
        took = median(times)
        print(
            f"{name:<16} {took:7.1f} ms a batch, {1000 * BATCH / took:7,.0f} samples/s, "
            f"{took / least:5.2f} x memory"
        )


if __name__ == "__main__":
    main()
