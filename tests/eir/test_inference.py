"""Predictions in memory: against eirpredict, for any batch, with gradients, and with bad input."""

import json
import shutil
import warnings

import matplotlib as mpl
import numpy as np
import pytest
import torch
import yaml

from claster.eir import inference
from claster.eir.export import export_run
from claster.eir.first_layer import FirstLayer, cut_network
from claster.eir.inference import load_model, predict_arrays, predict_tensors, predict_windows
from claster.eir.runs import RunFolder, best_checkpoint, read_run
from claster.eir.trained_programs import predict_by_program
from claster.eir.yaml_files import OUTPUT_NAME
from claster.errors import ClasterError


@pytest.fixture(scope="module")
def model(trained):
    style, shown = dict(mpl.rcParams), warnings.showwarning
    model = load_model(trained.run, device="cpu")
    assert dict(mpl.rcParams) == style
    assert warnings.showwarning is shown
    return model


@pytest.fixture(scope="module")
def ids(trained):
    return trained.small.folders.ids("test").read_text().split()


@pytest.fixture(scope="module")
def landscape(trained, ids):
    folder = trained.small.folders.arrays("landscape", "test")
    return np.stack([np.load(folder / f"{name}.npy") for name in ids])


@pytest.mark.slow
@pytest.mark.parametrize("exported", [False, True])
def test_same_as_eirpredict(trained, model, ids, landscape, exported, tmp_path):
    run = RunFolder(export_run(trained.run, tmp_path / "model")) if exported else trained.run
    kept = sorted(run.eir.rglob("*"))
    table = predict_by_program(
        run,
        read_run(trained.run.path),
        trained.small.spec,
        "test",
        ids=ids,
        device="cpu",
        progress=inference.SILENT,
    )
    assert sorted(run.eir.rglob("*")) == kept
    predicted = predict_arrays(model, landscape=landscape)
    assert (predicted.shape, predicted.dtype) == ((12, 1, 41), np.float32)
    np.testing.assert_allclose(predicted[:, 0], table, rtol=1e-5, atol=1e-6)
    assert np.ptp(predicted) > 0.1


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_any_batch_gives_the_same(model, landscape, batch_size):
    whole = predict_arrays(model, landscape=landscape)
    part = predict_arrays(model, landscape=landscape[:, :, None, :], batch_size=batch_size)
    np.testing.assert_allclose(part, whole, rtol=1e-5, atol=1e-6)


def test_windows_are_taken_as_they_are_needed(model, landscape):
    taken = []

    def windows():
        for number, array in enumerate(landscape):
            taken.append(number)
            yield {"landscape": array}

    profiles = predict_windows(model, windows(), batch_size=4)
    first = next(profiles)
    assert taken == [0, 1, 2, 3]
    rest = list(profiles)
    np.testing.assert_allclose(
        [first, *rest], predict_arrays(model, landscape=landscape), rtol=1e-5, atol=1e-6
    )


def test_edits_of_a_window_are_predicted_as_if_alone(model, landscape, monkeypatch):
    rng = np.random.default_rng(3)
    bins = landscape.shape[-1]
    windows = []
    for whole in landscape[:3]:
        windows += [whole, whole]
        for first, width in [(0, 1), (bins - 1, 1), (0, bins // 5), (bins // 2, 3), (0, bins)]:
            edited = whole.copy()
            edited[..., first : first + width] = rng.normal(size=(*whole.shape[:-1], width))
            windows.append(edited)
    alone = predict_arrays(model, landscape=np.stack(windows))
    seen = []
    real = FirstLayer.values
    monkeypatch.setattr(
        FirstLayer, "values", lambda self, given: seen.append(real(self, given)) or seen[-1]
    )
    for size in (1, 4, 64):
        profiles = predict_windows(
            model, ({"landscape": array} for array in windows), batch_size=size
        )
        np.testing.assert_allclose(list(profiles), alone, rtol=1e-6, atol=1e-6)
    assert any(first is not None for first in seen)
    assert any(first is None for first in seen)


def test_what_the_first_layer_gives(model, landscape):
    stored = torch.from_numpy(landscape[:4])
    cut = cut_network(model.network)
    with torch.no_grad():
        first = cut.first(stored)
        rest = inference.run_network(cut.after, {"landscape": first})
        whole = inference.run_network(model.network, {"landscape": stored})
        np.testing.assert_allclose(rest, whole, rtol=1e-6, atol=1e-6)
        middle = cut.first((stored[:2] + stored[2:]) / 2)
        np.testing.assert_allclose(middle, (first[:2] + first[2:]) / 2, rtol=1e-4, atol=1e-5)


def scarce(limit, error):
    """Return a `run_network` that fails above so many samples, and the sizes that it was asked for."""
    sizes = []
    real = inference.run_network

    def run(network, inputs):
        sizes.append(len(inputs["landscape"]))
        if sizes[-1] > limit:
            raise error
        return real(network, inputs)

    return run, sizes


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("[...] can't allocate memory")],
)
def test_batches_are_halved_until_memory_suffices(model, landscape, monkeypatch, error):
    whole = predict_arrays(model, landscape=landscape)
    run, sizes = scarce(3, error)
    monkeypatch.setattr(inference, "run_network", run)
    np.testing.assert_allclose(
        predict_arrays(model, landscape=landscape), whole, rtol=1e-5, atol=1e-6
    )
    assert sizes == [12, 6, 3, 3, 3, 3]
    sizes.clear()
    profiles = predict_windows(model, ({"landscape": array} for array in landscape), batch_size=6)
    np.testing.assert_allclose(list(profiles), whole, rtol=1e-5, atol=1e-6)
    assert sizes == [6, 3, 3, 3, 3]


def test_no_memory_at_all(model, landscape, monkeypatch):
    monkeypatch.setattr(inference, "run_network", scarce(0, torch.OutOfMemoryError("none"))[0])
    with pytest.raises(ClasterError, match="memory of cpu does not suffice to predict one sample"):
        predict_arrays(model, landscape=landscape)


def test_other_faults_of_the_network_are_not_hidden(model, landscape, monkeypatch):
    monkeypatch.setattr(inference, "run_network", scarce(0, RuntimeError("wrong shape"))[0])
    with pytest.raises(RuntimeError, match="wrong shape"):
        predict_arrays(model, landscape=landscape)


def test_gradient_is_the_slope(model, landscape):
    given = torch.from_numpy(landscape[:2]).requires_grad_()
    predicted = predict_tensors(model, landscape=given)
    assert predicted.shape == (2, 1, 41)
    predicted[1, 0, 20].backward()
    assert (given.grad[0] == 0).all()
    place = np.unravel_index(int(given.grad[1].abs().argmax()), landscape.shape[1:])
    step = 0.05
    moved = np.repeat(landscape[1:2], 2, axis=0)
    moved[:, *place] += [step, -step]
    up, down = predict_arrays(model, landscape=moved)[:, 0, 20]
    assert given.grad[1, *place].item() == pytest.approx((up - down) / (2 * step), rel=0.05)


def copied(trained, tmp_path, **changes):
    """Copy the run, with another record."""
    run = RunFolder(shutil.copytree(trained.run.path, tmp_path / "run"))
    record = json.loads(run.record.read_text()) | changes
    run.record.write_text(json.dumps(record))
    return run


def test_transform_of_the_target_is_undone(trained, model, landscape, tmp_path):
    spec = json.loads(trained.run.record.read_text())["trained_on"]
    stored = predict_arrays(model, landscape=landscape)
    backs = {
        "sqrt": lambda x: x * np.abs(x),
        "log1p": np.expm1,
        "log1p_10x": lambda x: np.expm1(x) / 10,
        "asinh": np.sinh,
    }
    for transform, back in backs.items():
        changed = spec | {"target": spec["target"] | {"transform": transform}}
        run = copied(trained, tmp_path / transform, trained_on=changed)
        other = load_model(run, device="cpu")
        np.testing.assert_allclose(
            predict_arrays(other, landscape=landscape), back(stored), rtol=1e-5, atol=1e-6
        )
        tensor = torch.from_numpy(landscape)
        np.testing.assert_allclose(
            predict_tensors(other, landscape=tensor, scale="stored"), stored, rtol=1e-5, atol=1e-6
        )


def test_scale_of_a_run_goes_before_that_of_the_target(trained, model, landscape, tmp_path):
    stored = predict_arrays(model, landscape=landscape)
    other = load_model(copied(trained, tmp_path, transform="log1p"), device="cpu")
    np.testing.assert_allclose(
        predict_arrays(other, landscape=landscape), np.expm1(stored), rtol=1e-5, atol=1e-6
    )
    exported = load_model(export_run(RunFolder(other.run), tmp_path / "model"), device="cpu")
    assert exported.target.transform == "log1p"


def test_model_of_a_gpu_predicts_on_a_cpu(trained, model, landscape, tmp_path):
    run = copied(trained, tmp_path, device="cuda")
    for folder in ("configs", "serializations/configs_stripped"):
        path = run.eir / folder / "global_config.yaml"
        settings = yaml.safe_load(path.read_text())
        settings["accelerator"] |= {"hardware": "cuda", "precision": "bf16-mixed"}
        settings["basic_experiment"] |= {"device": "cuda:0"}
        settings["model"] |= {"compile_model": True}
        path.write_text(yaml.safe_dump(settings))
    checkpoint, _ = best_checkpoint(run)
    weights = torch.load(checkpoint, weights_only=True)
    torch.save({f"_orig_mod.{name}": value for name, value in weights.items()}, checkpoint)
    other = load_model(run, device="cpu")
    np.testing.assert_array_equal(
        predict_arrays(other, landscape=landscape), predict_arrays(model, landscape=landscape)
    )


def test_damaged_weights(trained, tmp_path):
    run = copied(trained, tmp_path)
    checkpoint, _ = best_checkpoint(run)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(ClasterError, match="cannot be read as weights"):
        load_model(run, device="cpu")


@pytest.mark.parametrize("content", [None, "basic_experiment: ["])
def test_damaged_configurations(trained, tmp_path, content):
    run = copied(trained, tmp_path)
    path = run.eir / "serializations" / "configs_stripped" / "global_config.yaml"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(ClasterError, match=r"EIR cannot build the network of .*serializations"):
        load_model(run, device="cpu")


def test_weights_of_another_network(trained, tmp_path):
    run = copied(trained, tmp_path)
    checkpoint, _ = best_checkpoint(run)
    weights = torch.load(checkpoint, weights_only=True)
    weights.popitem()
    torch.save(weights, checkpoint)
    with pytest.raises(ClasterError, match="does not fit the network") as raised:
        load_model(run, device="cpu")
    assert "\n" not in str(raised.value)


def test_other_target_than_trained_on(trained, tmp_path):
    spec = json.loads(trained.run.record.read_text())["trained_on"]
    changed = spec | {"target": spec["target"] | {"bins": 39}}
    with pytest.raises(ClasterError, match="predicts 41 values that are not the 39 target columns"):
        load_model(copied(trained, tmp_path, trained_on=changed), device="cpu")


def test_folder_without_a_model(trained, tmp_path):
    run = copied(trained, tmp_path)
    shutil.rmtree(run.eir / "serializations")
    with pytest.raises(ClasterError, match="no configurations that EIR can load"):
        load_model(run, device="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {}, "takes landscape, given: nothing"),
        (lambda x: {"landscape": x, "contacts": x}, "given: landscape, contacts"),
        (
            lambda x: {"landscape": x[..., 1:]},
            r"shape \(2, 1, 2000\) where the network takes \(2, 1, 2001\)",
        ),
        (lambda x: {"landscape": x.transpose(0, 3, 1, 2)}, r"shape \(2001, 2, 1\)"),
    ],
)
def test_arrays_that_do_not_fit(model, landscape, change, message):
    with pytest.raises(ClasterError, match=message):
        predict_arrays(model, **change(landscape))


def test_array_with_a_hole(model, landscape):
    broken = landscape.copy()
    broken[7, 0, 0, 1000] = np.nan
    with pytest.raises(ClasterError, match="sample 7 is predicted values that are not finite"):
        predict_arrays(model, landscape=broken, batch_size=3)


def test_windows_of_different_shapes(model, landscape):
    windows = [{"landscape": landscape[0]}, {"landscape": landscape[1][..., 1:]}]
    with pytest.raises(
        ClasterError, match=r"windows differ in landscape: \(2, 1, 2000\), \(2, 1, 2001\)"
    ):
        list(predict_windows(model, windows))


def test_name_of_the_output_is_ours(model):
    assert model.network.output_name == OUTPUT_NAME
