"""Validation of perturbation and attribution on a simulated genome."""

from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.bootstrap import resample_blocks
from claster.analysis.loci import locus_blocks
from claster.analysis.perturbation.annotated import TSS_MARGIN
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.perturb import perturb
from claster.analysis.perturbation.record import ScreenRecord
from claster.analysis.perturbation.settings import Verb
from claster.analysis.validation.agreement import agreement, distance_of_network
from claster.analysis.validation.baselines import activity_by_contact, contact_of_pairs
from claster.analysis.validation.links import curves, score_links
from claster.analysis.validation.planted import planted_effects, read_planted
from claster.analysis.validation.result import (
    ValidationFiles,
    ValidationSummary,
    bars_of,
    tell_bars,
    tell_distance,
)
from claster.analysis.validation.uniform import control_p_values, uniformity
from claster.dataset.layout import DatasetFolders, Split
from claster.dataset.load import load_dataset
from claster.eir.content import Device
from claster.eir.runs import RunFolder, read_run
from claster.errors import ClasterError
from claster.files import atomic_path, require_file, write_text
from claster.progress import SILENT, Progress

__all__ = [
    "DEFAULT_AROUND_TSS",
    "DEFAULT_VERB",
    "DEFAULT_WIDTH",
    "predictors_of",
    "read_screen",
    "validate",
    "write_tables",
]

DEFAULT_VERB: Verb = "background"
DEFAULT_WIDTH = 2_500
"""bp: registries list the open middle of an element, its acetylated flanks reach 1 kb further."""
DEFAULT_REACH = 200_000
DEFAULT_AROUND_TSS = (1_000, 3_000)
"""bp: over a whole body, what an edit inside the body does to its own bins hides what it does to the gene."""

BLOCK = 2_000_000
RESAMPLES = 1000


def validate(
    run: RunFolder | Path | str,
    *,
    perturbation: str | None = None,
    attribution: str | None = None,
    split: Split = "test",
    condition: str | None = None,
    seed: int = 0,
    project: Path | str = ".",
    device: Device = "auto",
    progress: Progress = SILENT,
) -> tuple[ValidationSummary, ValidationFiles]:
    """Compare a screen, and attributions, with the rules that were planted in a simulated genome.

    Parameters
    ----------
    run
        A run trained on a simulated dataset.
    perturbation
        Name of a screen below ``<run>/perturb``. None takes ``validation_<split>``, which is done if it is
        not there: background over 2,500 bp around each of the dataset's own elements, genes measured from
        1 kb upstream to 3 kb downstream of the TSS, averaged over windows and their mirror images.
    attribution
        Name of attributions below ``<run>/attributions`` that hold `elements.parquet`.
    split
        Genes of the screen that is done where `perturbation` is None.
    condition
        Of the target; default: its first one.
    seed
        Of resamples and of the test of control regions.
    project
        The project's folder.
    device
        Where to compute.
    progress
        Where to report to.

    Returns
    -------
    summary : ValidationSummary
    files : ValidationFiles

    Raises
    ------
    ClasterError
        If the dataset is not simulated, a screen or attribution is missing, or no pair is a link.
    """
    run = run if isinstance(run, RunFolder) else RunFolder(Path(run))
    spec = load_dataset(read_run(run.path).dataset, project=project)
    planted = read_planted(spec)
    if perturbation is None:
        perturbation = f"validation_{split}"
        perturb(
            run,
            verb=DEFAULT_VERB,
            width=DEFAULT_WIDTH,
            around_tss=DEFAULT_AROUND_TSS,
            reach=min(DEFAULT_REACH, spec.window.binning.half),
            average=True,
            split=split,
            name=perturbation,
            project=project,
            device=device,
            progress=progress,
        )
    record, effects, controls = read_screen(run, perturbation)
    settings = record.identity.settings
    condition = condition or spec.require_target().groups[0]
    effects = effects[effects["condition"] == condition].reset_index(drop=True)
    controls = controls[controls["condition"] == condition]
    binning = spec.require_target().binning
    with progress.step("planted effects") as step:
        step.describe("transcription without each element")
        truth = planted_effects(
            effects, planted, settings=settings, condition=condition, reach=binning.half
        )
    pairs = effects.join(truth)
    folders = DatasetFolders.of(spec, project=project)
    contact, source = contact_of_pairs(pairs, spec, folders, split=settings.split)
    pairs["abc"] = activity_by_contact(pairs, contact)
    if attribution is not None:
        pairs = _with_attribution(pairs, run, attribution)
    resamples = resample_blocks(
        locus_blocks(pairs, binning, length=BLOCK), resamples=RESAMPLES, seed=seed
    )
    scored = _scored(pairs)
    positive = pairs.loc[scored, "link"].to_numpy()
    if not positive.any() or positive.all():
        raise ClasterError(
            f"{int(positive.sum())} of {positive.size:,} pairs of {perturbation!r} are planted links",
            remedy="screen the dataset's own elements, on a split with more genes",
        )
    predictors = predictors_of(pairs[scored])
    scores = score_links(positive, predictors, resamples.of(scored))
    compared = agreement(pairs, resamples)
    p = control_p_values(controls, most=max(settings.controls, 1), seed=seed)
    test = uniformity(p)
    reached, stops = distance_of_network(compared)
    bars = bars_of(scores, compared, test.p)
    summary = ValidationSummary(
        verdict="\n".join([*tell_bars(bars), tell_distance(reached, stops)]),
        run=run.path.as_posix(),
        perturbation=perturbation,
        attribution=attribution,
        verb=settings.edit.verb,
        condition=condition,
        pairs=int(scored.sum()),
        links=int(positive.sum()),
        blocks=resamples.blocks,
        contact=source,
        controls=test.n,
        recovered_bp=reached,
        stops_bp=stops,
        bars=bars,
    )
    files = ValidationFiles(run.path / "validation" / perturbation)
    write_tables(
        {
            files.pairs: pairs,
            files.scores: scores,
            files.agreement: compared,
            files.curves: curves(positive, predictors),
            files.controls: pd.DataFrame({"p": p}),
        }
    )
    write_text(files.summary, summary.model_dump_json(indent=2) + "\n")
    return summary, files


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
        remedy=f"run 'claster perturb {run.path} --name {name}' to its end",
    )
    record = ScreenRecord.model_validate_json(files.manifest.read_text(encoding="utf-8"))
    effects = pd.read_parquet(files.effects)
    return record, effects[effects["partner_id"] == ""], pd.read_parquet(files.controls)


def predictors_of(pairs: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the scores of pairs by the name of what predicts, ``distance`` first.

    Parameters
    ----------
    pairs
        `distance_bp`, `abc`, `effect`, and `score` where there are attributions.
    """
    predictors = {
        "distance": -pairs["distance_bp"].abs().to_numpy(dtype=np.float64),
        "abc": pairs["abc"].to_numpy(),
        "perturbation": pairs["effect"].abs().to_numpy(),
    }
    if "score" in pairs:
        predictors["attribution"] = pairs["score"].to_numpy(dtype=np.float64)
    return predictors


def write_tables(tables: dict[Path, pd.DataFrame]) -> None:
    """Write tables, each whole or not at all, as Parquet or CSV by their names."""
    for path, table in tables.items():
        with atomic_path(path) as partial:
            if path.suffix == ".parquet":
                table.to_parquet(partial)
            else:
                table.to_csv(partial, index=False)


def _scored(pairs: pd.DataFrame) -> np.ndarray:
    """Tell which pairs count: edits that keep away from the gene's promoter, as control regions do."""
    before = pairs["element_end"] <= pairs["tss"] - TSS_MARGIN
    behind = pairs["element_start"] > pairs["tss"] + TSS_MARGIN
    return (before | behind).to_numpy()


def _with_attribution(pairs: pd.DataFrame, run: RunFolder, name: str) -> pd.DataFrame:
    path = require_file(
        run.path / "attributions" / name / "elements.parquet",
        named="attributions",
        remedy="run 'claster attribute', or leave --attribution out",
    )
    table = pd.read_parquet(path)
    keys = ["gene_id", "element_id"]
    if "condition" in table:
        keys.append("condition")
    scores = table[[*keys, "score", "signed"]].drop_duplicates(keys)
    joined = pairs.merge(scores, on=keys, how="left")
    if joined["score"].isna().all():
        raise ClasterError(
            f"{path} and the screen share no pair of gene and element",
            remedy="attribute the split and elements of the screen",
        )
    return joined
