"""One gene explained: its predictions attributed by any method, in batches that memory holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from claster.analysis.attribution.blocks import BlockGrid
from claster.analysis.attribution.methods import (
    Attribution,
    Forward,
    answers,
    gradient_x_input,
    integrated_gradients,
    occlusion,
)
from claster.analysis.attribution.seen import CONTACTS, Seen
from claster.analysis.attribution.settings import Method
from claster.eir.inference import is_want_of_memory
from claster.errors import ClasterError

__all__ = ["Explainer"]

_BATCH = {"cpu": 32, "cuda": 512}


@dataclass
class Explainer:
    """A model, and how its predictions are attributed.

    Attributes
    ----------
    forward
        What predicts, on the scale that is explained.
    device
        Where it computes.
    seen
        What it sees.
    rows
        Tracks that are attributed to, and ``contacts``; the others stay as they are.
    grid
        Blocks that occlusion takes.
    steps
        Points on the path of integrated gradients.
    batch_size
        Most samples in one pass; halved for good where memory does not suffice. None starts with 32
        on a CPU and 512 on a GPU.
    """

    forward: Forward
    device: torch.device
    seen: Seen
    rows: tuple[str, ...]
    grid: BlockGrid
    steps: int = 32
    batch_size: int | None = None

    def explain(
        self,
        method: Method,
        window: Mapping[str, np.ndarray],
        baseline: Mapping[str, np.ndarray],
        weights: np.ndarray,
    ) -> Attribution:
        """Attribute linear functions of one window's prediction.

        Parameters
        ----------
        method
            How.
        window, baseline
            By input name, one sample each, as stored.
        weights
            Shape (targets, groups, bins).

        Returns
        -------
        Attribution
            Values of rows that are not attributed to are 0.

        Raises
        ------
        ClasterError
            If memory does not suffice for one sample, or a value is not finite.
        """
        given = {name: self._tensor(array) for name, array in window.items()}
        weighed = self._tensor(weights)
        start = {
            name: torch.where(
                self._moves(name, given[name]), self._tensor(baseline[name]), given[name]
            )
            for name in given
        }
        if method == "integrated_gradients":
            found = self._within_memory(
                lambda size: integrated_gradients(
                    self.forward, given, start, weighed, steps=self.steps, batch_size=size
                )
            )
        elif method == "gradient_x_input":
            found = self._within_memory(
                lambda size: gradient_x_input(self.forward, given, start, weighed, batch_size=size)
            )
            for name, values in found.values.items():
                values *= self._moves(name, given[name]).cpu().numpy()
        else:
            totals = self._within_memory(
                lambda size: occlusion(
                    self.forward, given, start, weighed, blocks=self.grid.blocks, batch_size=size
                )
            )
            predicted, change = (
                x.cpu().numpy() for x in answers(self.forward, given, start, weighed)
            )
            shapes = {name: array.shape for name, array in window.items()}
            found = Attribution(
                self.grid.spread(totals, shapes),
                np.full(len(weights), np.nan),
                predicted,
                change,
                totals,
            )
        if not all(np.isfinite(values).all() for values in found.values.values()):
            raise ClasterError(
                "an attribution is not finite",
                remedy="check the arrays for NaN; if they are whole, train with a lower learning rate",
            )
        return found

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)

    def _moves(self, name: str, like: Tensor) -> Tensor:
        """Return which rows of an input are attributed to, as a column."""
        if name == CONTACTS:
            kept = [CONTACTS in self.rows]
        else:
            kept = [track in self.rows for track in self.seen.tracks]
        return torch.tensor(kept, device=like.device)[:, None]

    def _within_memory[R](self, work: Callable[[int], R]) -> R:
        while True:
            size = self.batch_size or _BATCH[self.device.type]
            try:
                return work(size)
            except RuntimeError as error:
                if not is_want_of_memory(error):
                    raise
                if size == 1:
                    raise ClasterError(
                        f"memory of {self.device} does not suffice to explain one sample",
                        remedy="choose another --device, or a machine with more memory",
                    ) from error
                self.batch_size = size // 2
                torch.cuda.empty_cache()
