"""Screens and attributions with and without reuse of the first convolution; seconds of CPU, in one run.

A small genome is simulated, and a network of flavour `toy` trained for four epochs: how long an edit takes
does not depend on what was learned. Each way answers the same question twice, in turn, and the smaller time
counts; effects and attributions of both are compared.
"""

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


def main() -> None:
    """Train, and compare."""
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
