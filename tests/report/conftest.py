"""One finished run on a small built dataset, with real files, and a headless browser to look at it."""

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
import yaml
from matplotlib.figure import Figure

from claster.analysis.evaluate import evaluate
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.measure import Predictor
from claster.analysis.perturbation.screen import run_screen
from claster.analysis.perturbation.settings import (
    EditSettings,
    Identity,
    PerturbSettings,
    ScreenSettings,
)
from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders, read_genes_table, read_targets
from claster.dataset.load import load_dataset
from claster.dataset.manifest import require_manifest
from claster.dataset.spec import DatasetSpec
from claster.eir.configure import configure, eirtrain_command
from claster.eir.flavours import find_flavour
from claster.eir.geometry import Branch, Geometry
from claster.eir.network import Block
from claster.eir.predictions import write_tracks
from claster.eir.runs import RunFolder, RunRecord, write_run
from claster.files import sha256
from claster.plot import save
from claster.report import write_report

SIZES = {"chr1": 400_000, "chr2": 420_000, "chr3": 160_000}
TRACKS = ("ATAC", "H3K27ac")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PARAMETERS = 120


def write_signal(path, seed, *, like=None):
    """A bigWig of 100 bp steps; `like` is what it follows, with noise."""
    rng = np.random.default_rng(seed)
    drawn = {}
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(SIZES.items()))
        for chrom, size in SIZES.items():
            starts = np.arange(0, size, 100)
            values = np.round(rng.gamma(0.4, 8.0, starts.size), 3)
            if like is not None:
                values = np.round(
                    np.convolve(like[chrom], np.ones(20) / 20, "same") + values / 9, 3
                )
            file.addEntries(
                [chrom] * starts.size,
                starts.tolist(),
                ends=np.minimum(starts + 100, size).tolist(),
                values=values.tolist(),
            )
            drawn[chrom] = values
    return drawn


def gene_rows():
    """24 genes to train, 6 to validate, 24 to test; two on the very end of chr1 have no window."""
    places = [("chr1", 30_000 + 14_000 * n) for n in range(24)] + [
        ("chr1", 2_000),
        ("chr1", 398_000),
    ]
    places += [("chr3", 40_000 + 12_000 * n) for n in range(6)]
    places += [("chr2", 30_000 + 15_000 * n) for n in range(24)]
    for number, (chrom, tss) in enumerate(places):
        strand = "+-"[number % 2]
        start, end = (tss, tss + 4500) if strand == "+" else (tss - 4499, tss + 1)
        yield f"{chrom}\t{start}\t{end}\tgene<{number}>\t0\t{strand}\tG{number}\tprotein_coding"


def write_fasta(path):
    bases = np.array(list("ACGT"))
    rng, offset, index = np.random.default_rng(3), 0, []
    with path.open("w") as file:
        for chrom, size in SIZES.items():
            head, text = f">{chrom}\n", "".join(bases[rng.integers(0, 4, size)])
            offset += len(head)
            lines = [text[at : at + 60] for at in range(0, size, 60)]
            file.write(head + "\n".join(lines) + "\n")
            index.append(f"{chrom}\t{size}\t{offset}\t60\t61\n")
            offset += size + len(lines)
    path.with_name(path.name + ".fai").write_text("".join(index))


@dataclass(frozen=True)
class Made:
    """A run, its dataset, and the project that holds both."""

    project: Path
    run: RunFolder
    spec: DatasetSpec


def build(project):
    source = project / "source"
    source.mkdir()
    (source / "chrom.sizes").write_text("".join(f"{c}\t{n}\n" for c, n in SIZES.items()))
    header = "#chr\tstart\tend\tname\tscore\tstrand\tgene_id\tgene_type"
    (source / "genes.tsv").write_text("\n".join([header, *gene_rows()]) + "\n")
    signal = {name: write_signal(source / f"{name}.bw", seed) for seed, name in enumerate(TRACKS)}
    write_signal(source / "EU.bw", 9, like=signal["H3K27ac"])
    write_fasta(source / "genome.fa")
    content = {
        "name": "small",
        "description": "a small genome for tests",
        "assembly": "small",
        "data": str(source),
        "chrom_sizes": "chrom.sizes",
        "genome": "genome.fa",
        "tracks": [{"name": name, "file": f"{name}.bw"} for name in TRACKS],
        "genes": {"file": "genes.tsv"},
        "target": {"bins": 21, "smoothing": 0, "conditions": [{"name": "ctrl", "file": "EU.bw"}]},
        "window": {"bins": 401},
        "splits": {"valid": ["chr3"], "test": ["chr2"]},
    }
    path = project / "configurations" / "datasets" / "small.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(content))
    spec = load_dataset(path, project=project)
    build_dataset(spec)
    return spec


def write_record(made, flavour="toy"):
    """What `claster train` leaves: YAML, record, EIR's curves; and the measured geometry."""
    run, spec = made.run, made.spec
    configuration = configure(find_flavour(flavour), spec, out=run.configurations)
    hashes = {path.name: sha256(path) for path in sorted(run.configurations.glob("*.yaml"))}
    record = RunRecord(
        name="toy-made",
        flavour=flavour,
        dataset="small",
        dataset_name="small",
        tag="made",
        seed=0,
        device="cpu",
        status="complete",
        command=tuple(eirtrain_command(configuration.files)),
        environment={"EIR_SEED": "0"},
        versions={"claster": "0.1.0", "eir-dl": "0.25.0"},
        configurations=hashes,
        training_samples=48,
        validation_samples=12,
        batch_size=16,
        steps=40,
        started="2026-01-01T00:00:00+00:00",
        seconds=12.5,
        checkpoint="eir/saved_models/eir_checkpoint_30_perf-average=0.5000.pt",
        performance=0.5,
        parameters=PARAMETERS,
        scales=require_manifest(DatasetFolders.of(spec)).scales,
        trained_on=spec,
    )
    run.eir.mkdir()
    steps = np.arange(1, 41)
    curve = "".join(f"{step},{2 / step}\n" for step in steps)
    (run.eir / "train_average_history.log").write_text("iteration,loss-average\n" + curve)
    curve = "".join(f"{step},{2.2 / step},{0.5 - 1 / step}\n" for step in steps[9::10])
    text = "iteration,loss-average,perf-average\n" + curve
    (run.eir / "validation_average_history.log").write_text(text)
    write_run(run, record)
    geometry = Geometry(
        flavour=flavour,
        dataset="small",
        parameters=PARAMETERS,
        blocks=(
            Block("landscape.0", "FirstCNNBlock", 8, 1, 200, 20),
            Block("output", "MLP", 1, 1, 21, 100),
        ),
        branches=(Branch("landscape", (1, 2, 401), 100, 200, 200, 3000),),
        attention=(),
        warnings=("landscape: the network sees 9,000 bp around the TSS",),
    )
    measured = {
        "configurations": hashes,
        "eir": "0.25.0",
        "geometry": asdict(geometry),
    }
    (run.path / "geometry.json").write_text(json.dumps(measured))


def predict(made):
    folders = DatasetFolders.of(made.spec)
    targets = read_targets(folders.target_table("test"))
    noise = np.random.default_rng(0).uniform(0.7, 1.3, targets.shape)
    path = made.run.predictions("test")
    path.parent.mkdir(parents=True)
    predicted = (targets * noise).astype(np.float32)
    predicted.to_parquet(path)
    write_tracks(
        path.with_suffix(""),
        predicted,
        read_genes_table(folders),
        made.spec.require_target(),
        observed=targets,
        sizes=SIZES,
    )


def screen(made):
    """A screen with a linear model: a bin of 1 kb is the mean of both tracks over 5 kb around it."""

    def profiles(windows):
        for window in windows:
            signal = window["landscape"].reshape(2, -1).mean(axis=0)
            middles = 200 + 10 * np.arange(-10, 11)
            yield np.array([[signal[at - 25 : at + 26].mean() for at in middles]])

    bed = made.project / "elements.bed"
    rows = [(f"chr2\t{at}\t{at + 600}\tE{at // 1000}") for at in range(40_000, 380_000, 11_000)]
    bed.write_text("\n".join(rows) + "\n")
    settings = ScreenSettings(
        edit=EditSettings(verb="silence", tracks=TRACKS), reach=10_000, controls=5, profiles=True
    )
    run_screen(
        ScreenFiles(made.run.path / "perturb" / "silence_test"),
        Identity(
            run="runs/small/toy-made",
            weights="w",
            dataset="d",
            elements_file="elements.bed",
            elements=hashlib.sha256(bed.read_bytes()).hexdigest(),
            pairs=None,
            settings=settings,
            version="0",
        ),
        made.spec,
        lambda: Predictor(profiles),
        PerturbSettings(elements=bed),
    )


def attribute(made):
    """What an attribution leaves, whatever it is called."""
    folder = made.run.path / "attributions" / "by_track"
    fig = Figure(figsize=(3, 2))
    fig.subplots().plot([0, 1, 4])
    save(fig, folder / "figures" / "share_by_track.png")
    (folder / "summary.json").write_text(
        '{"lines": ["ATAC: 60 %", "H3K27ac: 40 %"], "windows": 24}'
    )
    (folder / "manifest.json").write_text("{}")


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A trained, predicted, evaluated, perturbed and attributed run; not to be changed by a test."""
    project = tmp_path_factory.mktemp("report")
    made = Made(
        project, RunFolder(project / "runs" / "small" / "toy-made", project), build(project)
    )
    write_record(made)
    predict(made)
    evaluate(made.run, made.spec)
    screen(made)
    attribute(made)
    return made


@pytest.fixture(scope="session")
def report(made):
    """The report of the run."""
    return write_report(made.run)


@pytest.fixture
def bare(made, tmp_path):
    """The same run as it is after training: nothing was predicted, evaluated or asked."""
    run = RunFolder(tmp_path / "runs" / "small" / "toy-made", made.project)
    leave_out = shutil.ignore_patterns(
        "evaluation", "predictions", "perturb", "attributions", "report.html"
    )
    shutil.copytree(made.run.path, run.path, ignore=leave_out)
    return run


@dataclass
class Seen:
    """A page, what its console said, and what it asked the network for."""

    page: object
    faults: list = field(default_factory=list)
    asked: list = field(default_factory=list)


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium. Where there is none the test is skipped, but in CI it fails."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        reason = f"no browser on PATH ({', '.join(BROWSERS)})"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(chromium):
    """Open an address in a fresh context and note errors, failed requests and every address asked for."""

    @contextmanager
    def opened(address, *, width=1280, **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        seen = Seen(context.new_page())
        seen.page.on(
            "console",
            lambda line: line.type in ("error", "warning") and seen.faults.append(line.text),
        )
        seen.page.on("pageerror", lambda error: seen.faults.append(str(error)))
        seen.page.on("requestfailed", lambda request: seen.faults.append(request.url))
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.goto(address)
        yield seen
        context.close()

    return opened
