"""What a screen is asked, what it was made from, and what its columns mean."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from claster.analysis.perturbation.spans import Edges
from claster.dataset.layout import Split
from claster.dataset.scale import SignalScale
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError, choose_among

__all__ = [
    "MOVING",
    "UNITS",
    "Centre",
    "EditSettings",
    "Identity",
    "ScreenRecord",
    "ScreenSettings",
    "Verb",
    "edit_settings",
]

Verb = Literal[
    "silence", "background", "repress", "scale", "shift", "swap", "flip", "insert", "shuffle"
]
MOVING: frozenset[Verb] = frozenset({"shift", "swap", "flip", "insert", "shuffle"})
"""Verbs that move signal: they take whole bins and, unless told otherwise, every track."""

Centre = Literal["gene", "element"]
"""What the window is centred on."""


class EditSettings(BaseModel):
    """An edit, the same for all elements.

    `tracks` are those that change. `doses` are the factors of ``scale`` or the distances in bp of
    ``shift``, one None for the other verbs. `gain` is the signal that ``repress`` gives `gain_track`,
    `locus` where ``insert`` takes its block from. `edges` says how bins and elements meet; `seed` starts
    ``shuffle``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    verb: Verb
    tracks: tuple[str, ...]
    doses: tuple[float | None, ...] = (None,)
    gain_track: str | None = None
    gain: float | None = None
    locus: str | None = None
    edges: Edges = "exact"
    seed: int = 0


class ScreenSettings(BaseModel):
    """A screen: one edit over many elements, and how its effects are measured and calibrated.

    Attributes
    ----------
    edit
        What is done.
    split
        Genes that are measured.
    centre
        Whether windows are centred on TSSs or on elements.
    width
        bp around the middle of each element that are edited; None for the element's own edges.
    reach
        An element is tried on a gene when it lies whole within this many bp of its TSS.
    around_tss
        bp upstream and downstream of the TSS over which the signal of a gene is measured; None for the gene's
        body.
    activity_track, min_activity, activity_quantile
        Only pairs whose element has a larger mean of that track than a number, or than a quantile of all
        pairs, are tried.
    combine
        Whether pairs of elements are edited together, all of a gene or those that a table names.
    pseudocount
        Signal c in log2((perturbed + c) / (baseline + c)).
    controls
        Control regions a stratum; 0 for none.
    average
        Whether predictions are the mean over a window and its mirror image.
    profiles
        Whether predicted profiles are kept.
    seed
        Chooses control regions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    edit: EditSettings
    split: Split = "test"
    centre: Centre = "gene"
    width: int | None = None
    reach: int = 200_000
    around_tss: tuple[int, int] | None = None
    activity_track: str = "H3K27ac"
    min_activity: float | None = None
    activity_quantile: float | None = None
    combine: Literal["none", "all", "listed"] = "none"
    pseudocount: float = 1.0
    controls: int = 100
    average: bool = False
    profiles: bool = False
    seed: int = 0


def edit_settings(
    spec: DatasetSpec,
    verb: Verb,
    *,
    tracks: tuple[str, ...] = (),
    factors: tuple[float, ...] = (),
    shifts: tuple[int, ...] = (),
    gain_track: str = "H3K27me3",
    gain: float | None = None,
    scales: dict[str, SignalScale] | None = None,
    locus: str | None = None,
    edges: Edges = "exact",
    seed: int = 0,
) -> EditSettings:
    """Return a checked edit.

    Parameters
    ----------
    spec
        The dataset with its tracks.
    verb
        What is done.
    tracks
        Names of the tracks that change; default: all for the verbs that move signal, all but
        `gain_track` for the others.
    factors, shifts
        Doses of ``scale``, and of ``shift`` in bp (whole bins).
    gain_track, gain
        Repressive mark of ``repress`` and the signal that it gets; default: the 99 % quantile of that
        track around training genes.
    scales
        Scales of the tracks, as a run or a build records them.
    locus
        Where ``insert`` takes its block from, ``chrom:start-end``.
    edges, seed
        See `EditSettings`.

    Raises
    ------
    ClasterError
        If a track is unknown, or the verb lacks a number, has one that it does not take, or one that is
        not possible.
    """
    known = [track.name for track in spec.tracks]
    needs = {"factors": "scale", "shifts": "shift", "locus": "insert", "gain": "repress"}
    given = {"factors": factors, "shifts": shifts, "locus": locus, "gain": gain}
    for name, only in needs.items():
        there = given[name] not in (None, ())
        if there and verb != only:
            raise ClasterError(f"'{name}' is for '{only}', not for '{verb}'", remedy="leave it out")
        if not there and verb == only and name != "gain":
            raise ClasterError(f"'{verb}' without '{name}'", remedy=f"give '{name}'")
    for track in (*tracks, *([gain_track] if verb == "repress" else [])):
        if track not in known:
            raise ClasterError(
                f"dataset {spec.name!r} has no track {track!r}",
                remedy=choose_among(track, known),
            )
    if wrong := [factor for factor in factors if not (np.isfinite(factor) and factor >= 0)]:
        raise ClasterError(f"a factor of {wrong[0]}", remedy="give 0 or more")
    if wrong := [bp for bp in shifts if bp % spec.window.bin]:
        raise ClasterError(
            f"a shift of {wrong[0]} bp is not a whole number of bins of {spec.window.bin} bp",
            remedy="round it",
        )
    default = [t for t in known if verb in MOVING or t != gain_track]
    chosen = tuple(track for track in known if track in (tracks or default))
    if not chosen:
        raise ClasterError(f"no track is left to {verb}", remedy="name 'tracks'")
    if verb == "repress" and gain is None:
        if gain_track not in (scales or {}):
            raise ClasterError(
                f"no scale of {gain_track} is known", remedy="give 'gain', the signal that it gets"
            )
        gain = (scales or {})[gain_track].q99
    doses: tuple[float | None, ...] = (*factors, *(float(bp) for bp in shifts)) or (None,)
    return EditSettings(
        verb=verb,
        tracks=chosen,
        doses=tuple(dict.fromkeys(doses)),
        gain_track=gain_track if verb == "repress" else None,
        gain=gain,
        locus=locus,
        edges=edges,
        seed=seed,
    )


UNITS = {
    "gene_id": "gene that is measured",
    "gene_name": "its name",
    "chrom": "chromosome of both",
    "tss": "bp, 0-based",
    "strand": "of the gene",
    "element_id": "element that is edited",
    "element_start": "bp, 0-based",
    "element_end": "bp, exclusive",
    "partner_id": "second element that is edited with it; empty without one",
    "partner_start": "bp, 0-based",
    "partner_end": "bp, exclusive",
    "distance_bp": "bp from the TSS to the element's middle, genome orientation",
    "gene_distance_bp": "the same in the gene's orientation: negative is upstream",
    "width_bp": "bp, width of the element",
    "genes_between": "TSSs of other genes between the TSS and the element's middle",
    "measured_bp": "bases of the gene inside the target window",
    "activity": "mean of the activity track over the element, unit of the file",
    "signal": "mean over the edited tracks of the element's signal divided by the track's mean",
    "verb": "the edit",
    "dose": "factor of 'scale', bp of 'shift'",
    "condition": "of the target",
    "baseline": "mean predicted signal of the gene before the edit, unit of the target",
    "perturbed": "the same after the edit",
    "effect": "log2((perturbed + c) / (baseline + c))",
    "sum_of_effects": "effect of the element alone plus effect of its partner alone",
    "epistasis": "effect - sum_of_effects",
    "width_class": "bp, of the control regions",
    "distance_class": "number of the class of |gene_distance_bp|, negative upstream",
    "signal_class": "floor(log2(signal)), -99 for none",
    "n_controls": "control regions of the same width and distance class and at most the same signal class",
    "n_matched": "those of them of the same signal class",
    "control_signal": "median of their 'signal'",
    "percentile": "% of their effects that are lower, equal ones count half",
    "p": "(r + 1) / (n + 1), r of n of their effects are as large or larger, signs aside",
    "fdr": "Benjamini and Hochberg over all p of one condition and dose",
}


class Identity(BaseModel):
    """What gives a screen its numbers: the same identity gives the same table.

    `run` and `elements_file` are names; `weights`, `dataset`, `elements`, `pairs` are the SHA-256 of the
    model's weights, of the manifest of the built dataset, and of the files of elements and of pairs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str
    weights: str
    dataset: str
    elements_file: str
    elements: str
    pairs: str | None
    settings: ScreenSettings
    version: str


class ScreenRecord(BaseModel):
    """The record of a finished screen (`manifest.json`, format version 1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    identity: Identity
    counts: dict[str, int]
    units: dict[str, str] = UNITS
    merge: str
    versions: dict[str, str]
    finished: str
    seconds: float
    elements_per_second: float
