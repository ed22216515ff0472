"""What predicts the windows of a trained run."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import tee
from pathlib import Path

import numpy as np

from claster.analysis.perturbation.windows import Predictor, Window
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView
from claster.eir.content import Device
from claster.eir.eirpredict import input_folders
from claster.eir.ensemble import member_runs
from claster.eir.runs import RunFolder
from claster.progress import SILENT, Progress

__all__ = ["load_predictor"]


def load_predictor(
    run: RunFolder,
    spec: DatasetSpec,
    *,
    device: Device = "auto",
    batch_size: int | None = None,
    project: Path | str = ".",
    progress: Progress = SILENT,
) -> Predictor:
    """Load the models of a run as what predicts whole windows; each is given what its flavour reads of them.

    Parameters
    ----------
    run, spec
        A trained run or an ensemble of them, whose mean signal is predicted; and its dataset.
    device, batch_size
        Where to compute, and how many windows at a time.
    project
        The project's folder.
    progress
        Where to report to.
    """
    from claster.eir.inference import load_model, predict_windows  # EIR: many seconds

    models = []
    with progress.step(f"load {run.path.name}") as step:
        step.describe("EIR starts")
        for member in member_runs(run, project=project):
            views = {name: ArrayView.of_folder(at) for name, at in input_folders(member).items()}
            models.append((load_model(member, device=device, project=project), views))

    def predict(windows: Iterable[Window], /) -> Iterator[np.ndarray]:
        streams = [
            predict_windows(model, _cut(given, views, spec), batch_size=batch_size)
            for given, (model, views) in zip(tee(windows, len(models)), models, strict=True)
        ]
        for profiles in zip(*streams, strict=True):
            yield np.mean(profiles, axis=0)

    inputs = dict.fromkeys(name for model, _ in models for name in model.inputs)
    return Predictor(predict, tuple(inputs))


def _cut(
    windows: Iterable[Window], views: Mapping[str, ArrayView], spec: DatasetSpec
) -> Iterator[Window]:
    for window in windows:
        yield {name: view.cut(window[name], spec) for name, view in views.items()}
