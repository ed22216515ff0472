"""A wheel works outside a clone, installed in an environment of its own: configurations travel in it."""

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The `claster` of a wheel in an environment of its own, which finds the dependencies in this one."""
    uv = shutil.which("uv") or ROOT / ".tools" / "bin" / "uv"
    if not Path(uv).is_file():
        pytest.skip("no uv to build a wheel with")
    built, folder = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("env") / "env"

    def call(*words):
        subprocess.run([uv, *map(str, words)], check=True)

    call("build", "--quiet", "--wheel", "--out-dir", built, ROOT)
    (wheel,) = built.glob("*.whl")
    call("venv", "--quiet", "--python", sys.executable, folder)
    call("pip", "install", "--quiet", "--offline", "--no-deps", "--python", folder, wheel)
    (packages,) = folder.glob("lib/python*/site-packages")
    # No network in tests: the dependencies are those of this environment, without the clone that it may hold.
    here = [Path(place) for place in site.getsitepackages()]
    (packages / "dependencies.pth").write_text("".join(f"{place}\n" for place in here))
    for program in Path(sys.executable).parent.glob("eir*"):
        (folder / "bin" / program.name).symlink_to(program)
    return folder / "bin" / "claster"


def run(program, folder, *arguments):
    """Run a program of the environment in a folder, as a person who has only that."""
    kept = {k: v for k, v in os.environ.items() if k not in ("CLASTER_DATA", "PYTHONPATH")}
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=kept | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_dataset_of_the_wheel_is_copied_into_an_empty_project(installed, tmp_path):
    code = "import claster; print(claster.__file__)"
    home = run(installed.with_name("python"), tmp_path, "-c", code).stdout
    assert Path(home).is_relative_to(installed.parent.parent)
    done = run(installed, tmp_path, "simulate", "demo_tiny")
    assert done.returncode == 0, done.stderr
    yaml = Path("configurations/datasets/demo_tiny.yaml")
    assert (tmp_path / yaml).read_bytes() == (ROOT / yaml).read_bytes()
    assert (tmp_path / "inputs" / "source" / "demo_tiny" / "genes.gtf.gz").is_file()
    known = run(installed, tmp_path, "data", "check", "nothing")
    assert known.returncode == 2
    assert "examples/mm10_chr11" in known.stderr


@pytest.mark.slow
def test_the_demo_runs_in_an_empty_folder(installed, tmp_path):
    done = run(installed, tmp_path, "demo", "--size", "tiny", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/demo_tiny/profile-demo/evaluation/summary.json").is_file()
