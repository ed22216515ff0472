"""A small world of real files: two chromosomes, two tracks, a stranded target, contacts, genes."""

import shutil
from types import SimpleNamespace

import cooler
import numpy as np
import pandas as pd
import pyBigWig
import pytest
import yaml

from claster.contacts.cut import map_cutter
from claster.dataset.load import load_dataset
from claster.dataset.targets import reach_of_targets, target_signal
from claster.files import sha256
from claster.signal.landscape import landscape

SIZES = {"chr1": 120_000, "chr2": 60_000}
GENES = """\
#chr\tstart\tend\tname\tscore\tstrand\tgene_id\tgene_type
chr1\t30000\t34000\tA\t0\t+\tGA.1\tprotein_coding
chr1\t40000\t50001\tB\t0\t-\tGB.1\tprotein_coding
chr1\t60000\t61000\tN\t0\t+\tGN.1\tlincRNA
chr1\t100000\t104000\tC\t0\t+\tGC.1\tprotein_coding
chr2\t30000\t32000\tD\t0\t-\tGD.1\tprotein_coding
chr2\t1000\t2000\tE\t0\t+\tGE.1\tprotein_coding
chrM\t100\t200\tM\t0\t+\tGM.1\tprotein_coding
"""


def write_track(path, seed, *, sizes=SIZES, sign=1.0, height=1.0, only=None):
    rng = np.random.default_rng(seed)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for chrom, size in sizes.items():
            starts = np.arange(0, size - 40, 50)
            values = sign * np.round(rng.gamma(0.5, 6.0, starts.size), 3)
            values *= height if only in (None, chrom) else 1.0
            file.addEntries(
                [chrom] * starts.size,
                starts.tolist(),
                ends=(starts + 40).tolist(),
                values=values.tolist(),
            )


def write_contacts(path, *, weights=True, sizes=SIZES):
    bins = cooler.binnify(pd.Series(sizes), 1000)
    i, j = np.triu_indices(len(bins))
    counts = np.random.default_rng(4).poisson(30 / (1 + np.abs(j - i)))
    pixels = pd.DataFrame({"bin1_id": i, "bin2_id": j, "count": counts})[counts > 0]
    cooler.create_cooler(
        str(path), bins.assign(weight=1.0) if weights else bins, pixels, ordered=True
    )


@pytest.fixture
def make():
    """Write single source files."""
    return SimpleNamespace(track=write_track, contacts=write_contacts, sizes=SIZES)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """The source files of the small world, made once."""
    source = tmp_path_factory.mktemp("pristine")
    (source / "chrom.sizes").write_text("".join(f"{c}\t{n}\n" for c, n in SIZES.items()))
    (source / "genes.tsv").write_text(GENES)
    for seed, name in enumerate(("ATAC.bw", "H3K27ac.bw", "plus.bw")):
        write_track(source / name, seed)
    write_track(source / "minus.bw", 9, sign=-1.0)
    write_contacts(source / "contacts.cool")
    return source


@pytest.fixture
def world(pristine, tmp_path, monkeypatch):
    """Project folder with source files and `configurations/datasets/small.yaml`; the working directory."""
    source = shutil.copytree(pristine, tmp_path / "source")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLASTER_DATA", str(source))
    folder = tmp_path / "configurations" / "datasets"
    folder.mkdir(parents=True)
    (folder / "small.yaml").write_text(yaml.safe_dump(small_yaml(), sort_keys=False))
    return tmp_path


def small_yaml():
    return {
        "name": "small",
        "assembly": "small",
        "chrom_sizes": "chrom.sizes",
        "tracks": [{"name": "ATAC", "file": "ATAC.bw"}, {"name": "H3K27ac", "file": "H3K27ac.bw"}],
        "contacts": {"file": "contacts.cool", "resolution": 1000, "rows": 4},
        "genes": {"file": "genes.tsv"},
        "target": {
            "bin": 1000,
            "bins": 5,
            "smoothing": 100,
            "conditions": [
                {
                    "name": "ctrl",
                    "plus": "plus.bw",
                    "minus": "minus.bw",
                    "minus_values": "negative",
                },
                {"name": "a485", "file": "ATAC.bw"},
            ],
        },
        "window": {"bin": 100, "bins": 101},
        "splits": {"valid": ["chr1:90,000-120,000"], "test": ["chr2"]},
    }


@pytest.fixture
def edited(world):
    """Return a dataset whose YAML was changed by a function."""

    def edit(change=lambda content: None):
        content = small_yaml()
        change(content)
        (world / "configurations/datasets/small.yaml").write_text(
            yaml.safe_dump(content, sort_keys=False)
        )
        return load_dataset("small")

    return edit


@pytest.fixture
def tree():
    """Return a function: bytes of every file below folders, manifests aside."""

    def of(*folders):
        return {
            f"{folder.parent.name}/{path.relative_to(folder)}": sha256(path)
            for folder in folders
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith("manifest.")
        }

    return of


@pytest.fixture
def cut_window():
    """Read the tracks, the targets and the contact map around one TSS, without what a build shares."""
    return _cut_window


def _cut_window(spec, sources, gene):
    chrom, tss = str(gene["chrom"]), int(gene["tss"])
    tracks = landscape(
        sources.tracks, chrom, tss, binning=spec.window.binning, summary=spec.summary
    )
    targets = {}
    if spec.target:
        reach = reach_of_targets(spec.target)
        for group, strands in sources.targets.items():
            signals = [
                (file.signal(chrom, span=(tss - reach, tss + reach)), sign)
                for file, sign in strands
            ]
            targets[group] = target_signal(
                spec.target, signals, gene.to_frame().T, summary=spec.summary
            )[0]
    contacts = None
    if spec.contacts is not None and sources.contacts is not None:
        cut = map_cutter(
            sources.contacts,
            sources.contact_names[chrom],
            spec.contacts_shape,
            balance=spec.contacts.balance,
            value=spec.contacts.value,
        )
        contacts = cut(tss)[0].astype(np.float32)
    return SimpleNamespace(landscape=tracks, targets=targets, contacts=contacts)
