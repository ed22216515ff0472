"""Attribution of a batch of windows: integrated gradients, gradient x input and occlusion."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import batched

import numpy as np
import torch
from torch import Tensor

from claster.analysis.attribution.blocks import Block, BlockGrid
from claster.analysis.attribution.inputs import CONTACTS, Seen
from claster.analysis.attribution.settings import Method
from claster.eir.inference import is_want_of_memory
from claster.errors import ClasterError

_Forward = Callable[[Mapping[str, Tensor]], Tensor]
"""From inputs by name, (samples, ...) each, to predictions, (samples, groups, bins), with gradients."""


@dataclass(frozen=True)
class Cut:
    """A model in two parts: by input name, what comes first, affine, if anything does; and what follows."""

    first: Mapping[str, Callable[[Tensor], Tensor]]
    rest: _Forward


@dataclass(frozen=True)
class Attribution:
    """What some linear functions of one prediction are attributed to.

    Attributes
    ----------
    values
        float32 by input name, (targets, ...), in the unit of the prediction.
    delta
        Sum of the values minus `change`, (targets,); NaN for methods that do not promise that they are equal.
    predicted, change
        What is attributed, and the same minus that of the baseline, (targets,).
    totals
        Of each block, where blocks were occluded; see `BlockGrid`.
    """

    values: dict[str, np.ndarray]
    delta: np.ndarray
    predicted: np.ndarray
    change: np.ndarray
    totals: np.ndarray | None = None

    def adds_up(self) -> bool:
        """Tell whether `delta` is at most 0.2 % of the absolute attribution, target by target."""
        whole = sum(np.abs(x).reshape(len(x), -1).sum(axis=1) for x in self.values.values())
        return bool((np.abs(self.delta) <= 2e-3 * whole).all())


def _answers(
    forward: _Forward,
    window: Mapping[str, Tensor],
    baseline: Mapping[str, Tensor],
    weights: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the targets of a window, and what they are more than those of a baseline, (targets,) each."""
    with torch.no_grad():
        here, there = forward(
            {name: torch.stack([window[name], baseline[name]]) for name in window}
        )
        return (
            torch.einsum("gb,tgb->t", here, weights),
            torch.einsum("gb,tgb->t", here - there, weights),
        )


def integrated_gradients(
    forward: _Forward,
    window: Mapping[str, Tensor],
    baseline: Mapping[str, Tensor],
    weights: Tensor,
    *,
    steps: int = 32,
    batch_size: int = 64,
    cut: Cut | None = None,
) -> Attribution:
    """Integrate gradients along the straight path from a baseline to a window (Sundararajan et al. 2017)."""
    first = cut.first if cut else {}
    run = cut.rest if cut else forward
    with torch.no_grad():
        here, there = (
            {name: first[name](x[None]) if name in first else x[None] for name, x in given.items()}
            for given in (window, baseline)
        )
    points, shares = np.polynomial.legendre.leggauss(steps)
    slopes = {name: x.new_zeros(len(weights), *x.shape[1:]) for name, x in here.items()}
    for some in np.array_split(np.arange(steps), -(-steps // batch_size)):
        along, share = (
            weights.new_tensor(given) for given in ((1 + points[some]) / 2, shares[some] / 2)
        )
        path = {
            name: (x0 + along.view(-1, *[1] * (x0.dim() - 1)) * (here[name] - x0)).requires_grad_()
            for name, x0 in there.items()
        }
        sums = torch.einsum("ngb,tgb,n->t", run(path), weights, share)
        for target, total in enumerate(sums):
            found = torch.autograd.grad(
                total, tuple(path.values()), retain_graph=target + 1 < len(sums)
            )
            for name, slope in zip(path, found, strict=True):
                slopes[name][target] += slope.sum(dim=0)
    for name, linear in first.items():
        parts = [
            _pulled_back(linear, window[name], some) for some in slopes[name].split(batch_size)
        ]
        slopes[name] = torch.cat(parts)
    values = {name: slopes[name] * (x - baseline[name]) for name, x in window.items()}
    predicted, change = _answers(forward, window, baseline, weights)
    delta = torch.stack([x.flatten(1).sum(dim=1) for x in values.values()]).sum(dim=0) - change
    return _as_arrays(values, delta, predicted, change)


def _pulled_back(linear: Callable[[Tensor], Tensor], sample: Tensor, slopes: Tensor) -> Tensor:
    """Return gradients in front of an affine function from those behind it, (targets, ...)."""
    given = _repeated({"": sample}, len(slopes))[""]
    return torch.autograd.grad(linear(given), given, slopes)[0]


def gradient_x_input(
    forward: _Forward,
    window: Mapping[str, Tensor],
    baseline: Mapping[str, Tensor],
    weights: Tensor,
    *,
    batch_size: int = 64,
) -> Attribution:
    """Multiply the gradient at a window by the window; parameters as in `integrated_gradients`.

    The baseline is only what `change` is about.
    """
    products: dict[str, list[Tensor]] = {name: [] for name in window}
    for some in weights.split(batch_size):
        given = _repeated(window, len(some))
        slopes = torch.autograd.grad((forward(given) * some).sum(), tuple(given.values()))
        for (name, x), slope in zip(given.items(), slopes, strict=True):
            products[name].append((x * slope).detach())
    values = {name: torch.cat(parts) for name, parts in products.items()}
    predicted, change = _answers(forward, window, baseline, weights)
    return _as_arrays(values, torch.full_like(change, torch.nan), predicted, change)


def occlusion(
    forward: _Forward,
    window: Mapping[str, Tensor],
    baseline: Mapping[str, Tensor],
    weights: Tensor,
    *,
    blocks: Sequence[Block],
    batch_size: int = 64,
) -> np.ndarray:
    """Return what the prediction loses, float64, (targets, blocks), where the baseline replaces a block."""
    with torch.no_grad():
        whole = forward({name: x[None] for name, x in window.items()})[0]
        lost = []
        for some in batched(blocks, batch_size, strict=False):
            edited = {name: x.expand(len(some), *x.shape).clone() for name, x in window.items()}
            for row, (name, place) in enumerate(some):
                edited[name][row][place] = baseline[name][place]
            # The difference bin by bin first: a sum over bins would round it away.
            change = (whole - forward(edited)).double()
            lost.append(torch.einsum("ngb,tgb->tn", change, weights.double()))
    return torch.cat(lost, dim=1).cpu().numpy()


def _repeated(window: Mapping[str, Tensor], times: int) -> dict[str, Tensor]:
    return {
        name: x.detach().expand(times, *x.shape).clone().requires_grad_()
        for name, x in window.items()
    }


def _as_arrays(
    values: Mapping[str, Tensor], delta: Tensor, predicted: Tensor, change: Tensor
) -> Attribution:
    arrays = {name: x.cpu().numpy().astype(np.float32) for name, x in values.items()}
    return Attribution(arrays, *(x.cpu().numpy() for x in (delta, predicted, change)))


_BATCH = {"cpu": 128, "cuda": 512}

_FEWEST_STEPS = 8


@dataclass
class Explainer:
    """A model that predicts on the scale that is explained, and how its predictions are attributed.

    Attributes
    ----------
    rows
        Tracks that are attributed to, and ``contacts``; the others stay as they are.
    grid
        Blocks that occlusion takes.
    steps
        Most points on the path of integrated gradients.
    batch_size
        Most samples in one pass; halved for good where memory does not suffice. None starts with 128
        on a CPU and 512 on a GPU.
    cut
        The model in two parts, if it has them; see `integrated_gradients`.
    """

    forward: _Forward
    device: torch.device
    seen: Seen
    rows: tuple[str, ...]
    grid: BlockGrid
    steps: int = 32
    batch_size: int | None = None
    cut: Cut | None = None

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
        window, baseline
            By input name, one sample each, as stored; what the baseline lacks stays as it is.
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
                self._moves(name, given[name]),
                self._tensor(baseline.get(name, window[name])),
                given[name],
            )
            for name in given
        }
        asked = (self.forward, given, start, weighed)
        if method == "integrated_gradients":
            steps, enough = min(_FEWEST_STEPS, self.steps), False
            while not enough:
                found = self._within_memory(
                    partial(integrated_gradients, *asked, cut=self.cut, steps=steps)
                )
                enough = steps == self.steps or found.adds_up()
                steps = min(2 * steps, self.steps)
        elif method == "gradient_x_input":
            found = self._within_memory(partial(gradient_x_input, *asked))
            for name, values in found.values.items():
                values *= self._moves(name, given[name]).cpu().numpy()
        else:
            totals = self._within_memory(partial(occlusion, *asked, blocks=self.grid.blocks))
            predicted, change = (x.cpu().numpy() for x in _answers(*asked))
            shapes = {name: array.shape for name, array in window.items()}
            unknown = np.full(len(weights), np.nan)
            evenly = self.grid.spread(totals, shapes)
            found = Attribution(evenly, unknown, predicted, change, totals)
        if not all(np.isfinite(array).all() for array in found.values.values()):
            raise ClasterError(
                "an attribution is not finite",
                remedy="check the arrays for NaN; if they are whole, train with a lower learning rate",
            )
        return found

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)

    def _moves(self, name: str, like: Tensor) -> Tensor:
        """Return which rows of an input are attributed to, as a column."""
        names = (CONTACTS,) if name == CONTACTS else self.seen.tracks
        return torch.tensor([row in self.rows for row in names], device=like.device)[:, None]

    def _within_memory[R](self, work: Callable[..., R]) -> R:
        while True:
            size = self.batch_size or _BATCH[self.device.type]
            try:
                return work(batch_size=size)
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
