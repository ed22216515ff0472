"""Screens and attributions with and without reuse of the first convolution; seconds of CPU, in one run.

A small genome is simulated, and a network of flavour `toy` trained for four epochs: how long an edit takes
does not depend on what was learned. Each way answers the same question twice, in turn, and the smaller time
counts; effects and attributions of both are compared.

`--beside CHECKOUT` gives whole commands instead, each in its own process, in turn with those of an older
checkout of this package, which trains the network; told with and without the seconds that Python, EIR and
the network take to load.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

import claster
from claster.analysis.attribution.output import AttributionFiles
from claster.analysis.perturbation.folder import ScreenFiles

ROUNDS = 2
TAKEN_AWAY = (
    "claster.eir.first_layer.cut_network",
    "claster.eir.first_layer.first_layer",
    "claster.eir.inference.first_layer",
)


def compare(name: str, work: Callable[[str], pd.DataFrame], column: str) -> None:
    """Print the time of both ways, their ratio, and the largest difference of what they found."""
    found: dict[bool, pd.DataFrame] = {}
    times: dict[bool, list[float]] = {True: [], False: []}
    work("warm")
    for _ in range(ROUNDS):
        for reuse in (False, True):
            with ExitStack() as stack:
                for place in () if reuse else TAKEN_AWAY:
                    stack.enter_context(patch(place, return_value=None))
                begun = time.process_time()
                found[reuse] = work(f"reuse_{reuse}")
                times[reuse].append(time.process_time() - begun)
    plain, fast = min(times[False]), min(times[True])
    apart = np.abs(found[True][column] - found[False][column]).max()
    print(f"{name}: {plain:.1f} s without reuse, {fast:.1f} s with it: {plain / fast:.1f} x")
    print(f"  largest difference of '{column}': {apart:.1g}")


RUN = "runs/demo_tiny/toy"
TRAIN = """
import claster
claster.train("toy", claster.Project(".").simulate("demo_tiny").build(), epochs=4)
"""
LOAD = f"from claster.eir.inference import load_model; load_model({RUN!r}, device='cpu')"
COMMAND = """
try:
    from claster.__main__ import main
except ImportError:
    from claster.cli import main
main()
"""


def seconds(code: Path, folder: Path, script: str, *words: str) -> float:
    """Return the seconds of CPU that a script takes with the package of a checkout."""
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(code)},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime


def compare_checkouts(older: Path) -> None:
    """Print the time of each command by both checkouts, and how far their effects and attributions differ."""
    tables = {
        "perturb": ("perturb/silence_test/effects.parquet", ("effect", "p")),
        "attribute": (
            "attributions/integrated_gradients_test/genes.parquet",
            ("predicted", "absolute_H3K27ac"),
        ),
    }
    ways = (older, Path(__file__).parents[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds(older, folder, TRAIN)
        loading = [seconds(code, folder, LOAD) for code in ways]
        for command, (file, columns) in tables.items():
            found, took = [], []
            for code in ways:
                words = (command, RUN, "--device", "cpu", "--force")
                took.append(seconds(code, folder, COMMAND, *words))
                found.append(pd.read_parquet(folder / RUN / file))
            before, now = (whole - load for whole, load in zip(took, loading, strict=True))
            print(f"{command}: {took[0]:.1f} and {took[1]:.1f} s, {took[0] / took[1]:.1f} x")
            print(f"  without loading: {before:.1f} and {now:.1f} s, {before / now:.1f} x")
            for column in columns:
                apart = np.abs(found[1][column] - found[0][column])
                print(
                    f"  '{column}': largest difference {apart.max():.1g}, median {apart.median():.1g}"
                )


def main() -> None:
    """Train, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path)
    older = parser.parse_args().beside
    if older:
        compare_checkouts(older.resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        project = claster.Project(Path(folder))
        run = claster.train("toy", project.simulate("demo_tiny").build(), epochs=4)

        def screen(name: str) -> pd.DataFrame:
            run.perturb(name=name, force=True)
            return pd.read_parquet(ScreenFiles(run.folder / "perturb" / name).effects)

        def attributed(name: str) -> pd.DataFrame:
            run.attribute(name=name, compare=2, force=True)
            return pd.read_parquet(AttributionFiles(run.folder / "attributions" / name).genes)

        compare("perturb", screen, "effect")
        compare("attribute", attributed, "absolute_H3K27ac")


if __name__ == "__main__":
    main()
