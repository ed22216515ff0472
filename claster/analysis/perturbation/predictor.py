"""What predicts the windows of a trained run."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from claster.analysis.perturbation.windows import Predictor, Window
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView
from claster.eir.content import Device
from claster.eir.eirpredict import input_folders
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
    """Load the model of a run as what predicts whole windows; it cuts what the flavour reads of them.

    Parameters
    ----------
    run, spec
        A trained run and its dataset.
    device, batch_size
        Where to compute, and how many windows at a time.
    project
        The project's folder.
    progress
        Where to report to.
    """
    from claster.eir.inference import load_model, predict_windows  # EIR: many seconds

    with progress.step(f"load {run.path.name}") as step:
        step.describe("EIR starts")
        model = load_model(run, device=device, project=project)
    views = {name: ArrayView.of_folder(at) for name, at in input_folders(run).items()}

    def predict(windows: Iterable[Window], /) -> Iterator[np.ndarray]:
        parts = (
            {name: view.cut(window[name], spec) for name, view in views.items()}
            for window in windows
        )
        return predict_windows(model, parts, batch_size=batch_size)

    return Predictor(predict, model.inputs)
