"""Windows of treated cells, and what is measured in them."""

import numpy as np
import pandas as pd

from claster.analysis.perturbation.effects import log_effect
from claster.analysis.perturbation.spans import covered_bins, span_mean
from claster.analysis.perturbation.windows import Window
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import reach_of_targets, target_signal
from claster.errors import ClasterError
from claster.signal.landscape import landscape
from claster.signal.transform import restored

__all__ = ["measured_profiles", "promoter_change", "treated_window"]

_PROMOTER = 2_000


def treated_window(
    before: Window,
    chrom: str,
    tss: int,
    chosen: tuple[str, ...],
    sources: Sources,
    spec: DatasetSpec,
    divisors: tuple[float, ...],
) -> Window:
    """Return a window whose chosen tracks are cut from the sources of treated cells.

    Parameters
    ----------
    before
        The window of the baseline.
    chrom, tss
        Its centre (0-based).
    chosen
        Names of the tracks that are taken from the treated cells.
    sources
        Their open files.
    spec
        The dataset of the baseline.
    divisors
        What each of its tracks is divided by.

    Raises
    ------
    ClasterError
        If the window holds no landscape.
    """
    if "landscape" not in before:
        raise ClasterError(
            "the run does not take landscapes, so nothing of it is treated",
            remedy="choose a run of a flavour with landscapes",
        )
    array = np.array(before["landscape"])
    rows = [row for row, track in enumerate(spec.tracks) if track.name in chosen]
    cut = landscape(
        [sources.tracks[row] for row in rows],
        chrom,
        tss,
        binning=spec.window.binning,
        summary=spec.summary,
    )
    for signal, row in zip(cut, rows, strict=True):
        track = spec.tracks[row]
        array[row] = track.stored(signal, divisor=divisors[row])
    return {**before, "landscape": array}


def promoter_change(
    before: Window,
    after: Window,
    spec: DatasetSpec,
    divisors: tuple[float, ...],
    pseudocount: float,
) -> float:
    """Return the mean log2 change of the tracks within 2 kb of the TSS: what needs no network.

    Parameters
    ----------
    before, after
        Windows of the baseline and of treated cells.
    spec, divisors
        The dataset, and what each track is divided by.
    pseudocount
        c, in the unit of the tracks.
    """
    span = covered_bins(-_PROMOTER, _PROMOTER, spec.window.binning)
    changes = []
    for row, track in enumerate(spec.tracks):
        values = [
            span_mean(
                restored(window["landscape"][row], track.transform, divisor=divisors[row]), span
            )
            for window in (after, before)
        ]
        changes.append(log_effect(*values, pseudocount=pseudocount))
    return float(np.mean(changes))


def measured_profiles(genes: pd.DataFrame, sources: Sources, spec: DatasetSpec) -> np.ndarray:
    """Return the measured profiles of the first condition as signal.

    Parameters
    ----------
    genes
        `chrom`, `strand`, `tss`.
    sources, spec
        The open files of the dataset, and the dataset.

    Returns
    -------
    numpy.ndarray
        float64, shape (genes, bins).
    """
    target = spec.require_target()
    reach = reach_of_targets(target)
    strands = sources.targets[target.groups[0]]
    profiles = np.empty((len(genes), target.bins))
    for chrom, rows in genes.groupby("chrom", sort=False).indices.items():
        here = genes.iloc[rows]
        span = (max(int(here["tss"].min()) - reach, 0), int(here["tss"].max()) + reach)
        decoded = [(track.signal(str(chrom), span=span), sign) for track, sign in strands]
        profiles[rows] = target_signal(target, decoded, here, summary=spec.summary)
    return profiles
