"""Whether signal lies where the gene table has its TSSs: the data's own word on the assembly."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from claster.dataset.doctor.findings import Finding, number
from claster.dataset.doctor.setting import Setting
from claster.dataset.scale import spread_evenly
from claster.signal.bigwig import BigWig

_REACH = 10_000
_GENES = 400
_FEWEST_GENES = 40
_FEWEST_WITH_SIGNAL = 10
_CAP = 0.95
_AT = 2.0
_WITHIN = 1.4


def _lone_starts(centres: pd.DataFrame) -> pd.DataFrame:
    """Return at most 400 genes without another TSS within 10 kb, evenly spread."""
    ordered = centres.sort_values(["chrom", "tss"])
    same = ordered["chrom"] == ordered["chrom"].shift()
    apart = ~same | (ordered["tss"].diff() > _REACH)
    lone = apart & apart.shift(-1, fill_value=True)
    return spread_evenly(ordered[lone], _GENES)


class PromoterSignal(NamedTuple):
    """How the signal of a file lies to genes.

    Attributes
    ----------
    at
        How many times more of it lies within 1 kb of TSSs than 5 to 10 kb away, on both sides.
    within
        How many times more lies 1 to 10 kb downstream of TSSs than upstream; 1 where fewer than 40 genes
        have signal, which chance decides.
    """

    at: float
    within: float

    @property
    def knows_genes(self) -> bool:
        """Whether either is more than chance: twice, or 1.4 times."""
        return self.at >= _AT or self.within >= _WITHIN


def measure_promoters(
    track: BigWig, centres: pd.DataFrame, *, sign: float
) -> PromoterSignal | None:
    """Return how much of a file's signal lies at and in genes.

    Each is a ratio of means over genes of the mean signal there, each gene's cut at the 95 % quantile of
    all, so that no single peak decides. Measured on real files with the right gene table: `at` is 8 to
    75 for H3K4me3, H3K27ac, DHS and CAGE, 3.4 for PRO-seq, 1.9 for RAD21; `within` is 2.2 for H3K36me3 and
    1.6 for RNA-seq, whose `at` is 0.4 and 1.1. H3K9me3 and CTCF know neither (0.9 to 1.1). With the table
    of another build, `at` is 0.3 to 1.3 for every track, and `within` 0.8 to 1.1.

    Parameters
    ----------
    centres
        Genes whose windows are cut, with `strand`; `_lone_starts` chooses among them.
    sign
        -1.0 for a minus strand that is stored with negative values.

    Returns
    -------
    PromoterSignal or None
        None with fewer than 40 such genes on the file's chromosomes, or fewer than 10 with signal.
    """
    here = _lone_starts(centres[centres["chrom"].map(track.has).astype(bool)])
    if len(here) < _FEWEST_GENES:
        return None
    signal = np.stack(
        [
            track.bins(chrom, tss - _REACH, bins=20, size=_REACH // 10)[
                :: -1 if strand == "-" else 1
            ]
            for chrom, tss, strand in here[["chrom", "tss", "strand"]].itertuples(index=False)
        ]
    )
    signal = np.maximum(sign * signal, 0.0)
    signal = signal[signal.any(axis=1)]
    if len(signal) < _FEWEST_WITH_SIGNAL:
        return None
    at = _ratio(signal[:, 9:11], np.delete(signal, slice(5, 15), axis=1))
    within = _ratio(signal[:, 11:], signal[:, :9]) if len(signal) >= _FEWEST_GENES else 1.0
    return PromoterSignal(at, within)


def _ratio(here: np.ndarray, there: np.ndarray) -> float:
    """Return mean over mean of genes' means, cut at the 95 % quantile of those of both."""
    means = here.mean(axis=1), there.mean(axis=1)
    cap = np.quantile(np.concatenate(means), _CAP)
    above, below = (float(np.minimum(values, cap).mean()) for values in means)
    if not below:
        return float("inf") if above else 1.0
    return above / below


def check_promoters(found: Sequence[PromoterSignal | None], setting: Setting) -> Finding | None:
    """Warn where no file of signal knows the genes. Check ``promoters``.

    Parameters
    ----------
    found
        From `measure_promoters`, of each track and target file.

    Returns
    -------
    Finding or None
        None where a file does, or too few genes tell.
    """
    told = [signal for signal in found if signal is not None]
    if not told or any(signal.knows_genes for signal in told):
        return None
    most = max(signal.at for signal in told)
    return Finding(
        "tracks",
        "",
        "promoters",
        "warning",
        f"no file has more signal at TSSs (at most {number(most)} times that 5 to 10 kb away) or in genes: "
        "the gene table is of another assembly than the tracks, or none of them marks active genes",
        f"check that gene table and tracks are all of {setting.assembly}; with ATAC, DNase, H3K4me3 or "
        "H3K27ac among the tracks they are not",
    )
