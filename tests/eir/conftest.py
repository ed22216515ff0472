"""A small built dataset, and one real training of EIR on it for the whole session."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from claster.dataset.embeddings import EmbeddingRecord, embedding_path
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.load import load_dataset
from claster.dataset.manifest import Manifest
from claster.dataset.scale import SignalScale
from claster.dataset.spec import DatasetSpec
from claster.eir import flavours
from claster.eir.flavours import FLAVOURS
from claster.eir.parts import Embedding, Flavour, derive
from claster.eir.program import run_program
from claster.eir.run import train
from claster.eir.runs import RunFolder, RunRecord, read_run, write_run
from claster.files import write_text

SPEC = {
    "name": "small",
    "assembly": "none",
    "tracks": [{"name": "ATAC", "file": "a.bw"}, {"name": "H3K27ac", "file": "b.bw"}],
    "genes": {"file": "genes.gtf"},
    "target": {"bins": 41, "conditions": [{"name": "ctrl", "file": "n.bw"}]},
    "contacts": {"file": "m.mcool", "rows": 9},
    "window": {"bin": 100, "bins": 2001},
}
SCALE = SignalScale(mean=1.2, q50=0, q90=4, q99=15, q999=25, max=60, windows=32, bins=2001, bin=100)
GENES = {"train": 32, "valid": 8, "test": 6}


@dataclass(frozen=True)
class Small:
    """A built dataset in a project's folder of its own."""

    project: Path
    spec: DatasetSpec

    @property
    def folders(self) -> DatasetFolders:
        return DatasetFolders.of(self.spec)

    @property
    def yaml(self) -> str:
        return str(self.project / "configurations" / "datasets" / f"{self.spec.name}.yaml")


def build_small(
    project: Path, content: dict[str, Any] = SPEC, *, genes: dict[str, int] = GENES
) -> Small:
    """Write arrays whose first track, averaged over the bins of the target, is the target."""
    path = project / "configurations" / "datasets" / f"{content['name']}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = content | {"data": str(project / "source"), "chrom_sizes": "chrom.sizes"}
    (project / "source").mkdir(exist_ok=True)
    (project / "source" / "chrom.sizes").write_text("chr1\t1000000\nchr2\t900000\n")
    path.write_text(yaml.safe_dump(content))
    spec = load_dataset(path, project=project)
    assert spec.target is not None
    assert spec.contacts is not None
    small = Small(project, spec)
    map_shape = spec.contacts_shape.shape
    first = spec.window.bins // 2 - 5 * spec.target.bins
    used = slice(first, first + 10 * spec.target.bins)
    folders = small.folders
    rng = np.random.default_rng(5)
    tables: dict[str, list[pd.DataFrame]] = {"train_valid": [], "test": []}
    for split, count in genes.items():
        for modality in ("landscape", "contacts"):
            folders.arrays(modality, split).mkdir(parents=True)
        ids, rows = [], []
        for gene in range(count):
            array = rng.gamma(0.3, 4.0, size=spec.landscape_shape).astype(np.float32)
            contacts = rng.normal(size=map_shape).astype(np.float32)
            signal = array[0, used].reshape(-1, 10).mean(axis=1)
            for name, turn in (("forward", 1), ("rev", -1)):
                sample = f"{split}{gene}_{name}"
                turned = array[:, ::turn].reshape(spec.landscape_file_shape)
                np.save(folders.arrays("landscape", split) / f"{sample}.npy", turned)
                np.save(folders.arrays("contacts", split) / f"{sample}.npy", contacts[:, ::turn])
                ids.append(sample)
                rows.append(signal[::turn])
        folders.targets.mkdir(parents=True, exist_ok=True)
        folders.ids(split).write_text("\n".join(ids) + "\n")
        table = pd.DataFrame(rows, index=pd.Index(ids, name="ID"), columns=spec.target.columns)
        tables["test" if split == "test" else "train_valid"].append(table)
    for split, parts in tables.items():
        pd.concat(parts).to_csv(folders.targets / f"{split}.csv")
    for modality in ("landscape", "contacts"):
        both = folders.arrays(modality, "train_valid")
        both.mkdir()
        for split in ("train", "valid"):
            for array in sorted(folders.arrays(modality, split).iterdir()):
                (both / array.name).symlink_to(Path("..") / split / array.name)
    small_genes(genes).to_csv(folders.genes, sep="\t", index=False)
    folders.manifest.write_text(small_manifest(spec, genes).model_dump_json())
    return small


def write_embeddings(small: Small, embedding: Embedding, *, bins: int = 64) -> np.ndarray:
    """Write a store of random embeddings and return it, shape (samples, channels, bins)."""
    import zarr

    path = embedding_path(small.folders, embedding.model)
    genes = read_genes_table(small.folders)
    shape = (2 * len(genes), embedding.channels, bins)
    values = np.random.default_rng(1).normal(size=shape).astype(np.float16)
    chunks = (1, *shape[1:])
    array = zarr.create_array(path / "embeddings.zarr", shape=shape, chunks=chunks, dtype="float16")
    array[:] = values
    lines = [
        f"{gene.gene_id}_{way}\t{gene.chrom}\t{gene.tss}\n"
        for gene in genes.itertuples()
        for way in ("forward", "rev")
    ]
    (path / "samples.tsv").write_text("ID\tchrom\ttss\n" + "".join(lines))
    record = EmbeddingRecord(
        model=embedding.model,
        dataset=small.spec.name,
        length=embedding.span,
        bin=embedding.span // bins,
        bins=bins,
        model_bins=bins,
        channels=embedding.channels,
        samples=len(values),
        precision="float32",
        batch_size=1,
        repository=None,
        revision=None,
        licence="none",
        weights={},
        genome={},
        padded=0,
        versions={},
    )
    (path / "record.json").write_text(record.model_dump_json())
    return values


def small_genes(genes: dict[str, int]) -> pd.DataFrame:
    """Return a gene table: every second gene on chr1, 17,301 bp from one to the next."""
    names = [(split, f"{split}{gene}") for split, count in genes.items() for gene in range(count)]
    table = pd.DataFrame(names, columns=["split", "gene_id"])
    number = np.arange(len(table))
    tss = 30_000 + number // 2 * 17_301
    return table.assign(
        name=table["gene_id"],
        type="protein_coding",
        chrom=np.where(number % 2, "chr2", "chr1"),
        start=tss,
        end=tss + 5000,
        strand="+",
        tss=tss,
    )


def small_manifest(spec: DatasetSpec, genes: dict[str, int]) -> Manifest:
    """Return a manifest that knows the scale of the first track."""
    return Manifest(
        dataset=spec,
        sources={},
        versions={},
        genes_in=sum(genes.values()),
        genes_kept=genes,
        genes_dropped={},
        shared_bp={},
        contacts_missing_mean=None,
        checksums={},
        scales={spec.tracks[0].name: SCALE},
    )


def tiny_flavour() -> Flavour:
    """Return a network for 2001 bins that trains in a second."""
    return derive(
        FLAVOURS["toy"],
        name="tiny",
        description="for tests",
        inputs={"landscape": {"cnn": {"layers": (1,), "num_output_features": 16}}},
        fusion={"fc_task_dim": 16},
        training={"n_epochs": 3, "batch_size": 16, "evaluations": 3},
    )


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return build_small(tmp_path)


@pytest.fixture(scope="session")
def beside() -> Callable[..., Small]:
    """Build a dataset beside another with its arrays and targets, and of its tracks those of `rows`."""

    def build(small: Small, name: str, rows: Sequence[int], **keys: Any) -> Small:
        tracks = [SPEC["tracks"][row] for row in rows]
        other = build_small(small.project, SPEC | {"name": name, "tracks": tracks} | keys)
        for split in GENES:
            for file in small.folders.arrays("landscape", split).iterdir():
                array = np.load(file).reshape(small.spec.landscape_shape)[list(rows)]
                folder = other.folders.arrays("landscape", split)
                np.save(folder / file.name, array.reshape(other.spec.landscape_file_shape))
        shutil.copytree(small.folders.targets, other.folders.targets, dirs_exist_ok=True)
        return other

    return build


@pytest.fixture(scope="session")
def write_store() -> Callable[..., np.ndarray]:
    """Write a store of random embeddings."""
    return write_embeddings


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the flavour `tiny` known."""
    monkeypatch.setitem(flavours.FLAVOURS, "tiny", tiny_flavour())


@pytest.fixture
def record() -> RunRecord:
    """Return what a complete run of `tiny` records of itself."""
    return RunRecord(
        name="tiny",
        flavour="tiny",
        dataset="small",
        dataset_name="small",
        tag=None,
        seed=0,
        device="cpu",
        status="complete",
        command=("eirtrain", "--global_configs", "runs/small/tiny/configurations/globals.yaml"),
        environment={},
        versions={},
        configurations={},
        training_samples=64,
        validation_samples=16,
        batch_size=16,
        steps=12,
        started="2026-01-01T00:00:00+00:00",
    )


@pytest.fixture(scope="session")
def full_size(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Flavour], Small]:
    """Return a function that makes a few samples of the real size, with the map that a flavour needs."""
    made: dict[str, Small] = {}

    def make(flavour: Flavour) -> Small:
        contacts = flavour.inputs.get("contacts")
        kind = (
            "stripe" if "activity" in flavour.inputs else (contacts and contacts.map) or "diagonal"
        )
        if kind not in made:
            spec = SPEC | {
                "name": kind,
                "tracks": [{"name": name, "file": f"{name}.bw"} for name in ("H3K27ac", *"abc")],
                "target": {"conditions": [{"name": "ctrl", "file": "n.bw"}]},
                "contacts": {"file": "m.mcool", "map": kind},
                "window": {},
            }
            folder = tmp_path_factory.mktemp(kind)
            made[kind] = build_small(folder, spec, genes={"train": 2, "valid": 1, "test": 1})
        block = flavour.inputs.get("embedding")
        if block:
            write_embeddings(made[kind], block.embedding)
        return made[kind]

    return make


@dataclass(frozen=True)
class Trained:
    """A dataset and a run of EIR on it."""

    small: Small
    run: RunFolder


def train_tiny(folder: Path, **options: float) -> Iterator[Trained]:
    small = build_small(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(flavours.FLAVOURS, "tiny", tiny_flavour())
        run = train("tiny", small.spec, dataset_yaml=small.yaml, device="cpu", **options)
        yield Trained(small, run)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    yield from train_tiny(tmp_path_factory.mktemp("trained"), seed=3)


@pytest.fixture(scope="session")
def trained_without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """Train `tiny` with each track left out of half of the training samples."""
    yield from train_tiny(tmp_path_factory.mktemp("without"), drop_tracks=0.5)


PROFILE_CNN = {
    "channel_exp_base": 3,
    "attention_inclusion_cutoff": 0,
    "down_sample_every_n_blocks": None,
    "kernel_height": 1,
    "first_kernel_expansion_height": 1,
    "down_stride_height": 1,
}


@pytest.fixture(scope="session")
def profile_run(trained: Trained) -> Trained:
    """Train a position-preserving network: tracks as channels, profiles as arrays, 12 steps."""
    small = trained.small
    folders, project = small.folders, small.project
    run = RunFolder(project / "runs" / "small" / "profile", project)
    target = pd.read_csv(folders.target_table("train"), index_col="ID")
    arrays, profiles = (project / "profile" / kind / "train_valid" for kind in ("landscape", "y"))
    for folder in (arrays, profiles):
        folder.mkdir(parents=True)
    for name, row in target.iterrows():
        array = np.load(folders.arrays("landscape", "train_valid") / f"{name}.npy")
        np.save(arrays / f"{name}.npy", array)
        profile = row.to_numpy(np.float32)[None, None, :]
        np.save(profiles / f"{name}.npy", profile)
    record = read_run(trained.run.path)
    contents = {
        name: yaml.safe_load((trained.run.configurations / name).read_text())
        for name in ("globals.yaml", "input_landscape.yaml")
    }
    contents["globals.yaml"]["basic_experiment"]["output_folder"] = "runs/small/profile/eir"
    contents["input_landscape.yaml"]["input_info"]["input_source"] = "profile/landscape/train_valid"
    contents["input_landscape.yaml"]["model_config"]["model_init_config"] = PROFILE_CNN | {
        "layers": [2, 1],
        "kernel_width": 7,
        "down_stride_width": 5,
        "first_stride_expansion_width": 1,
        "num_output_features": 0,
    }
    contents["fusion.yaml"] = {"model_type": "pass-through", "model_config": {}}
    contents["output.yaml"] = {
        "output_info": {
            "output_name": "landscape",
            "output_source": "profile/y/train_valid",
            "output_type": "array",
        },
        "output_type_info": {"normalization": "element", "loss": "mse"},
        "model_config": {
            "model_type": "cnn",
            "model_init_config": {
                "channel_exp_base": 3,
                "attention_inclusion_cutoff": 0,
                "allow_pooling": True,
            },
        },
    }
    for name, content in contents.items():
        write_text(run.configurations / name, yaml.safe_dump(content))
    command = [word.replace("/tiny/", "/profile/") for word in record.command]
    status = run_program(
        command, cwd=project, log=run.log, variables=record.environment, watch=lambda: None
    )
    assert status == 0, run.log.read_text()[-3000:]
    write_run(run, record.model_copy(update={"name": "profile", "flavour": "profile"}))
    return Trained(small, run)
