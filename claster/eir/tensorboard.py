"""The curve of a training for TensorBoard, where that is installed."""

import importlib.util

import pandas as pd

from claster.eir.runs import RunFolder
from claster.files import atomic_folder

__all__ = ["write_tensorboard"]


def write_tensorboard(run: RunFolder, curve: pd.DataFrame) -> bool:
    """Write the loss and performance of a run as TensorBoard's events, below ``tensorboard``.

    Parameters
    ----------
    run
        The run; events of an earlier call are replaced.
    curve
        Of `read_history`.

    Returns
    -------
    bool
        Whether they were written: not where the package tensorboard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        return False
    from torch.utils.tensorboard import SummaryWriter  # seconds

    with (
        atomic_folder(run.path / "tensorboard", replace=True) as folder,
        SummaryWriter(folder) as writer,
    ):
        for row in curve.itertuples():
            writer.add_scalar(f"loss/{row.split}", row.loss, row.step)
            if row.split == "valid":
                writer.add_scalar("performance/valid", row.performance, row.step)
    return True
