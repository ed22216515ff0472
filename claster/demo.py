"""The main job from end to end on a simulated genome."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from claster.analysis.evaluate import Evaluation, evaluate
from claster.analysis.metrics import correlations, gene_means
from claster.analysis.summary import score_lines
from claster.dataset.build import BuildResult, build_dataset
from claster.dataset.layout import DatasetFolders, read_arrays, read_genes_table, read_targets
from claster.dataset.load import load_dataset
from claster.dataset.report import build_lines
from claster.dataset.signal_settings import SimulationSpec
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import RunFolder, read_predictions, read_run
from claster.errors import ClasterError
from claster.files import write_text
from claster.genome.windows import FORWARD, sample_id
from claster.plot import (
    GeneArrays,
    contact_map,
    density,
    genes_around,
    landscape_tracks,
    overview,
    profile,
    save,
)
from claster.progress import SILENT, Progress
from claster.quoting import pasteable
from claster.settings import Device
from claster.simulation import ensure_genome

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_ZOOM = 100_000
_DEMO_SIZES = {"default": ("demo", None), "tiny": ("demo_tiny", 5)}
"""Datasets, and epochs instead of the flavour's."""


def run_demo(
    size: str = "default",
    *,
    project: Path | str = ".",
    device: Device = "auto",
    progress: Progress = SILENT,
) -> tuple[RunFolder, str]:
    """Simulate a genome, build the dataset, train, predict, evaluate and draw figures.

    What is there already and unchanged (genome, dataset) is used again; the network is always
    trained again.

    Parameters
    ----------
    size
        ``default``, or ``tiny``, which only shows that every step runs.
    project
        The project's folder, with `configurations/datasets`.

    Returns
    -------
    RunFolder
        With figures.
    str
        What the demo made, and what it says of it, as in the run's ``summary.md``.

    Raises
    ------
    ClasterError
        If a step cannot be done; see the steps.
    """
    if size not in _DEMO_SIZES:
        raise ClasterError(
            f"no demo of size {size!r}", remedy=f"choose one of {', '.join(_DEMO_SIZES)}"
        )
    start = time.monotonic()
    dataset, epochs = _DEMO_SIZES[size]
    spec = load_dataset(dataset, project=project)
    plan = (spec.simulation or SimulationSpec()).model_dump()
    if not ensure_genome(spec.data_folder, plan, progress=progress):
        progress.say(f"toy genome: {spec.data_folder} is up to date")
    built = build_dataset(spec, progress=progress)
    for line in build_lines(built):
        progress.say(line)
    run = train(
        "profile",
        spec,
        dataset_yaml=dataset,
        tag="demo",
        device=device,
        epochs=epochs,
        force=True,
        progress=progress,
    )
    predict(run, device=device, csv=True, progress=progress)
    evaluation = evaluate(run, spec, progress=progress)
    figures = _draw_run(run, spec)
    summary = _summary(spec, built, run, evaluation, figures, time.monotonic() - start)
    write_text(run.path / "summary.md", summary)
    return run, summary


def _draw_run(run: RunFolder, spec: DatasetSpec) -> list[Path]:
    """Draw the inputs and the predictions of a run's test split, one condition.

    All test bins predicted against observed; and for one gene its tracks, its contact map, its
    profile, and an overview of these. The gene is a typical expressed one: of the half with the
    higher observed gene mean, that with the median correlation over its bins.

    Returns the PNG files, in the run's `figures` folder; the contact map only where there are
    contacts.
    """
    target = spec.require_target()
    folders = DatasetFolders.of(spec)
    genes = read_genes_table(folders, split="test")
    samples = [sample_id(gene, FORWARD) for gene in genes["gene_id"]]
    columns = target.columns[: target.bins]
    table = read_targets(folders.target_table("test"), transform=target.transform)
    observed = table.loc[samples, columns].to_numpy()
    predicted = read_predictions(run, "test").loc[samples, columns].to_numpy()
    shown = _typical(observed, predicted, gene_means(observed, genes, target.binning))
    gene = genes.iloc[shown]
    array = read_landscapes(folders, spec, [gene["gene_id"]], split="test")[0]
    names = [track.name for track in spec.tracks]
    span = (gene["start"] - gene["tss"], gene["end"] - gene["tss"], gene["strand"])
    truth = None
    if folders.truth_table().is_file():
        known = read_targets(folders.truth_table(), transform=target.transform)
        truth = known.loc[samples[shown], columns].to_numpy()
    figures: dict[str, Figure] = {}
    contacts = None
    if spec.contacts and spec.contacts.map != "stripe":
        contacts = read_arrays(folders, [gene["gene_id"]], split="test", modality="contacts")[0]
        figures["contacts"], _ = contact_map(
            contacts,
            spec.contacts.resolution,
            value=spec.contacts.value,
            kind=spec.contacts.map,
        )
    figures |= {
        "tracks": landscape_tracks(
            array,
            names,
            spec.window.binning,
            genes=genes_around(read_genes_table(folders), gene["gene_id"], spec.window.binning),
            zoom_bp=min(_ZOOM, spec.window.binning.width),
        )[0],
        "density": density(observed, predicted, points=f"{target.bin // 1000} kb bins")[0],
        "profile": profile(
            observed[shown],
            predicted[shown],
            target.binning,
            truth=truth,
            gene_span=span,
        )[0],
        "overview": overview(
            GeneArrays(
                array,
                names,
                spec.window.binning,
                observed[shown],
                predicted[shown],
                target.binning,
                contacts=contacts,
                resolution=spec.contacts.resolution if spec.contacts else 0,
                value=spec.contacts.value if spec.contacts else "log_oe",
                kind=spec.contacts.map if spec.contacts else "diagonal",
            ),
            gene_span=span,
        )[0],
    }
    return [save(fig, run.figures / f"{name}.png") for name, fig in figures.items()]


def _typical(observed: np.ndarray, predicted: np.ndarray, means: np.ndarray) -> int:
    expressed = np.flatnonzero(means >= np.median(means))
    scores = [correlations(observed[row], predicted[row]).pearson for row in expressed]
    order = np.argsort(np.nan_to_num(scores, nan=-1.0), kind="stable")
    return int(expressed[order[len(order) // 2]])


def _summary(
    spec: DatasetSpec,
    built: BuildResult,
    run: RunFolder,
    evaluation: Evaluation,
    figures: list[Path],
    seconds: float,
) -> str:
    record = read_run(run.path)
    scores = "\n".join(f"    {line}" for line in score_lines(evaluation.tables.scores))
    drawn = "\n".join(f"- {path.as_posix()}" for path in figures)
    kept = built.manifest.genes_kept
    return f"""\
# Demo on {spec.name!r}: {spec.description.lower()}

{evaluation.summary.verdict}

{scores}

attainable: the noise ceiling, that is the noise-free truth against the noisy measurement; no method can
pass it.

- genes: {kept["train"]} to train, {kept["valid"]} to validate, {kept["test"]} to test
  ({built.folders.dropped.as_posix()} says why the others are not there)
- network: flavour {record.flavour}, {record.parameters or 0:,} weights, {record.steps} steps of
  {record.batch_size} samples ({run.configurations.as_posix()})
- the whole demo took {seconds:.0f} s

Look at
{drawn}
- {run.evaluation.as_posix()}/scores.csv, {run.predictions("test").with_suffix(".csv").as_posix()}

Next
- all of it on one page: {pasteable(["claster", "report", run.path])}
- its tracks in a genome browser: {pasteable(["claster", "browse", run.path])}
- the published network: claster train pure_conv --dataset {spec.name} (120 epochs: take a GPU)
- with contact maps: claster train microc_diagonal --dataset {spec.name}
- your own tracks: copy configurations/datasets/toy.yaml, then claster data build NAME
"""
