"""Forward passes of a part of a screen: each window before and after its edits, in one stream."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import Annotated
from claster.analysis.perturbation.editor import (
    Editor,
    Place,
    SignalWindow,
    edit_window,
    restore_landscape,
    store_edited,
)
from claster.analysis.perturbation.edits import Span
from claster.analysis.perturbation.effects import gene_bins, gene_signal
from claster.contacts.cut import map_cutter
from claster.contacts.shapes import mirror_map
from claster.dataset.layout import DatasetFolders, read_arrays
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import mirror_targets
from claster.errors import ClasterError
from claster.genome.windows import mirror
from claster.progress import Step
from claster.settings import Split
from claster.signal.landscape import landscape

Window = Mapping[str, np.ndarray]
"""By input name (``landscape``, ``contacts``), on the scale that a network sees."""


class _Predict(Protocol):
    """What predicts windows: a trained run, or any function that keeps to this."""

    def __call__(self, windows: Iterable[Window], /) -> Iterator[np.ndarray]:
        """Yield a profile a window, in order: signal, shape (conditions, bins)."""
        ...


@dataclass(frozen=True)
class Predictor:
    """A model: what predicts, and the names of the inputs that it takes."""

    predict: _Predict
    inputs: tuple[str, ...] = ("landscape",)


class _ReadWindow(Protocol):
    """What returns the window around a centre; `name` is that of a gene where the centre is its TSS."""

    def __call__(self, name: str, chrom: str, centre: int) -> dict[str, np.ndarray]:
        """Return the arrays by input name."""
        ...


def average_mirrored(predict: _Predict, spec: DatasetSpec) -> _Predict:
    """Return what predicts the mean over each window and its mirror image, turned back."""
    target = spec.require_target()

    def both(windows: Iterable[Window]) -> Iterator[Window]:
        for window in windows:
            yield window
            turned = {"landscape": mirror(window["landscape"])} if "landscape" in window else {}
            if "contacts" in window:
                turned["contacts"] = mirror_map(window["contacts"], spec.contacts_shape)
            yield turned

    def predict_both(windows: Iterable[Window], /) -> Iterator[np.ndarray]:
        profiles = predict(both(windows))
        for ahead in profiles:
            yield (ahead + mirror_targets(target, next(profiles))) / 2

    return predict_both


def built_window(
    folders: DatasetFolders, *, split: Split, inputs: Iterable[str] = ("landscape",)
) -> _ReadWindow:
    """Return what reads the built arrays of a gene of a split, in genome orientation."""
    names = tuple(inputs)

    def read(name: str, chrom: str, centre: int) -> dict[str, np.ndarray]:
        return {
            modality: read_arrays(folders, [name], split=split, modality=modality)[0]
            for modality in names
        }

    return read


def source_window(
    spec: DatasetSpec,
    sources: Sources,
    *,
    divisors: Sequence[float],
    inputs: Iterable[str] = ("landscape",),
) -> _ReadWindow:
    """Return what cuts the window around any base out of the source files, as a build does.

    Contacts of one chromosome are held at a time: ask for windows chromosome by chromosome.

    Parameters
    ----------
    spec, sources
        The dataset and its open files.
    divisors
        What each track is divided by (`track_divisors`).
    """
    names = tuple(inputs)
    cutters: dict[str, Callable[[int], tuple[np.ndarray, float]]] = {}

    def contacts(chrom: str, centre: int) -> np.ndarray:
        if spec.contacts is None or sources.contacts is None:
            raise ClasterError(
                f"dataset {spec.name!r} has no contacts, which the model takes",
                remedy="add 'contacts' to its YAML",
            )
        if chrom not in cutters:
            cutters.clear()
            cutters[chrom] = map_cutter(
                sources.contacts,
                sources.contact_names[chrom],
                spec.contacts_shape,
                balance=spec.contacts.balance,
                value=spec.contacts.value,
            )
        return cutters[chrom](centre)[0].astype(np.float32)

    def read(name: str, chrom: str, centre: int) -> dict[str, np.ndarray]:
        window: dict[str, np.ndarray] = {}
        if "landscape" in names:
            array = landscape(
                sources.tracks, chrom, centre, binning=spec.window.binning, summary=spec.summary
            )
            for row, (track, divisor) in enumerate(zip(spec.tracks, divisors, strict=True)):
                array[row] = track.stored(array[row], divisor=divisor)
            window["landscape"] = array
        if "contacts" in names:
            window["contacts"] = contacts(chrom, centre)
        return window

    return read


@dataclass(frozen=True)
class Measured:
    """What came out of a part of a screen.

    Attributes
    ----------
    effects
        Columns `row` (of the plan), `condition`, `dose`, `baseline`, `perturbed` (mean predicted signal
        of the gene), and both of each member of an ensemble (`baseline_1`, ..., `perturbed_1`, ...); a row,
        condition and dose a row. Edits that have no place are left out.
    windows
        Names of the windows with elements, in order.
    change
        float32, shape (windows, conditions, bins): of the changes that the elements of a window make in
        a bin the largest one, with its sign.
    profiles
        Columns `window`, `element_id`, `partner_id` (empty for the baseline, and where there is one
        element), `dose`, `condition`, and a bin each; elements only, no controls.
    """

    effects: pd.DataFrame
    windows: list[str]
    change: np.ndarray
    profiles: pd.DataFrame


@dataclass(frozen=True)
class _Asked:
    """One forward pass: a window, which rows it answers and with which dose; `rows` None: a baseline."""

    window: Sequence[Any]
    rows: Sequence[Any] | None
    dose: float | None
    changed: bool


def measure_windows(
    plan: pd.DataFrame,
    read: _ReadWindow,
    predict: _Predict,
    editor: Editor,
    *,
    annotated: Annotated,
    divisors: Sequence[float],
    step: Step,
) -> Measured:
    """Predict every window of a plan as it is and after each of its edits.

    An edit that changes no bit of a window is not predicted again: it changes nothing.

    Parameters
    ----------
    plan
        Rows of a screen (`ready_plan`), those of a window together.
    read, predict
        What reads and what predicts windows.
    annotated
        Where elements and TSSs are.
    divisors
        What each track is divided by (`track_divisors`).
    step
        Advances by the edits done.
    """
    spec, asked = editor.spec, deque[_Asked]()

    def passes() -> Iterator[Window]:
        for rows in _grouped(plan.itertuples(), "window"):
            first = rows[0]
            stored = read(first.window, first.chrom, int(first.centre))
            asked.append(_Asked(rows, None, None, changed=True))
            yield stored
            edges = spec.window.binning.edges + int(first.centre)
            window = SignalWindow(
                restore_landscape(stored["landscape"], spec, divisors=divisors),
                annotated.touch(first.chrom, edges[:-1], edges[1:]),
            )
            for same in _grouped(rows, "element_id", "partner_id"):
                places = _places(same[0])
                for dose in editor.settings.doses:
                    edited = edit_window(window, places, editor, dose=dose)
                    if edited is None:
                        step.advance()
                        continue
                    landscape = store_edited(
                        edited, window.signal, stored["landscape"], spec, divisors=divisors
                    )
                    changed = landscape is not stored["landscape"]
                    asked.append(_Asked(rows, same, dose, changed=changed))
                    if changed:
                        yield {**stored, "landscape": landscape}

    gathered = _Gathered(spec)
    baseline = np.empty(0)
    for profile in predict(passes()):
        while not asked[0].changed:
            gathered.add(asked.popleft(), baseline, baseline, step)
        this = asked.popleft()
        if this.rows is None:
            baseline = profile
        gathered.add(this, baseline, profile, step)
    while asked:
        gathered.add(asked.popleft(), baseline, baseline, step)
    return gathered.result()


class _Gathered:
    """What is kept of the forward passes."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._target = spec.require_target()
        self._conditions = self._target.groups
        self._effects: list[tuple[Any, ...]] = []
        self._members = 0
        self._windows: list[str] = []
        self._change: list[np.ndarray] = []
        self._names: list[tuple[str, str, str, float, str]] = []
        self._profiles: list[np.ndarray] = []
        self._before: dict[tuple[int, int], tuple[Span, np.ndarray]] = {}

    def add(self, asked: _Asked, baselines: np.ndarray, profiles: np.ndarray, step: Step) -> None:
        """Take what was asked of a window, (conditions, bins), or of each member, (members, ...)."""
        unchanged = profiles is baselines
        baseline, profile = _mean(baselines), _mean(profiles)
        window = str(asked.window[0].window)
        dose = np.nan if asked.dose is None else asked.dose
        if asked.rows is None:
            self._before.clear()
            if any(row.kind != "control" for row in asked.window):
                self._windows.append(window)
                self._change.append(np.zeros(profile.shape, np.float32))
                self._keep(window, "", "", np.nan, profile)
            return
        for row in asked.rows:
            gene = (row.gene_start, row.gene_end)
            if gene not in self._before:
                span = gene_bins(*gene, centre=row.centre, binning=self._target.binning)
                self._before[gene] = (span, _each_signal(baseline, baselines, span))
            span, before = self._before[gene]
            after = before if unchanged else _each_signal(profile, profiles, span)
            self._members = len(before) - 1
            for number, condition in enumerate(self._conditions):
                (b, *each_b), (p, *each_p) = before[:, number].tolist(), after[:, number].tolist()
                self._effects.append((row.Index, condition, dose, b, p, *each_b, *each_p))
        if row.kind != "control":
            change = np.maximum(profile, 0) - np.maximum(baseline, 0)
            most = self._change[-1]
            np.copyto(most, change, where=np.abs(change) > np.abs(most))
            self._keep(window, row.element_id, row.partner_id, dose, profile)
        step.advance()

    def result(self) -> Measured:
        names = ["window", "element_id", "partner_id", "dose", "condition"]
        members = [
            f"{name}_{n}" for name in ("baseline", "perturbed") for n in range(1, self._members + 1)
        ]
        bins = [str(offset) for offset in self._target.binning.offsets]
        shape = (0, len(self._conditions), self._target.bins)
        values = np.stack(self._profiles) if self._profiles else np.empty((0, len(bins)))
        return Measured(
            pd.DataFrame(
                self._effects,
                columns=["row", "condition", "dose", "baseline", "perturbed", *members],
            ),
            self._windows,
            np.stack(self._change) if self._change else np.empty(shape, np.float32),
            pd.concat(
                [
                    pd.DataFrame(self._names, columns=names),
                    pd.DataFrame(values, columns=bins, dtype=np.float32),
                ],
                axis=1,
            ),
        )

    def _keep(
        self, window: str, element: str, partner: str, dose: float, profile: np.ndarray
    ) -> None:
        for condition, values in zip(self._conditions, profile, strict=True):
            self._names.append((window, element, partner, dose, condition))
            self._profiles.append(values.astype(np.float32))


def _mean(profiles: np.ndarray) -> np.ndarray:
    return profiles.mean(axis=0) if profiles.ndim == 3 else profiles


def _each_signal(mean: np.ndarray, profiles: np.ndarray, span: Span) -> np.ndarray:
    """Return the signal of a gene, (1 + members, conditions): of their mean, and of each of several."""
    signal = gene_signal(mean, span)[np.newaxis]
    return np.concatenate([signal, gene_signal(profiles, span)]) if profiles.ndim == 3 else signal


def _grouped(rows: Iterable[Any], *names: str) -> Iterable[list[Any]]:
    """Return rows that agree in some columns together, in the order in which the first of them come."""
    together: dict[tuple[Any, ...], list[Any]] = {}
    key = attrgetter(*names)
    for row in rows:
        together.setdefault(key(row), []).append(row)
    return together.values()


def _places(row: Any) -> tuple[Place, ...]:  # noqa: ANN401
    centre = int(row.centre)
    places = [Place(row.element_id, int(row.start) - centre, int(row.end) - centre)]
    if row.partner_id:
        start, end = int(row.partner_start), int(row.partner_end)
        places.append(Place(row.partner_id, start - centre, end - centre))
    return tuple(places)
