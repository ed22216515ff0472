"""A small built dataset with its source files, and a made model that moves with its window."""

from dataclasses import dataclass
from pathlib import Path

import cooler
import numpy as np
import pandas as pd
import pyBigWig
import pytest
import yaml

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
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import load_dataset
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import track_divisors
from claster.dataset.spec import DatasetSpec

SIZES = {"chr1": 120_000, "chr2": 400_000, "chr3": 160_000}
TRACKS = ("ATAC", "H3K27ac", "H3K27me3")
EMPTY = (100_000, 104_000)
"""A stretch of chr2 without any signal."""


def write_track(path, seed):
    rng = np.random.default_rng(seed)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(SIZES.items()))
        for chrom, size in SIZES.items():
            starts = np.arange(0, size, 50)
            values = np.round(rng.gamma(0.5, 6.0, starts.size), 3)
            if chrom == "chr2":
                values[(starts >= EMPTY[0]) & (starts < EMPTY[1])] = 0
            file.addEntries(
                [chrom] * starts.size,
                starts.tolist(),
                ends=(starts + 50).tolist(),
                values=values.tolist(),
            )


def write_contacts(path):
    bins = cooler.binnify(pd.Series(SIZES), 2000)
    i, j = np.triu_indices(len(bins))
    near = j - i < 40
    counts = np.random.default_rng(4).poisson(30 / (1 + j - i)[near])
    pixels = pd.DataFrame({"bin1_id": i[near], "bin2_id": j[near], "count": counts})
    cooler.create_cooler(
        str(path), bins.assign(weight=1.0), pixels[pixels["count"] > 0], ordered=True
    )


def genes():
    """Rows of genes on both strands: 4 that train, 2 that validate, 24 on chr2 to test."""
    places = [("chr1", 30_000 + 15_000 * n) for n in range(4)]
    places += [("chr3", 40_000), ("chr3", 80_000)]
    places += [("chr2", 30_000 + 14_000 * n) for n in range(24)]
    for number, (chrom, tss) in enumerate(places):
        strand = "+-"[number % 2]
        start, end = (tss, tss + 2500) if strand == "+" else (tss - 2499, tss + 1)
        yield f"{chrom}\t{start}\t{end}\tname{number}\t0\t{strand}\tG{number}\tprotein_coding"


def profile(window):
    """A linear model: each bin of 1 kb sums the signal of the tracks around its middle, weighted."""
    stored = window["landscape"].astype(np.float64)
    signal = np.stack([np.expm1(stored[0]), stored[1], stored[2]])
    mixed = np.array([0.3, 1.0, -0.2]) @ signal
    reach = np.arange(-100, 101)
    kernel = np.exp(-np.abs(reach) / 30)
    middles = 200 + 10 * np.arange(-10, 11)
    return (20 + mixed[middles[:, np.newaxis] + reach] @ kernel)[np.newaxis]


@dataclass(frozen=True)
class World:
    """A built dataset in a project's folder."""

    project: Path
    spec: DatasetSpec

    @property
    def divisors(self) -> tuple[float, ...]:
        return track_divisors(self.spec.tracks, require_manifest(self.folders).scales)

    @property
    def folders(self) -> DatasetFolders:
        return DatasetFolders.of(self.spec)

    def bed(self, text, name="elements.bed"):
        path = self.project / name
        path.write_text(text)
        return path


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    project = tmp_path_factory.mktemp("perturbation")
    source = project / "source"
    source.mkdir()
    (source / "chrom.sizes").write_text("".join(f"{c}\t{n}\n" for c, n in SIZES.items()))
    header = "#chr\tstart\tend\tname\tscore\tstrand\tgene_id\tgene_type"
    (source / "genes.tsv").write_text("\n".join([header, *genes()]) + "\n")
    for seed, name in enumerate((*TRACKS, "EU")):
        write_track(source / f"{name}.bw", seed)
    write_contacts(source / "contacts.cool")
    content = {
        "name": "small",
        "assembly": "small",
        "data": str(source),
        "chrom_sizes": "chrom.sizes",
        "tracks": [{"name": name, "file": f"{name}.bw"} for name in TRACKS],
        "contacts": {"file": "contacts.cool", "resolution": 2000, "rows": 4},
        "genes": {"file": "genes.tsv"},
        "target": {
            "bins": 21,
            "smoothing": 0,
            "conditions": [{"name": "ctrl", "file": "EU.bw"}],
        },
        "window": {"bins": 401},
        "splits": {"valid": ["chr3"], "test": ["chr2"]},
    }
    content["tracks"][0]["transform"] = "log1p"
    content["tracks"][2]["scale"] = "mean"
    path = project / "configurations" / "datasets" / "small.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(content))
    spec = load_dataset(path, project=project)
    build_dataset(spec)
    return World(project, spec)


@pytest.fixture(scope="session")
def model():
    return profile


@pytest.fixture
def screen(world, tmp_path):
    """Do a screen of a BED with the made model, and count what it predicts."""

    def run(bed, *, name="screen", predict=None, shard=None, force=False, pairs=None, **settings):
        verb = {key: settings.pop(key) for key in ("verb", "doses", "tracks") if key in settings}
        edit = EditSettings(**{"verb": "silence", "tracks": ("ATAC", "H3K27ac")} | verb)
        chosen = {"edit": edit, "reach": 10_000, "controls": 0} | settings
        identity = Identity(
            run="runs/small/made",
            weights="w",
            dataset="d",
            elements_file="elements.bed",
            elements=bed.read_text(),
            pairs=None,
            settings=ScreenSettings(**chosen),
            version="0",
        )
        return run_screen(
            ScreenFiles(tmp_path / name),
            identity,
            world.spec,
            lambda: Predictor(predict or (lambda windows: map(profile, windows))),
            PerturbSettings(elements=bed, pairs=pairs, shard=shard, force=force),
        )

    return run
