import importlib
import json

import numpy as np
import pandas as pd
import pytest
import torch

from claster.dataset.layout import DatasetFolders, read_ids
from claster.dataset.targets import mirror_targets
from claster.eir.arrays import narrowed
from claster.eir.predict import predict
from claster.eir.runs import read_predictions, read_run
from claster.errors import ClasterError
from claster.sequence.windows import extract_windows

NAME = "hyenadna_small_32k"
QUICK = {"epochs": 2, "batch_size": 4, "accumulate": 2}


@pytest.fixture
def parts():
    """The module that holds what Lightning trains, whose imports take 5 s."""
    return importlib.import_module("claster.sequence.fit")


@pytest.fixture
def tune(spec, tmp_path, weights):
    """Return a function that fine-tunes the tiny HyenaDNA on the small dataset."""

    from claster.sequence.finetune import finetune

    def run(**options):
        return finetune(
            spec,
            NAME,
            dataset_yaml=str(tmp_path / "configurations/datasets/small.yaml"),
            weights=weights(NAME),
            trust_remote_code=True,
            device="cpu",
            **QUICK | options,
        )

    return run


def test_run_holds_record_history_and_predictions(tune, spec, tmp_path):
    run = tune(tag="x")
    assert run.path == tmp_path / "runs/small/hyenadna_small_32k_finetuned-x"
    record = read_run(run.path)
    assert (record.status, record.flavour) == ("complete", f"{NAME}_finetuned")
    assert (record.batch_size, record.steps) == (8, 6)
    assert record.trained_on.target.bins == 5  # 40 bins of 128 bp cover 5 of 1 kb
    history = pd.read_csv(run.history)
    assert history.columns.tolist() == ["split", "step", "loss", "performance"]
    assert history["step"].tolist() == [3, 6, 3, 6]
    assert record.performance == pytest.approx(-history.query("split == 'valid'")["loss"].min())
    folders = DatasetFolders.of(spec)
    table = read_predictions(run, "test")
    assert table.index.tolist() == read_ids(folders, "test")
    assert table.columns.tolist() == [f"{k}_ctrl" for k in range(-2, 3)]
    assert (table.to_numpy() >= 0).all()
    np.testing.assert_array_equal(
        table.loc["test3_rev"].to_numpy(), table.loc["test3_forward"].to_numpy()[::-1]
    )
    with pytest.raises(ClasterError, match="its fine-tuning has predicted"):
        predict(run)
    assert read_predictions(run, "valid").index.tolist() == read_ids(folders, "valid")


@pytest.mark.slow
def test_resumed_training_goes_on_after_the_last_whole_epoch(tune, monkeypatch, parts):
    whole = tune(epochs=3, tag="whole")

    real, calls = parts.TunedModel.validation_step, []

    def killed(self, batch):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("killed")
        return real(self, batch)

    monkeypatch.setattr(parts.TunedModel, "validation_step", killed)
    with pytest.raises(RuntimeError, match="killed"):
        tune(epochs=3, tag="parts")
    monkeypatch.undo()
    assert read_run(whole.path.with_name(f"{NAME}_finetuned-parts")).status == "interrupted"
    parts = tune(epochs=3, tag="parts", resume=True)
    histories = [pd.read_csv(run.history) for run in (whole, parts)]
    assert histories[0]["step"].tolist() == histories[1]["step"].tolist()
    assert histories[1].query("step == 3").equals(histories[0].query("step == 3"))
    assert read_run(parts.path).status == "complete"


def test_what_is_there_gives_way_when_told_to(tune):
    run = tune()
    with pytest.raises(ClasterError, match=r"exists already.*resume=True"):
        tune()
    before = read_run(run.path)
    assert tune(resume=True) == run
    assert read_run(run.path) == before
    with pytest.raises(ClasterError, match="was started with another lr"):
        tune(lr=1e-3, resume=True)
    tune(force=True)
    assert read_run(run.path).started >= before.started
    assert json.loads((run.path / "finetune.json").read_text())["bins"] == 5


def test_training_that_bursts_says_so(tune, monkeypatch, parts):
    monkeypatch.setattr(
        parts.TunedModel, "_loss", lambda self, _: self.head.last.bias.sum() * np.nan
    )
    with pytest.raises(ClasterError, match=r"the validation loss of .* is not finite"):
        tune()


def test_samples_pair_sequences_with_targets(spec, tmp_path, weights, parts):
    from claster.sequence.models import MODELS

    trunk = MODELS[NAME].load(weights(NAME), trust_remote_code=True)
    windows = extract_windows(spec, length=trunk.geometry.length)
    part = narrowed(spec, 5)
    folders = DatasetFolders.of(spec)
    ids, targets = parts._read_stored_targets(folders, part, "train")
    samples = parts._SequenceSamples(trunk, windows, ids, targets)
    ahead, back = ids.index("train3_forward"), ids.index("train3_rev")
    complement = {7: 10, 8: 9, 9: 8, 10: 7, 11: 11}
    forward, rev = samples[ahead][0].tolist(), samples[back][0].tolist()
    assert rev == [complement[token] for token in reversed(forward)]
    assert torch.equal(samples[back][1], samples[ahead][1].flip(-1))
    table = pd.read_csv(folders.target_table("train"), index_col="ID")
    wanted = table.loc["train3_rev", [f"{k}_ctrl" for k in range(-2, 3)]]
    np.testing.assert_allclose(samples[back][1][0], wanted, rtol=1e-6)
    turned = mirror_targets(part.require_target(), targets[[ahead]])
    np.testing.assert_allclose(targets[[back]], turned)


def test_scale_goes_there_and_back(spec, parts):
    stored = np.random.default_rng(0).gamma(2, 1, (7, 2, 5)).astype(np.float32)
    stored[:, 1] *= 10
    scale = parts._TargetScale.of(stored)
    scaled = scale.scaled(stored)
    np.testing.assert_allclose(scaled.mean(axis=(0, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=(0, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(scale.signal(scaled, spec), np.expm1(stored), rtol=1e-4)


def test_head_keeps_positions(parts):
    """A position of the embedding reaches the target bins around its own only."""
    head = parts.ProfileHead(6, torch.eye(31), 2).eval()
    embedding = torch.randn(1, 6, 31)
    changed = embedding.clone()
    changed[0, 2, 20] += 1
    with torch.no_grad():
        moved = (head(changed) - head(embedding)).abs()[0].amax(dim=0) > 1e-6
    assert moved.nonzero().flatten().tolist() == list(range(16, 25))
