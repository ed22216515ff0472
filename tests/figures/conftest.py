"""A built toy genome with a made run: what every figure of it is drawn from, without a network."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

from claster.analysis.evaluate import evaluate
from claster.dataset.build import build_dataset
from claster.dataset.embeddings import EmbeddingRecord, embedding_path
from claster.dataset.layout import DatasetFolders, read_genes_table, read_ids, read_targets
from claster.dataset.load import load_dataset
from claster.eir.arrays import narrowed
from claster.eir.runs import RunFolder, RunRecord
from claster.figures.context import Context
from claster.files import write_text
from claster.genome.windows import FORWARD, REVERSE, sample_id
from claster.simulation import simulate_genome

PROJECT = Path(__file__).parents[2]


def write_predictions(run, spec, folders, *, seed):
    """Predict targets with noise, every sample of validation and test."""
    for split in ("valid", "test"):
        targets = read_targets(folders.target_table(split), transform=spec.target.transform)
        noise = np.random.default_rng(seed).uniform(0.4, 1.6, targets.shape)
        table = (targets * noise).astype(np.float32).loc[read_ids(folders, split)]
        path = run.predictions(split)
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(path)


def write_record(run, spec, *, flavour="profile"):
    record = RunRecord(
        name=run.path.name,
        flavour=flavour,
        dataset="demo_tiny",
        dataset_name=spec.name,
        tag=None,
        seed=0,
        device="cpu",
        status="complete",
        command=("eirtrain",),
        environment={},
        versions={},
        configurations={},
        training_samples=44,
        validation_samples=38,
        batch_size=32,
        steps=80,
        started="2026-01-01T00:00:00+00:00",
        trained_on=spec,
    )
    write_text(run.record, record.model_dump_json())
    write_text(run.exported_weights, "weights")
    name, source = (
        ("embedding", "view_embedding_enformer_24x31")
        if flavour == "enformer_head"
        else ("landscape", "landscape")
    )
    write_text(
        run.configurations / f"input_{name}.yaml",
        f"input_info: {{input_name: {name}, input_type: array, "
        f"input_source: inputs/{spec.name}/{source}/train_valid}}",
    )
    rows = [
        f"{split},{step},{1 / step},{1 - 1 / step}"
        for split in ("train", "valid")
        for step in (1, 5, 9)
    ]
    write_text(run.history, "\n".join(["split,step,loss,performance", *rows]) + "\n")


def write_embeddings(folders, genes, *, model, channels, bin, bins):
    """Store random embeddings of every sample."""
    path = embedding_path(folders, model)
    ids = [sample_id(gene, way) for gene in genes["gene_id"] for way in (FORWARD, REVERSE)]
    values = np.random.default_rng(6).normal(2, 3, (len(ids), channels, bins)).astype(np.float16)
    values[:, 0] = 1
    zarr.create_array(path / "embeddings.zarr", data=values)
    places = genes.loc[genes.index.repeat(2), ["chrom", "tss"]]
    places.assign(ID=ids).set_index("ID").to_csv(path / "samples.tsv", sep="\t")
    record = EmbeddingRecord(
        model=model,
        dataset=folders.name,
        length=bin * bins,
        bin=bin,
        bins=bins,
        model_bins=bins,
        channels=channels,
        samples=len(ids),
        precision="float32",
        batch_size=4,
        repository=None,
        revision=None,
        licence="",
        weights={},
        genome={},
        padded=0,
        versions={},
    )
    write_text(path / "record.json", record.model_dump_json())


def write_screen(run, name, genes, spec, *, seed):
    """Write effects, controls and profiles of five elements around each test gene."""
    rng = np.random.default_rng(seed)
    bins = spec.target.binning
    effects, profiles = [], []
    for number, gene in enumerate(genes.itertuples()):
        baseline = rng.gamma(2.0, 3.0, bins.bins)
        if name != "centred":
            profiles.append((gene.gene_id, "", baseline))
        for place, distance in enumerate((-60_000, -5_000, 800, 9_000, 120_000)):
            element = f"E{number}_{place}"
            before, after = 4.0 + number, (4.0 + number) * rng.uniform(0.7, 1.0)
            window = element if name == "centred" else gene.gene_id
            if name == "centred":
                profiles.append((window, "", baseline))
            profiles.append((window, element, baseline * rng.uniform(0.6, 1.0, bins.bins)))
            for other in range(2 if name == "centred" else 1):
                effects.append(
                    {
                        "gene_id": gene.gene_id if not other else f"other{number}",
                        "gene_name": gene.name,
                        "element_id": element,
                        "distance_bp": distance + 30_000 * other,
                        "width_bp": 200 + 10 * place,
                        "genes_between": (place + other) % 3,
                        "condition": "ctrl",
                        "dose": np.nan,
                        "baseline": before,
                        "perturbed": after if not other else before,
                        "effect": np.log2((after + 1) / (before + 1)) if not other else 0.0,
                        "fdr": 0.05 if place == 1 else 0.8,
                    }
                )
    folder = run.path / "perturb" / name
    folder.mkdir(parents=True)
    table = pd.DataFrame(effects)
    table.to_parquet(folder / "effects.parquet")
    table.assign(effect=table["effect"] / 4).to_parquet(folder / "controls.parquet")
    names = pd.DataFrame([row[:2] for row in profiles], columns=["window", "element_id"])
    values = pd.DataFrame([row[2] for row in profiles], columns=[str(k) for k in bins.offsets])
    whole = pd.concat([names.assign(partner_id="", dose=np.nan, condition="ctrl"), values], axis=1)
    whole.to_parquet(folder / "profiles.parquet")
    for file in ("screen.json", "manifest.json"):
        write_text(folder / file, "{}")


def write_attributions(run):
    distance = np.arange(-60_000, 60_001, 500)
    table = pd.concat(
        pd.DataFrame(
            {"track": track, "distance": distance, "mean_absolute": np.exp(-abs(distance) / scale)}
        )
        for track, scale in (("ATAC", 3000), ("H3K27ac", 9000))
    )
    for value in ("absolute", "signed"):
        table[f"mean_{value}"] = table["mean_absolute"]
        table[f"{value}_low"] = table["mean_absolute"] * 0.9
        table[f"{value}_high"] = table["mean_absolute"] * 1.1
    folder = run.path / "attributions" / "integrated_gradients_test"
    folder.mkdir(parents=True)
    table.to_parquet(folder / "profile.parquet", index=False)
    record = {"unit": "log(reads + 1)", "contacts": {"kind": "diagonal", "resolution": 1600}}
    write_text(folder / "manifest.json", json.dumps(record))
    rng = np.random.default_rng(3)
    for value in ("absolute", "signed"):
        np.save(folder / f"contacts_{value}.npy", rng.uniform(0.1, 1, (5, 9)))
    latents = run.path / "attributions" / "latents_test"
    latents.mkdir()
    write_text(latents / "manifest.json", "{}")
    np.savez(latents / "latents.npz", **{"contacts.0": rng.normal(size=(4, 3, 8))})


def write_crispr(run):
    rng = np.random.default_rng(4)
    pairs = pd.DataFrame(
        {
            "scored": np.arange(40) < 36,
            "regulated": np.arange(40) % 3 == 0,
            "primary": np.arange(40) % 4 == 0,
            "closest": np.arange(40) % 5 == 0,
            "distance_bp": rng.integers(-180_000, 180_000, 40),
        }
    )
    folder = run.path / "crispr" / "crispr"
    folder.mkdir(parents=True)
    pairs.to_parquet(folder / "pairs.parquet")
    recall = np.linspace(0, 1, 6)
    curve = {"recall": recall, "precision": 1 - recall / 2, "false_positive_rate": recall**2}
    pd.DataFrame(curve).assign(predictor="perturbation").to_parquet(folder / "curves.parquet")
    areas = {"metric": ["auroc", "auprc"], "value": [0.7, 0.5], "n": 36, "links": 12}
    scores = pd.DataFrame(areas).assign(predictor="perturbation", subset="all", pairs="scored")
    scores.to_csv(folder / "scores.csv", index=False)
    decisions = {"predictor": ["perturbation", "closest gene"], "precision": [0.5, 0.4]}
    decisions |= {"recall": [0.3, 0.2], "f1": [0.375, 0.27], "accuracy": [0.8, 0.7], "n": [36, 36]}
    pd.DataFrame(decisions).to_csv(folder / "decisions.csv", index=False)


@dataclass(frozen=True)
class MadeContext(Context):
    """A context whose network adds up the tracks around each bin: it lies below 0 here and there."""

    def predict(self, landscapes, gene):
        window, target = self.spec.window.binning, self.target.binning
        middles = window.bins // 2 + target.offsets * target.size // window.size
        return np.stack([array[:, middles].sum(axis=0) - 1.0 for array in landscapes])


@pytest.fixture(scope="session")
def context(tmp_path_factory):
    """Two runs on the smallest genome, with everything that figures need."""
    project = tmp_path_factory.mktemp("figures")
    shutil.copytree(PROJECT / "configurations", project / "configurations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLASTER_DATA", str(project / "source"))
        spec = load_dataset("demo_tiny", project=project)
        simulate_genome(spec.data_folder, chromosomes=3, megabases=6.8, genes=36)
        build_dataset(spec)
        folders = DatasetFolders.of(spec)
        genes = read_genes_table(folders, split="test")
        runs = []
        for number, name in enumerate(("profile-a", "profile-b")):
            run = RunFolder(project / "runs" / spec.name / name, project)
            write_record(run, spec)
            write_predictions(run, spec, folders, seed=number)
            write_screen(run, "centred", genes, spec, seed=10 + number)
            write_attributions(run)
            if not number:
                evaluate(run, spec)
            runs.append(run)
        shutil.copytree(runs[0].evaluation, runs[1].evaluation)
        for seed, name in enumerate(("P1", "P2")):
            write_screen(runs[0], name, genes, spec, seed=seed)
        write_crispr(runs[0])
        # The second run takes contact maps too.
        write_text(
            runs[1].configurations / "input_contacts.yaml",
            "input_info: {input_name: contacts, input_type: array, "
            f"input_source: inputs/{spec.name}/contacts/train_valid}}",
        )
        # A third one reads DNA and predicts 31 bins.
        head = RunFolder(project / "runs" / spec.name / "enformer_head", project)
        write_record(head, narrowed(spec, 31), flavour="enformer_head")
        table = pd.read_parquet(runs[0].predictions("test")) * np.float32(0.5)
        head.predictions("test").parent.mkdir()
        table[narrowed(spec, 31).target.columns].to_parquet(head.predictions("test"))
        every = read_genes_table(folders)
        write_embeddings(folders, every, model="enformer", channels=90, bin=512, bins=64)
        write_embeddings(folders, every, model="borzoi", channels=6, bin=1024, bins=128)
        yield MadeContext(spec, tuple(runs), sequence_runs=(head,))


@pytest.fixture
def alone(context):
    """The same with the first run only."""
    return replace(context, runs=context.runs[:1], sequence_runs=())
