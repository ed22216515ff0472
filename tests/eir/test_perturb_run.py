"""Perturbation of a run that EIR trained: the same numbers as arrays edited by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from claster.analysis.perturbation.screen import perturb
from claster.cli import app
from claster.dataset.layout import read_genes_table
from claster.eir.inference import load_model, predict_arrays
from claster.eir.predict import predict
from claster.eir.runs import RunFolder, trained_weights
from claster.errors import ClasterError
from claster.files import sha256


@pytest.fixture(scope="module")
def bed(trained):
    genes = read_genes_table(trained.small.folders, split="test")
    path = trained.small.project / "elements.bed"
    rows = [
        f"{gene.chrom}\t{gene.tss + offset}\t{gene.tss + offset + 1130}\t{gene.gene_id}_{offset}\n"
        for gene in genes.itertuples()
        for offset in (1500, -3070, 9000)
    ]
    path.write_text("".join(rows))
    return path


@pytest.mark.slow
def test_screen_of_a_trained_run(trained, bed):
    options = {
        "elements": bed,
        "tracks": ("ATAC",),
        "reach": 10_000,
        "controls": 5,
        "device": "cpu",
    }
    files = perturb(trained.run, **options)
    table = pd.read_parquet(files.effects)
    assert (table["effect"] != 0).all()
    row = table[(table["gene_id"] == "test2") & (table["element_id"] == "test2_1500")].iloc[0]
    stored = np.load(
        trained.small.folders.arrays("landscape", "test") / "test2_forward.npy"
    ).reshape(2, 2001)
    edited = stored.copy()
    # Bin 1000 begins at the TSS - 50: 50 of 100 bp of bin 1015, all of 1016 to 1025, 80 of bin 1026.
    edited[0, 1015:1027] *= 1 - np.array([0.5, *[1] * 10, 0.8])
    model = load_model(trained.run, device="cpu")
    before, after = np.maximum(predict_arrays(model, landscape=np.stack([stored, edited])), 0)
    shares = np.array([0.5, 1, 1, 1, 1, 0.5])  # 5 kb from the TSS on
    np.testing.assert_allclose(row["baseline"], before[0, 20:26] @ shares / 5, rtol=1e-5)
    np.testing.assert_allclose(row["perturbed"], after[0, 20:26] @ shares / 5, rtol=1e-5)
    record = json.loads(files.manifest.read_text())
    assert record["counts"]["tested_pairs"] == len(table)
    assert record["elements_per_second"] > 0
    stamp = files.manifest.stat().st_mtime_ns
    perturb(trained.run, **options)
    assert files.manifest.stat().st_mtime_ns == stamp
    twice = perturb(trained.run, name="mirrored", average=True, **options)
    assert not pd.read_parquet(twice.effects)["effect"].equals(table["effect"])
    with pytest.raises(ClasterError, match="dataset 'small' has no track 'H3K27me3'"):
        perturb(trained.run, verb="repress", name="r", **options | {"tracks": ()})


@pytest.mark.slow
def test_screen_of_an_ensemble(trained, profile_run, bed):
    project = trained.small.project
    members = [trained.run, profile_run.run]
    predict(members, tracks=None, device="cpu")
    ensemble = RunFolder(project / "runs" / "small" / "ensemble", project)
    options = {"elements": bed, "controls": 0, "device": "cpu", "reach": 10_000}
    files = perturb(ensemble, tracks=("ATAC",), **options)
    table = pd.read_parquet(files.effects).set_index(["gene_id", "element_id"])
    stored = np.load(trained.small.folders.arrays("landscape", "test") / "test2_forward.npy")
    signals = [
        predict_arrays(load_model(member, device="cpu"), landscape=stored[np.newaxis])
        for member in members
    ]
    mean = np.maximum(np.mean(signals, axis=0)[0, 0], 0)
    shares = np.array([0.5, 1, 1, 1, 1, 0.5])
    found = table.loc[("test2", "test2_1500"), "baseline"]
    np.testing.assert_allclose(found, mean[20:26] @ shares / 5, rtol=1e-5)
    weights = json.loads(files.manifest.read_text())["identity"]["weights"].split()
    assert weights == [sha256(trained_weights(member)[1]) for member in members]


@pytest.mark.slow
def test_command(trained, bed, monkeypatch):
    monkeypatch.chdir(trained.small.project)
    options = ["--verb", "scale", "--factor", "0", "--factor", "1", "--reach", "10000", "--tsv"]
    done = CliRunner().invoke(
        app,
        [
            "perturb",
            str(trained.run.path),
            "-e",
            str(bed),
            "--controls",
            "0",
            "--name",
            "doses",
            *options,
        ],
    )
    assert done.exit_code == 0, done.output
    assert "elements/s" in done.output
    folder = trained.run.path / "perturb" / "doses"
    table = pd.read_csv(folder / "effects.tsv", sep="\t")
    assert (table.loc[table["dose"] == 1, "effect"] == 0).all()
    assert {path.name for path in folder.iterdir()} >= {
        "links.ctrl.0.bedpe",
        "links.ctrl.1.bedpe",
        "change.ctrl.bw",
        "manifest.json",
    }
