"""Finished screens of a run: what planted rules say of their edits, and whether controls do nothing."""

from dataclasses import dataclass

import pandas as pd

from claster.analysis.bootstrap import Resamples, resample_loci
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.settings import ScreenRecord, ScreenSettings
from claster.analysis.validation.planted import Planted, planted_effects
from claster.eir.runs import RunFolder
from claster.files import require_file
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress
from claster.quoting import pasteable
from claster.text import read_parquet, read_record


@dataclass(frozen=True)
class PlantedScreen:
    """A screen beside the planted rules, of one condition.

    Attributes
    ----------
    pairs
        Its effects of single elements, and the columns of `planted_effects`.
    resamples
        Resamples of the loci of `pairs`.
    """

    name: str
    settings: ScreenSettings
    pairs: pd.DataFrame
    controls: pd.DataFrame
    resamples: Resamples


def read_planted_screen(
    run: RunFolder,
    name: str,
    planted: Planted,
    *,
    condition: str,
    binning: Binning,
    seed: int = 0,
    progress: Progress = SILENT,
) -> PlantedScreen:
    """Read a finished screen, and compute what the planted rules say of its edits.

    Parameters
    ----------
    run, name
        The screen ``<run>/perturb/<name>``.
    binning
        The bins of the target window.
    seed
        Of resamples.

    Raises
    ------
    ClasterError
        See `read_screen` and `planted_effects`.
    """
    record, effects, controls = read_screen(run, name)
    settings = record.identity.settings
    effects = effects[effects["condition"] == condition].reset_index(drop=True)
    with progress.step("planted effects") as step:
        step.describe(f"transcription without what {name} takes away")
        truth = planted_effects(
            effects, planted, settings=settings, condition=condition, reach=binning.half
        )
    return PlantedScreen(
        name,
        settings,
        effects.join(truth),
        controls[controls["condition"] == condition],
        resample_loci(effects, binning, seed=seed),
    )


def read_screen(run: RunFolder, name: str) -> tuple[ScreenRecord, pd.DataFrame, pd.DataFrame]:
    """Return the record of a finished screen, its effects of single elements, and its controls.

    Raises
    ------
    ClasterError
        If there is no such screen, or it is not whole.
    """
    files = ScreenFiles(run.path / "perturb" / name)
    require_file(
        files.manifest,
        named="screen",
        remedy=f"run '{pasteable(['claster', 'perturb', run.path, '--name', name])}' to its end",
    )
    record = read_record(files.manifest, ScreenRecord, remedy="run the screen again with --force")
    effects = read_parquet(files.effects)
    return record, effects[effects["partner_id"] == ""], read_parquet(files.controls)
