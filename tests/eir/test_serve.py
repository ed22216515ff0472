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

import claster
from claster.eir.inference import load_model, predict_arrays
from claster.eir.runs import RunFolder, best_checkpoint
from claster.eir.serve import serve_command
from claster.errors import ClasterError

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


def test_exported_weights_cannot_be_served(trained, tmp_path):
    run = RunFolder(shutil.copytree(trained.run.path, tmp_path / "run"))
    run.exported_weights.touch()
    with pytest.raises(ClasterError, match="serve the run that they were exported from"):
        serve_command(run)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.slow
def test_client_of_the_documentation(trained, tmp_path):
    text = (ROOT / "docs" / "predict.md").read_text(encoding="utf-8")
    (client,) = [
        block for block in re.findall(r"```python\n(.+?)```", text, re.DOTALL) if "def ask" in block
    ]
    names = {}
    exec(client, names)
    folder = trained.small.folders.arrays("landscape", "test")
    arrays = np.stack([np.load(path) for path in sorted(folder.iterdir())[:3]])
    port = free_port()
    command = [sys.executable, "-c", "from claster.cli import main; main()", "serve"]
    command += [str(trained.run.path), "--port", str(port), "--device", "cpu"]
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
            answered = names["ask"](arrays, server=address)
            shape = requests.get(f"{address}/info", timeout=60).json()["inputs"]["landscape"][
                "shape"
            ]
        finally:
            server.terminate()
    assert log.read_text().startswith("eirserve --model-path")
    assert shape == [2, 1, 2001]
    predicted = predict_arrays(load_model(trained.run, device="cpu"), landscape=arrays)
    columns = trained.small.spec.target.columns
    values = [[sample[column] for column in columns] for sample in answered]
    np.testing.assert_allclose(values, predicted[:, 0], rtol=1e-5, atol=1e-6)
