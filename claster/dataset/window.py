"""The window of one gene, straight from the source files."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from claster.contacts.cut import map_cutter
from claster.dataset.sources import Sources, Strands
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import reach_of_targets, target_signal
from claster.signal.landscape import landscape

__all__ = ["cut_window"]


@dataclass(frozen=True)
class _GeneWindow:
    """What the source files hold around one TSS, in genome orientation, as signal.

    Attributes
    ----------
    landscape
        float32, shape (tracks, bins): mean signal a bin.
    targets
        By group of columns (`TargetSpec.groups`), float64, shape (target bins,): on the scale of
        `target.statistic`.
    contacts
        Contact map, float32, shape (rows, columns), or None where the dataset has no contacts.
    """

    landscape: np.ndarray
    targets: dict[str, np.ndarray]
    contacts: np.ndarray | None


def cut_window(spec: DatasetSpec, sources: Sources, gene: pd.Series) -> _GeneWindow:
    """Read the tracks, the targets and the contact map around a gene's TSS.

    Parameters
    ----------
    spec
        The dataset.
    sources
        Its open files.
    gene
        With `gene_id`, `chrom` (the assembly's name), `tss` (0-based) and `strand`.

    Raises
    ------
    ClasterError
        If a file cannot be read there.
    """
    chrom, tss = str(gene["chrom"]), int(gene["tss"])
    tracks = landscape(
        sources.tracks, chrom, tss, binning=spec.window.binning, summary=spec.summary
    )
    targets = _read_targets_at(spec, sources.targets, gene) if spec.target else {}
    if sources.values is not None and gene["gene_id"] in sources.values.index:
        of_gene = sources.values.loc[gene["gene_id"]]
        targets = {group: np.array([of_gene[group]]) for group in spec.require_target().groups}
    return _GeneWindow(tracks, targets, _contacts(spec, sources, chrom, tss))


def _read_targets_at(
    spec: DatasetSpec, groups: Mapping[str, Strands], gene: pd.Series
) -> dict[str, np.ndarray]:
    """Return the target around a gene's TSS by group of columns, in genome orientation, as signal.

    Parameters
    ----------
    spec
        A dataset with a target.
    groups
        Open strands and their signs by group of columns.
    gene
        With `chrom` (the assembly's name), `tss` (0-based) and `strand`.

    Returns
    -------
    dict of str to numpy.ndarray
        float64, shape (target bins,): mean or sum a bin, as `target.statistic` says.
    """
    target = spec.require_target()
    chrom, tss = str(gene["chrom"]), int(gene["tss"])
    reach = reach_of_targets(target)
    found = {}
    for group, strands in groups.items():
        signals = [(f.signal(chrom, span=(tss - reach, tss + reach)), sign) for f, sign in strands]
        found[group] = target_signal(target, signals, gene.to_frame().T, summary=spec.summary)[0]
    return found


def _contacts(spec: DatasetSpec, sources: Sources, chrom: str, tss: int) -> np.ndarray | None:
    if spec.contacts is None or sources.contacts is None:
        return None
    cut = map_cutter(
        sources.contacts,
        sources.contact_names[chrom],
        spec.contacts_shape,
        balance=spec.contacts.balance,
        value=spec.contacts.value,
    )
    return cut(tss)[0].astype(np.float32)
