"""The figures of a screen, drawn into its folder."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from claster.analysis.perturbation.annotated import annotated_stretches
from claster.analysis.perturbation.editor import (
    Place,
    SignalWindow,
    edit_window,
)
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.record import ScreenRecord
from claster.analysis.perturbation.spans import covered_bins, span_mean
from claster.dataset.layout import DatasetFolders, read_landscapes
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import read_run
from claster.plot.perturbation import effect_by_distance, most_affected_genes
from claster.plot.states import state_cloud
from claster.plot.style import save
from claster.text import read_text

__all__ = ["draw_screen"]

_MOST = 400
_STATES = ("ATAC", "H3K4me3", "H3K27ac")


def draw_screen(files: ScreenFiles, run: Path | str, *, project: Path | str = ".") -> list[Path]:
    """Draw what a finished screen holds: effects by distance, most affected genes, chromatin states.

    Figures are of the first condition and dose. States are drawn where windows are centred on genes and the
    tracks are there, of at most 400 elements, evenly chosen.

    Returns
    -------
    list of Path
        The PNG files in the screen's folder; a figure without anything to show is left out.
    """
    spec = load_dataset(read_run(Path(run)).dataset, project=project)
    record = ScreenRecord.model_validate_json(read_text(files.manifest))
    effects, controls = (_first(pd.read_parquet(path)) for path in (files.effects, files.controls))
    single = effects[effects["partner_id"] == ""]
    figures: dict[str, Figure] = {}
    if (single["distance_bp"].abs() >= 2_000).any():
        figures["distance"], _ = effect_by_distance(single, controls if len(controls) else None)
    if single.duplicated("element_id").any():
        figures["genes"], _ = most_affected_genes(single)
    names = [track.name for track in spec.tracks]
    if record.identity.settings.centre == "gene" and set(_STATES) <= set(names):
        figures |= _states(single, record, spec, project, names)
    return [save(fig, files.folder / f"{name}.png") for name, fig in figures.items()]


def _first(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first condition and dose."""
    if table.empty:
        return table
    first = table.iloc[0]
    same = table["condition"] == first["condition"]
    if pd.notna(first["dose"]):
        same &= table["dose"] == first["dose"]
    return table[same].reset_index(drop=True)


def _states(
    single: pd.DataFrame,
    record: ScreenRecord,
    spec: DatasetSpec,
    project: Path | str,
    names: list[str],
) -> dict[str, Figure]:
    settings = record.identity.settings
    if settings.edit.verb in ("swap", "insert") or single.empty:
        return {}
    folders = DatasetFolders.of(spec, project=project)
    some = single.iloc[np.unique(np.linspace(0, len(single) - 1, _MOST).astype(int))]
    genes = single.drop_duplicates("gene_id")
    elements = single.rename(columns={"element_start": "start", "element_end": "end"})
    annotated = annotated_stretches(elements, genes)
    before, after, windows = [], [], []
    for gene, rows in some.groupby("gene_id", sort=False):
        signal = read_landscapes(folders, spec, [str(gene)], split=settings.split)[0]
        windows.append(signal)
        tss = int(rows["tss"].iloc[0])
        edges = spec.window.binning.edges + tss
        window = SignalWindow(
            signal, annotated.touch(str(rows["chrom"].iloc[0]), edges[:-1], edges[1:])
        )
        for row in rows.itertuples():
            place = Place(row.element_id, row.element_start - tss, row.element_end - tss)
            edited = edit_window(
                window, (place,), settings.edit, dose=settings.edit.doses[0], spec=spec
            )
            if edited is not None:
                span = covered_bins(place.start, place.end, spec.window.binning)
                before.append(span_mean(signal, span))
                after.append(span_mean(edited, span))
    if not before:
        return {}
    fig, _ = state_cloud(np.stack(windows), names, np.stack(before), np.stack(after))
    return {"states": fig}
