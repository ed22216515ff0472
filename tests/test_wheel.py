"""A wheel works outside a clone: configurations travel in it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The files of a wheel, as an installation lays them out."""
    uv = shutil.which("uv") or ROOT / ".tools" / "bin" / "uv"
    if not Path(uv).is_file():
        pytest.skip("no uv to build a wheel with")
    built, folder = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", built, ROOT], check=True)
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_claster(installed, folder, *arguments):
    code = "from claster.cli import main; main()"
    environment = os.environ | {"PYTHONPATH": str(installed), "MPLBACKEND": "Agg"}
    environment.pop("CLASTER_DATA", None)
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_dataset_of_the_wheel_is_copied_into_an_empty_project(installed, tmp_path):
    done = run_claster(installed, tmp_path, "simulate", "demo_tiny")
    assert done.returncode == 0, done.stderr
    yaml = Path("configurations/datasets/demo_tiny.yaml")
    assert (tmp_path / yaml).read_bytes() == (ROOT / yaml).read_bytes()
    assert (tmp_path / "inputs" / "source" / "demo_tiny" / "genes.gtf.gz").is_file()
    known = run_claster(installed, tmp_path, "data", "check", "nothing")
    assert known.returncode == 2
    assert "examples/mm10_chr11" in known.stderr


@pytest.mark.slow
def test_the_demo_runs_in_an_empty_folder(installed, tmp_path):
    done = run_claster(installed, tmp_path, "demo", "--size", "tiny", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/demo_tiny/profile-demo/evaluation/summary.json").is_file()
