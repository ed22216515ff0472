"""A small dataset with a genome, and tiny models of the real classes with random weights."""

import warnings

import numpy as np
import pandas as pd
import pytest
import yaml

from claster.dataset.layout import SPLITS, DatasetFolders
from claster.dataset.load import load_dataset
from claster.genome.windows import FORWARD, REVERSE, sample_id
from claster.simulation.chromosome import write_fasta

SIZES = {"chr1": 60_000, "chr2": 30_000, "chr3": 30_000}
COUNTS = {"train": 12, "valid": 4, "test": 6}
LETTERS = np.frombuffer(b"ACGTacgtN", dtype=np.uint8)
SETTINGS = {
    "enformer": {"input_length": 8192, "target_length": 40},
    "hyenadna_small_32k": {"max_seq_len": 5122},
    "borzoi": {"input_length": 8192, "bins_to_return": 160},
}


@pytest.fixture(scope="session", autouse=True)
def _libraries():
    """Bring the model libraries in, whose imports may warn, before a test turns warnings into errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lightning.pytorch  # noqa: F401
        import transformers  # noqa: F401


def write_small(
    project,
    *,
    counts=COUNTS,
    sizes=SIZES,
    bins=11,
    bin=1000,
    letters=None,
    tss=None,
    level=lambda _, number: 1 + 9 * (number % 2),
):
    """Write a built dataset with a genome; the target of a gene is its level and some noise."""
    rng = np.random.default_rng(3)
    source = project / "source"
    source.mkdir(parents=True)
    letters = letters or {chrom: rng.choice(LETTERS, size) for chrom, size in sizes.items()}
    write_fasta(source / "genome.fa", letters)
    (source / "chrom.sizes").write_text("".join(f"{c}\t{n}\n" for c, n in sizes.items()))
    content = {
        "name": "small",
        "assembly": "small",
        "data": str(source),
        "chrom_sizes": "chrom.sizes",
        "genome": "genome.fa",
        "tracks": [{"name": "ATAC", "file": "a.bw"}, {"name": "H3K27ac", "file": "b.bw"}],
        "genes": {"file": "genes.gtf"},
        "window": {"bin": 100, "bins": 201},
        "target": {
            "bins": bins,
            "bin": bin,
            "transform": "log1p",
            "conditions": [{"name": "ctrl", "file": "n.bw"}],
        },
    }
    path = project / "configurations" / "datasets" / "small.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(content))
    spec = load_dataset(path, project=project)
    folders = DatasetFolders.of(spec)
    folders.targets.mkdir(parents=True)
    genes, tables = [], {"train_valid": [], "test": []}
    for (split, count), chrom in zip(counts.items(), sizes, strict=True):
        folder = folders.arrays("landscape", split)
        folder.mkdir(parents=True)
        ids, rows = [], []
        for number in range(count):
            gene, spread = f"{split}{number}", (sizes[chrom] - 2_000) // count
            start = tss(split, number) if tss else 1_000 + number * spread
            genes.append((gene, chrom, start, start + 3_000, "+", start, split))
            profile = np.full(bins, level(split, number)) + rng.uniform(0, 0.5, bins)
            array = rng.gamma(0.3, 4.0, spec.landscape_file_shape).astype(np.float32)
            for way, turn in ((FORWARD, 1), (REVERSE, -1)):
                ids.append(sample_id(gene, way))
                rows.append(np.log1p(profile[::turn]))
                np.save(folder / f"{ids[-1]}.npy", array[..., ::turn])
        folders.ids(split).write_text("".join(f"{sample}\n" for sample in ids))
        table = pd.DataFrame(rows, index=pd.Index(ids, name="ID"), columns=spec.target.columns)
        tables["test" if split == "test" else "train_valid"].append(table)
    assert tuple(counts) == SPLITS
    for split, parts in tables.items():
        pd.concat(parts).to_csv(folders.targets / f"{split}.csv")
    columns = ["gene_id", "chrom", "start", "end", "strand", "tss", "split"]
    table = pd.DataFrame(genes, columns=columns).assign(type="protein_coding")
    table.assign(name=table["gene_id"]).to_csv(folders.genes, sep="\t", index=False)
    folders.manifest.write_text("{}")
    return spec


@pytest.fixture
def spec(tmp_path):
    return write_small(tmp_path)


@pytest.fixture(scope="session")
def write_dataset():
    """Write a small built dataset."""
    return write_small


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Return a function that gives a folder of random weights of a model, written once."""
    from claster.sequence.tiny import write_tiny_model

    root = tmp_path_factory.mktemp("weights")

    def get(name):
        folder = root / name
        return (
            folder if folder.is_dir() else write_tiny_model(name, folder, settings=SETTINGS[name])
        )

    return get
