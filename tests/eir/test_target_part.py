"""Flavours that predict a part of the target: the right columns, and the same questions as to any run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from claster.analysis.attribution.attribute import attribute
from claster.analysis.evaluate import evaluate_runs
from claster.analysis.perturbation.screen import perturb
from claster.dataset.layout import read_genes_table
from claster.eir import flavours
from claster.eir.arrays import predicted_part
from claster.eir.configure import configure
from claster.eir.export import export_run
from claster.eir.flavours import FLAVOURS
from claster.eir.inference import load_model, predict_arrays
from claster.eir.parts import derive
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import RunFolder, read_predictions, read_run
from claster.eir.trained_on import run_dataset
from claster.errors import ClasterError

COLUMNS = [f"{k}_ctrl" for k in range(-4, 5)]


def spanning(bp):
    return derive(FLAVOURS["proximal"], name="x", description="d", output={"span": bp})


@pytest.mark.parametrize(("bp", "bins"), [(9_000, 9), (9_999, 9), (10_000, 9), (1_000, 1)])
def test_bins_lie_whole_within_the_span(small, bp, bins):
    assert predicted_part(spanning(bp), small.spec).require_target().bins == bins


def test_a_span_beyond_the_target_is_all_of_it(small):
    assert predicted_part(spanning(60_000), small.spec) is small.spec
    with pytest.raises(ClasterError, match="no target bin of 1,000 bp is covered"):
        predicted_part(spanning(900), small.spec)


def test_a_profile_has_no_span():
    with pytest.raises(ValueError, match="'span' and 'transform' go with a table"):
        derive(FLAVOURS["profile"], name="x", description="d", output={"span": 9_000})


def test_configuration_names_the_central_columns(small, tmp_path):
    configure(FLAVOURS["proximal"], small.spec, out=tmp_path, made_by="a test")
    output = yaml.safe_load((tmp_path / "output.yaml").read_text())
    assert output["output_type_info"]["target_con_columns"] == COLUMNS


def test_a_fault_of_a_dataset_that_is_here_is_told_for_an_exported_run(trained, tmp_path):
    run = RunFolder(export_run(trained.run, tmp_path / "model"), tmp_path)
    record = read_run(run)
    assert run_dataset(run, record).name == "small"  # not here: what it was trained on
    path = tmp_path / "configurations/datasets/small.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("name: small\nname: small\n")
    record = record.model_copy(update={"dataset": "small"})
    with pytest.raises(ClasterError, match=r"line 2: the key 'name' is there twice"):
        run_dataset(run, record)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # EIR's imports
def test_it_is_trained_scored_and_questioned(small, monkeypatch):
    content = yaml.safe_load(Path(small.yaml).read_text())
    content["splits"] = {"test": ["chr1"], "allow_shared_windows": True}  # genes lie close together
    Path(small.yaml).write_text(yaml.safe_dump(content))
    quick = {"n_epochs": 3, "batch_size": 16, "evaluations": 3}
    flavour = derive(FLAVOURS["proximal"], name="proximal", description="d", training=quick)
    monkeypatch.setitem(flavours.FLAVOURS, "proximal", flavour)
    project = small.project
    run = train("proximal", small.spec, dataset_yaml=small.yaml, device="cpu")
    assert run_dataset(run, read_run(run)).require_target().columns == COLUMNS
    predict(run, device="cpu")
    assert read_predictions(run, "test").columns.tolist() == COLUMNS
    evaluation, _ = evaluate_runs([run])
    assert sorted(evaluation.tables.bins["offset"].unique() // 1000) == list(range(-4, 5))

    gene = read_genes_table(small.folders, split="test").iloc[0]
    bed = project / "elements.bed"
    bed.write_text(f"{gene['chrom']}\t{gene['tss'] + 6000}\t{gene['tss'] + 7000}\te\n")
    files = perturb(
        run,
        elements=bed,
        tracks=("ATAC",),
        around_tss=(500, 1500),
        reach=10_000,
        controls=0,
        device="cpu",
    )
    row = pd.read_parquet(files.effects).set_index("gene_id").loc[gene["gene_id"]]
    stored = np.load(small.folders.arrays("landscape", "test") / f"{gene['gene_id']}_forward.npy")
    profile = predict_arrays(
        load_model(run, device="cpu"), landscape=stored.reshape(1, 2, 2001)[..., 750:1251]
    )
    # Bins 0 and 1 of 9: the fifth and the sixth.
    assert row["baseline"] == pytest.approx(np.maximum(profile[0, 0, 4:6], 0).mean(), rel=1e-4)

    options = {"compare": 2, "steps": 8, "block": 5000, "device": "cpu"}
    explained = attribute(run, bins=None, **options)
    shown = pd.read_parquet(explained.targets)
    assert set(shown["bin"].dropna()) == set(range(-4, 5))
