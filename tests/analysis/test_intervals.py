"""`claster intervals` on a run whose predictions are there: which files, what they hold, what is refused."""

import json

import numpy as np
import pandas as pd
import pyBigWig
import pytest
import yaml

from claster.analysis.intervals import predict_intervals
from claster.dataset.layout import DatasetFolders, read_targets
from claster.eir.runs import RunFolder, RunRecord, write_run
from claster.errors import ClasterError


@pytest.fixture
def run(project, spec):
    """Return a run with predictions of both splits; its genes lie in a locus each."""
    folders = DatasetFolders.of(spec)
    genes = pd.read_csv(folders.genes, sep="\t")
    moved = (genes["tss"] - 50_000) * 6
    genes[["tss", "start", "end"]] = genes[["tss", "start", "end"]].add(moved, axis=0)
    genes.to_csv(folders.genes, sep="\t", index=False)
    named = project / "configurations/datasets/tiny.yaml"
    named.parent.mkdir(parents=True)
    content = spec.model_dump(mode="json", exclude_defaults=True) | {
        "chrom_sizes": "chrom.sizes",
        "data": str(project),
    }
    named.write_text(yaml.safe_dump(content))
    sizes = "".join(f"chr{number}\t9000000\n" for number in (1, 2, 3))
    (project / "chrom.sizes").write_text(sizes)
    run = RunFolder(project / "runs/tiny/made", project)
    run.predictions("x").parent.mkdir(parents=True)
    fields = dict.fromkeys(("training_samples", "validation_samples", "batch_size", "steps"), 1)
    empty = {"environment": {}, "versions": {}, "configurations": {}, "command": ()}
    about = {"name": "made", "flavour": "toy", "dataset": "tiny", "dataset_name": "tiny"}
    rest = {"tag": None, "seed": 0, "device": "cpu", "status": "complete", "started": "now"}
    write_run(run, RunRecord(**fields, **empty, **about, **rest))
    rng = np.random.default_rng(5)
    for split in ("valid", "test"):
        table = read_targets(folders.target_table(split))
        chosen = [name for name in table.index if name.startswith(split)]
        noise = rng.normal(0, 0.4, table.loc[chosen].shape)
        predicted = np.exp2(np.maximum(np.log2(table.loc[chosen] + 1) + noise, 0)) - 1
        predicted.astype(np.float32).to_parquet(run.predictions(split))
    return run


def test_tables_tracks_and_coverage(run, project, spec, monkeypatch):
    monkeypatch.chdir(project)
    path, _, covered = predict_intervals(run, level=0.8)
    low, high = (pd.read_parquet(path.with_suffix(f".{end}.parquet")) for end in ("low", "high"))
    predicted = pd.read_parquet(path)
    assert low.loc[predicted.index].shape == predicted.shape
    assert (low.to_numpy() <= high.to_numpy()).all()
    forward, back = low.loc["test0_forward"].to_numpy(), low.loc["test0_rev"].to_numpy()
    bins, groups = spec.target.bins, len(spec.target.groups)
    assert (forward.reshape(groups, bins)[:, ::-1] == back.reshape(groups, bins)).all()
    everywhere = covered[covered["by"] == "all"]
    assert everywhere["covered"].between(0.7, 0.95).all()
    condition = spec.target.groups[0]
    genes = pd.read_csv(path.with_suffix(".genes.csv"))
    assert set(genes) == {"gene_id", "condition", "predicted", "low", "high", "distance", "unlike"}
    assert (genes["low"] <= genes["high"]).all()
    shift = pd.read_csv(path.with_suffix(".shift.csv"))
    assert shift["track"].tolist() == [track.name for track in spec.tracks]
    assert (shift[["below", "above"]] <= 0.2).all(axis=None)
    with pyBigWig.open(str(path.with_name(f"test.{condition}.high.bw"))) as track:
        assert track.values("chr3", 50_000, 50_001)[0] == pytest.approx(
            high.loc["test0_forward", f"0_{condition}"], rel=1e-6
        )
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    predict_intervals(run, level=0.8)
    assert before == {file.name: file.read_bytes() for file in path.parent.iterdir()}


@pytest.mark.parametrize("split", ["train", "valid"])
def test_genes_that_taught_the_run_get_none(run, project, split, monkeypatch):
    monkeypatch.chdir(project)
    with pytest.raises(ClasterError, match=f"the {split} genes of 'tiny' were used"):
        predict_intervals(run, split=split)
    assert json.loads(run.record.read_text())["dataset"] == "tiny"
