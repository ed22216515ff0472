"""The curve of a training."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from claster.plot.style import OKABE_ITO, new_figure, style

__all__ = ["learning_curve"]

_SPLITS = {"train": ("training", "0.6", 0.9), "valid": ("validation", OKABE_ITO["blue"], 1.6)}


def learning_curve(
    history: pd.DataFrame, *, best: int | None = None, performance: str = "Validation performance"
) -> tuple[Figure, np.ndarray]:
    """Draw loss and validation performance against training steps.

    Parameters
    ----------
    history
        From `claster.eir.history.read_history`: `split` (train, valid), `step`, `loss`, `performance`.
    best
        The step of the model that was kept, marked with a dotted line.
    performance
        What the performance is, for its axis.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : numpy.ndarray
        Shape (2,): loss, performance.
    """
    with style():
        fig = new_figure(7.2, 2.7)
        axes = fig.subplots(1, 2)
        for split, (label, colour, width) in _SPLITS.items():
            rows = history[history["split"] == split]
            axes[0].plot(rows["step"], rows["loss"], color=colour, linewidth=width, label=label)
            if split == "valid":
                axes[1].plot(
                    rows["step"], rows["performance"], color=colour, marker="o", markersize=3
                )
        if best is not None:
            for ax in axes:
                ax.axvline(best, color="0.4", linestyle=(0, (1, 1.6)), linewidth=1.1)
            axes[1].text(
                best,
                1.0,
                "model kept",
                transform=axes[1].get_xaxis_transform(),
                ha="right",
                va="bottom",
                fontsize=8,
                color="0.4",
            )
        losses = history["loss"]
        if (losses > 0).all() and losses.max() > 10 * losses.min():
            axes[0].set_yscale("log")
        for ax, label in zip(axes, ("Loss", performance), strict=True):
            ax.set_xlabel("Training step")
            ax.set_ylabel(label)
        axes[0].legend(loc="upper right")
    return fig, axes
