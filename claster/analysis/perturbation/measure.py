"""Forward passes of a part of a screen: each window before and after its edits, in one stream."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

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
from claster.dataset.signal_settings import TargetSpec
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

_Predict = Callable[[Iterable[Window]], Iterator[np.ndarray]]
"""What yields a profile a window, in order: signal, shape (conditions, bins)."""

_ReadWindow = Callable[[str, str, int], dict[str, np.ndarray]]
"""What reads the window around a centre; takes its name (a gene's where that is its TSS) and its place."""


@dataclass(frozen=True)
class Predictor:
    """A model: what predicts, and the names of the inputs that it takes."""

    predict: _Predict
    inputs: tuple[str, ...] = ("landscape",)


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

    def predict_both(windows: Iterable[Window]) -> Iterator[np.ndarray]:
        profiles = predict(both(windows))
        for ahead in profiles:
            yield (ahead + mirror_targets(target, next(profiles))) / 2

    return predict_both


def built_window(
    folders: DatasetFolders, *, split: Split, inputs: Collection[str] = ("landscape",)
) -> _ReadWindow:
    """Return what reads the built arrays of a gene of a split, in genome orientation."""

    def read(name: str, chrom: str, centre: int) -> dict[str, np.ndarray]:
        return {
            modality: read_arrays(folders, [name], split=split, modality=modality)[0]
            for modality in inputs
        }

    return read


def source_window(
    spec: DatasetSpec,
    sources: Sources,
    *,
    divisors: Sequence[float],
    inputs: Collection[str] = ("landscape",),
) -> _ReadWindow:
    """Return what cuts the window around any base out of the source files, as a build does.

    Contacts of one chromosome are held at a time: ask for windows chromosome by chromosome. Tracks are
    divided by `divisors` (`track_divisors`).
    """
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
        if "landscape" in inputs:
            array = landscape(
                sources.tracks, chrom, centre, binning=spec.window.binning, summary=spec.summary
            )
            for row, (track, divisor) in enumerate(zip(spec.tracks, divisors, strict=True)):
                array[row] = track.stored(array[row], divisor=divisor)
            window["landscape"] = array
        if "contacts" in inputs:
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
        of the gene), and both of each member of an ensemble (`baseline_1`, ..., `perturbed_1`, ...). Edits
        that have no place are left out.
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


_Answer = tuple[_Asked, np.ndarray, np.ndarray]
"""What was asked, the baseline of its window, and its profile: the same object where nothing has changed."""


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
        Rows of a screen (`ready_plan`), those of a window together, and in it those of an edit.
    divisors
        What each track is divided by (`track_divisors`).
    step
        Advances by the edits done.
    """
    spec, asked = editor.spec, deque[_Asked]()

    def passes() -> Iterator[Window]:
        for _, window_rows in groupby(plan.itertuples(), attrgetter("window")):
            rows = list(window_rows)
            first = rows[0]
            stored = read(first.window, first.chrom, int(first.centre))
            asked.append(_Asked(rows, None, None, changed=True))
            yield stored
            edges = spec.window.binning.edges + int(first.centre)
            window = SignalWindow(
                restore_landscape(stored["landscape"], spec, divisors=divisors),
                annotated.touch(first.chrom, edges[:-1], edges[1:]),
            )
            for _, group in groupby(rows, attrgetter("element_id", "partner_id")):
                same = list(group)
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

    return _gather(_answers(asked, predict(passes())), spec.require_target(), step)


def _answers(asked: deque[_Asked], profiles: Iterator[np.ndarray]) -> Iterator[_Answer]:
    baseline = np.empty(0)
    for profile in profiles:
        while not asked[0].changed:
            yield asked.popleft(), baseline, baseline
        this = asked.popleft()
        if this.rows is None:
            baseline = profile
        yield this, baseline, profile
    while asked:
        yield asked.popleft(), baseline, baseline


def _gather(answers: Iterator[_Answer], target: TargetSpec, step: Step) -> Measured:
    """Keep what is told of profiles, (conditions, bins) or (members, conditions, bins) each."""
    effects: list[tuple[Any, ...]] = []
    windows: list[str] = []
    changes: list[np.ndarray] = []
    names: list[tuple[str, str, str, float, str]] = []
    kept = [np.empty((0, target.bins), np.float32)]
    before: dict[tuple[int, int], tuple[Span, np.ndarray]] = {}
    members = 0
    for asked, baselines, profiles in answers:
        baseline, profile = _mean(baselines), _mean(profiles)
        window, element, partner = str(asked.window[0].window), "", ""
        dose = np.nan if asked.dose is None else asked.dose
        is_tested = any(row.kind != "control" for row in asked.rows or asked.window)
        if asked.rows is None:
            before.clear()
            if is_tested:
                windows.append(window)
                changes.append(np.zeros(profile.shape, np.float32))
        else:
            for row in asked.rows:
                gene = (row.gene_start, row.gene_end)
                if gene not in before:
                    span = gene_bins(*gene, centre=row.centre, binning=target.binning)
                    before[gene] = (span, _each_signal(baseline, baselines, span))
                span, unedited = before[gene]
                same = profiles is baselines
                edited = unedited if same else _each_signal(profile, profiles, span)
                members = len(edited) - 1
                for number, condition in enumerate(target.groups):
                    b, *each_b = unedited[:, number].tolist()
                    p, *each_p = edited[:, number].tolist()
                    effects.append((row.Index, condition, dose, b, p, *each_b, *each_p))
            if is_tested:
                element, partner = asked.rows[0].element_id, asked.rows[0].partner_id
                change = np.maximum(profile, 0) - np.maximum(baseline, 0)
                most = changes[-1]
                np.copyto(most, change, where=np.abs(change) > np.abs(most))
            step.advance()
        if is_tested:
            names += [(window, element, partner, dose, group) for group in target.groups]
            kept.append(profile.astype(np.float32))
    each = [f"{name}_{n}" for name in ("baseline", "perturbed") for n in range(1, members + 1)]
    profile_names = pd.DataFrame(
        names, columns=["window", "element_id", "partner_id", "dose", "condition"]
    )
    bins = [str(offset) for offset in target.binning.offsets]
    return Measured(
        pd.DataFrame(effects, columns=["row", "condition", "dose", "baseline", "perturbed", *each]),
        windows,
        np.array(changes, np.float32).reshape(-1, len(target.groups), target.bins),
        pd.concat([profile_names, pd.DataFrame(np.concatenate(kept), columns=bins)], axis=1),
    )


def _mean(profiles: np.ndarray) -> np.ndarray:
    return profiles.mean(axis=0) if profiles.ndim == 3 else profiles


def _each_signal(mean: np.ndarray, profiles: np.ndarray, span: Span) -> np.ndarray:
    """Return the signal of a gene, (1 + members, conditions): of their mean, and of each of several."""
    signal = gene_signal(mean, span)[np.newaxis]
    return np.concatenate([signal, gene_signal(profiles, span)]) if profiles.ndim == 3 else signal


def _places(row: Any) -> tuple[Place, ...]:  # noqa: ANN401
    centre = int(row.centre)
    places = [Place(row.element_id, int(row.start) - centre, int(row.end) - centre)]
    if row.partner_id:
        start, end = int(row.partner_start), int(row.partner_end)
        places.append(Place(row.partner_id, start - centre, end - centre))
    return tuple(places)
