"""EIR's server: its command line, and the documentation's client against it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import requests
import torch

import claster
from claster.dataset.manifest import write_checksums
from claster.eir.export import export_run
from claster.eir.inference import load_model, predict_arrays
from claster.eir.runs import RunFolder, best_checkpoint, read_run, write_run
from claster.eir.trained_programs import describe_inputs, program_checkpoint, serve_command
from claster.errors import ClasterError
from claster.files import write_text

ROOT = Path(claster.__file__).parents[1]


def test_only_this_machine_reaches_the_server(trained):
    checkpoint, _ = best_checkpoint(trained.run)
    assert serve_command(trained.run, device="cpu") == [
        "eirserve",
        "--model-path",
        str(checkpoint),
        "--host",
        "127.0.0.1",
        "--port",
        "8000",
        "--device",
        "cpu",
    ]


def test_a_port_that_is_taken(trained):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ClasterError, match=f"127.0.0.1, port {port}: Address already in use"):
            serve_command(trained.run, port=port, device="cpu")


@pytest.mark.slow
def test_checkpoint_of_exported_weights_goes_with_the_process(trained, tmp_path):
    out = export_run(trained.run, tmp_path / "model")
    code = (
        "import sys; from claster.eir.trained_programs import serve_command;"
        f"print(serve_command({str(out)!r}, device='cpu')[2], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        checkpoint = Path(process.stdout.readline().strip())
        written = torch.load(checkpoint, weights_only=True)
        assert (checkpoint.parents[1] / "serializations").is_dir()
        process.kill()
    own = torch.load(best_checkpoint(trained.run)[0], weights_only=True)
    assert written.keys() == own.keys()
    assert all(torch.equal(written[name], own[name]) for name in own)
    end = time.monotonic() + 10
    while checkpoint.parents[1].exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_damaged_weights(trained, tmp_path):
    run = RunFolder(export_run(trained.run, tmp_path / "model"))
    run.exported_weights.write_bytes(run.exported_weights.read_bytes()[:-100])
    write_checksums(run.path)
    with pytest.raises(ClasterError, match=r"model.safetensors cannot be read as weights"):
        program_checkpoint(run, tmp_path / "scratch")


def test_what_is_fine_tuned_is_no_model_of_eir(trained, tmp_path):
    run = RunFolder(shutil.copytree(trained.run.path, tmp_path / "run"))
    command = ("claster", "sequence", "finetune")
    write_run(run, read_run(run.path).model_copy(update={"command": command}))
    with pytest.raises(ClasterError, match="holds no model of EIR"):
        serve_command(run)


def test_arrays_that_a_run_takes(trained, tmp_path):
    run = RunFolder(shutil.copytree(trained.run.path, tmp_path / "run"))
    assert describe_inputs(run) == [
        "landscape: 2 x 1 x 2,001 float32, as in inputs/small/landscape"
    ]
    path = run.configurations / "input_landscape.yaml"
    content = path.read_text().replace("/landscape/", "/view_landscape_411/")
    write_text(path, content)
    assert describe_inputs(run) == [
        "landscape: 2 x 1 x 411 float32, as in inputs/small/view_landscape_411"
    ]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(params=["table", "exported profile"])
def run(request, trained, tmp_path):
    """A run with a tabular output; an exported one that predicts arrays."""
    if request.param == "table":
        return trained.run
    profile_run = request.getfixturevalue("profile_run")
    return RunFolder(export_run(profile_run.run, tmp_path / "model"))


@pytest.mark.slow
def test_client_of_the_documentation(run, trained, tmp_path):
    text = (ROOT / "docs" / "predict.md").read_text(encoding="utf-8")
    (client,) = [
        block for block in re.findall(r"```python\n(.+?)```", text, re.DOTALL) if "def ask" in block
    ]
    names = {}
    exec(client, names)
    folder = trained.small.folders.arrays("landscape", "test")
    arrays = np.stack([np.load(path) for path in sorted(folder.glob("*_forward.npy"))[:3]])
    port = free_port()
    command = [sys.executable, "-c", "from claster.cli import main; main()", "serve"]
    command += [str(run.path), "--port", str(port), "--device", "cpu"]
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=trained.small.project,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        try:
            end = time.monotonic() + 240
            while "Uvicorn running" not in log.read_text():
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < end
                time.sleep(0.3)
            address = f"http://127.0.0.1:{port}"
            answered = names["ask"](address, landscape=arrays)
            known = requests.get(f"{address}/info", timeout=60).json()
            with pytest.raises(requests.HTTPError, match="500"):
                names["ask"](address, landscape=arrays[..., 1:])
        finally:
            server.terminate()
    assert log.read_text().startswith("landscape: 2 x 1 x 2,001 float32, as in ")
    assert known["inputs"]["landscape"]["shape"] == [2, 1, 2001]
    predicted = predict_arrays(load_model(run, device="cpu"), landscape=arrays)
    np.testing.assert_allclose(answered, predicted[:, 0], rtol=1e-5, atol=1e-5)
    assert np.ptp(predicted) > 0.1
