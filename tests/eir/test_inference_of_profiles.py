"""A position-preserving network in memory: against what EIR itself writes for its array output."""

import numpy as np
import pytest
import torch
import yaml

from claster.eir.inference import load_model, predict_arrays, predict_tensors
from claster.eir.predict import predict
from claster.eir.program import run_program
from claster.eir.runs import best_checkpoint
from claster.errors import ClasterError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(profile_run):
    return load_model(profile_run.run, device="cpu")


@pytest.fixture(scope="module")
def by_eir(profile_run, tmp_path_factory):
    """Inputs and profiles that `eirpredict` writes: numbered, without sample names."""
    run, project = profile_run.run, profile_run.small.project
    folder = tmp_path_factory.mktemp("by_eir")
    changes = {
        "globals.yaml": ("basic_experiment", {"memory_dataset": False}),
        "input_landscape.yaml": ("input_info", {}),
        "fusion.yaml": ("model_config", {}),
        "output.yaml": ("sampling_config", {"n_eval_inputs": 7}),
    }
    command = ["eirpredict"]
    for name, (section, settings) in changes.items():
        content = yaml.safe_load((run.configurations / name).read_text())
        content[section] = content.get(section, {}) | settings
        (folder / name).write_text(yaml.safe_dump(content))
        kind = name.partition(".")[0].partition("_")[0]
        command += [f"--{kind.removesuffix('s')}_configs", str(folder / name)]
    checkpoint, _ = best_checkpoint(run)
    command += ["--model_path", str(checkpoint.absolute()), "--output_folder", str(folder / "out")]
    log = folder / "log"
    status = run_program(command, cwd=project, log=log, variables={}, watch=lambda: None)
    assert status == 0, log.read_text()[-3000:]
    generated = sorted(folder.rglob("*_generated.npy"))
    assert len(generated) == 7
    inputs = [
        next((path.parent / path.name.replace("_generated.npy", "_inputs")).rglob("*.npy"))
        for path in generated
    ]
    return [np.load(path) for path in inputs], [np.load(path) for path in generated]


def test_same_as_eir_writes(model, by_eir):
    inputs, profiles = by_eir
    predicted = predict_arrays(model, landscape=np.stack(inputs))
    assert predicted.shape == (7, 1, 41)
    np.testing.assert_allclose(predicted, np.stack(profiles)[:, :, 0], rtol=1e-5, atol=1e-5)
    assert np.ptp(predicted) > 0.1


def test_either_layout_and_any_batch(model, profile_run):
    folder = profile_run.small.project / "profile" / "landscape" / "train_valid"
    arrays = np.stack([np.load(path) for path in sorted(folder.iterdir())[:6]])
    whole = predict_arrays(model, landscape=arrays)
    flat = predict_arrays(model, landscape=arrays[:, :, 0], batch_size=4)
    np.testing.assert_allclose(flat, whole, rtol=1e-5, atol=1e-5)


def test_profiles_have_gradients(model):
    given = torch.ones(1, 2, 1, 2001, requires_grad=True)
    predict_tensors(model, landscape=given)[0, 0, 20].backward()
    assert given.grad.abs().max() > 0


def test_table_of_profiles(profile_run, monkeypatch):
    monkeypatch.chdir(profile_run.small.project)
    path = predict(profile_run.run, device="cpu")
    assert len(list(path.parent.glob("*.bw"))) == 3
    with pytest.raises(ClasterError, match="predicts arrays, which eirpredict writes without"):
        predict(profile_run.run, through="eirpredict", device="cpu")
