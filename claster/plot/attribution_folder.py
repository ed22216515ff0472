"""The figures of a folder of attributions."""

from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.attribution.output import AttributionFiles
from claster.plot.attribution import (
    attribution_by_distance,
    attribution_locality,
    attribution_map,
    filter_images,
)
from claster.plot.style import save
from claster.text import read_json, read_table

__all__ = ["draw_attributions"]


def draw_attributions(files: AttributionFiles) -> list[Path]:
    """Draw what lies in a folder into its `figures`, whatever of it is there.

    Returns
    -------
    list of Path
        The figures.
    """
    record = read_json(files.manifest)
    figures = {}
    for value in ("absolute", "signed"):
        if files.profile.is_file():
            figures[f"distance_{value}"], _ = attribution_by_distance(
                pd.read_parquet(files.profile), value=value, unit=record["unit"]
            )
        if files.contacts(value).is_file():
            figures[f"contacts_{value}"], _ = attribution_map(
                np.load(files.contacts(value), allow_pickle=False),
                record["contacts"]["resolution"],
                value=value,
                kind=record["contacts"]["kind"],
                unit=record["unit"],
            )
    if files.locality.is_file():
        locality = read_table(files.locality)
        figures["locality"], _ = attribution_locality(locality)
        figures["locality_above_level"], _ = attribution_locality(locality, above="level")
    if files.latents.is_file():
        with np.load(files.latents, allow_pickle=False) as layers:
            figures["filters"], _ = filter_images(dict(layers))
    files.figures.mkdir(exist_ok=True)
    return [save(figure, files.figures / f"{name}.png") for name, figure in figures.items()]
