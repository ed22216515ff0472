"""The workflow does what the commands do by hand, ends the same when it is killed, and speaks to Slurm."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import yaml

from claster.files import sha256

PROJECT = Path(__file__).parents[1]
SNAKEFILE = PROJECT / "workflow/Snakefile"
SETTINGS = {
    "dataset": "demo_tiny",
    "sources": "simulate",
    "flavours": ["toy"],
    "seeds": [0],
    "epochs": 4,
    "device": "cpu",
    "plan": False,
    "screen": {"name": "few", "shards": 2, "options": "--elements few.bed --verb silence"},
}

ONE_BY_ONE = """
import sys
from claster.cli import app
for line in sys.argv[1:]:
    app(line.split(), standalone_mode=False)
"""

pytest.importorskip("snakemake")


@pytest.fixture
def project(tmp_path):
    """Return a function: a folder with the tiny dataset, settings and some elements."""

    def make(name="project", **settings):
        folder = tmp_path / name
        shutil.copytree(PROJECT / "configurations/datasets", folder / "configurations/datasets")
        (folder / "config").mkdir()
        (folder / "config/config.yaml").write_text(yaml.safe_dump(SETTINGS | settings))
        (folder / "few.bed").write_text("chr3\t900000\t901000\ta\nchr3\t1400000\t1401000\tb\n")
        return folder

    return make


def environment(folder):
    """Return what a command runs in: the package under test, sources below the folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    data = {"CLASTER_DATA": str(folder / "source"), "OMP_NUM_THREADS": "1"}
    return os.environ | data | {"PATH": path, "PYTHONPATH": str(PROJECT)}


def snakemake(folder, *arguments, profile="default"):
    profiles = ["--workflow-profile", str(PROJECT / "workflow/profiles" / profile)]
    words = ["snakemake", "-s", str(SNAKEFILE), *profiles, *arguments]
    return [sys.executable, "-m", *words], {"cwd": folder, "env": environment(folder), "text": True}


def run(folder, *arguments, **options):
    words, how = snakemake(folder, *arguments, **options)
    return subprocess.run(words, **how, capture_output=True, check=False)


def made(folder):
    """Return the hash of each table of numbers below a folder."""
    files = [*folder.glob("inputs/**/*.npy"), *folder.glob("targets/**/*.csv")]
    files += [*folder.glob("runs/**/*.parquet"), *folder.glob("runs/**/scores.csv")]
    return {str(path.relative_to(folder)): sha256(path) for path in files}


@pytest.mark.slow
def test_killed_and_started_again_it_makes_the_bytes_of_the_commands_by_hand(project):
    folder = project()
    words, how = snakemake(folder, "--cores", "2")
    first = subprocess.Popen(
        words, **how, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    record = folder / "runs/demo_tiny/toy-seed0/run.json"
    deadline = time.monotonic() + 400
    while not record.is_file() and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    assert record.is_file()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    run(folder, "--unlock")
    again = run(folder, "--cores", "2")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "claster data build" not in again.stderr  # it was done
    assert (folder / "runs/demo_tiny/toy-seed0/report.html").is_file()

    hand = project("hand")
    shutil.copytree(folder / "source", hand / "source")
    subject = "runs/demo_tiny/toy-seed0"
    lines = (
        "data build demo_tiny",
        "train toy --dataset demo_tiny --seed 0 --tag seed0 --epochs 4 --device cpu",
        f"predict {subject} --device cpu",
        f"evaluate {subject}",
        f"perturb {subject} --name few --elements few.bed --verb silence --device cpu",
    )
    both_cores = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "2")  # as Snakemake says
    how = {"cwd": hand, "env": environment(hand) | both_cores}
    subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, *lines], **how, check=True, capture_output=True
    )
    assert made(folder) == made(hand)


@pytest.mark.slow
def test_folds_seeds_and_figures_of_the_paper_are_planned(project):
    folder = project(folds=4, seeds=[1, 2], figures=True, attribute={"name": "a", "options": ""})
    planned = run(
        folder, "-n", "--config", "dataset=mesc", "sources=download", "flavours=[pure_conv]"
    )
    assert planned.returncode == 0, planned.stderr
    counts = {
        words[0]: int(words[1])
        for line in (planned.stdout + planned.stderr).splitlines()
        if len(words := line.split()) == 2 and words[1].isdigit()
    }
    expected = {"sources": 1, "check": 1, "build": 4, "train": 8, "predict": 8, "ensemble": 4}
    expected |= {"evaluate": 4, "folds": 1, "shard": 8, "screen": 4, "attribute": 4}
    assert counts | expected | {"report_run": 4, "figures": 1} == counts
    assert "claster data build mesc@3of4" in planned.stdout + planned.stderr


@pytest.mark.slow
def test_every_job_of_the_papers_figures_is_listed_with_its_cost(project):
    """`claster plan` is asked once, and half as much again is reserved."""
    folder = project(plan=True)
    step = {"flavour": "pure_conv", "high": 6000.0, "memory": 2e9, "disk": 1e9}
    told = {"steps": [step | {"step": name} for name in ("train", "screen")]}
    stand_in = folder / "bin" / "claster"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\necho \"$@\" >> asked\necho '{json.dumps(told)}'\n")
    stand_in.chmod(0o755)
    words, how = snakemake(
        folder, "figures", "-n", "--config", "dataset=mesc", "flavours=[pure_conv]"
    )
    how["env"] |= {"PATH": f"{stand_in.parent}{os.pathsep}{how['env']['PATH']}"}
    planned = subprocess.run(words, **how, capture_output=True, check=False)
    said = planned.stdout + planned.stderr
    assert planned.returncode == 0, said
    asked = (folder / "asked").read_text().splitlines()
    assert asked == ["plan mesc --json --device cpu --epochs 4 --flavour=pure_conv"]
    of = {
        rule.partition(":")[0]: dict(re.findall(r"(mem_mb|runtime|disk_mb)=(\d+)", rule))
        for rule in said.split("\nrule ")[1:]
    }
    assert of["train"] == {"mem_mb": "3000", "runtime": "155", "disk_mb": "1600"}
    assert of["shard"] == {"mem_mb": "3000", "runtime": "80", "disk_mb": "1600"}  # of two
    assert of["build"] == {"mem_mb": "16000", "runtime": "120", "disk_mb": "100000"}
    assert all(len(costs) == 3 for costs in of.values())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"fold": 3}, "fold"),
        ({"folds": 2}, "2 should not be valid"),
        ({"flavours": ["toy; rm -rf x"]}, "does not match"),
        ({"dataset": "../x"}, "does not match"),
    ],
)
def test_settings_that_nothing_reads_are_refused(settings, said):
    jsonschema = pytest.importorskip("jsonschema")
    schema = yaml.safe_load((PROJECT / "workflow/schemas/config.schema.yaml").read_text())
    jsonschema.validate(SETTINGS, schema)
    jsonschema.validate(yaml.safe_load((PROJECT / "config/config.yaml").read_text()), schema)
    with pytest.raises(jsonschema.ValidationError, match=said):
        jsonschema.validate(SETTINGS | settings, schema)


STAND_INS = {
    "sbatch": """
        echo "$*" >> "$SLURM_STAND_IN/asked"
        id=$(wc -l < "$SLURM_STAND_IN/asked")
        for word; do case "$word" in --wrap=*) job=${word#--wrap=} ;; esac; done
        if SLURM_JOB_ID=$id bash -c "$job" > "$SLURM_STAND_IN/$id.log" 2>&1
        then state=COMPLETED; else state=FAILED; fi
        echo "$id|$state" >> "$SLURM_STAND_IN/ended"
        echo "$id"
        """,
    "srun": """
        while case "$1" in -*) true ;; *) false ;; esac; do shift; done
        exec "$@"
        """,
    "sacct": 'cat "$SLURM_STAND_IN/ended"',
    "sacctmgr": "echo lab",
    "sinfo": "exit 0",
}
"""A cluster of one node, whose queue is never longer than a job."""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Put programs named as Slurm's on PATH; return the folder where they note what they were asked."""
    noted = tmp_path / "slurm"
    noted.mkdir()
    for name, lines in STAND_INS.items():
        program = noted / name
        program.write_text("#!/usr/bin/env bash\n" + textwrap.dedent(lines).strip() + "\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(noted), prepend=os.pathsep)
    monkeypatch.setenv("SLURM_STAND_IN", str(noted))
    return noted


@pytest.mark.slow
def test_jobs_go_through_slurm_with_what_they_need(project, slurm):
    folder = project()
    options = [
        "--default-resources",
        "slurm_account=lab",
        "slurm_partition=short",
    ]
    planned = run(folder, "-n", profile="slurm")
    assert planned.returncode == 0, planned.stderr
    assert "gpu=1" in planned.stdout + planned.stderr
    done = run(
        folder,
        "sources",
        *options,
        "--slurm-init-seconds-before-status-checks",
        "1",
        profile="slurm",
    )
    assert done.returncode == 0, done.stderr + "".join(p.read_text() for p in slurm.glob("*.log"))
    assert (folder / "runs/demo_tiny/workflow/sources.done").is_file()
    asked = (slurm / "asked").read_text()
    assert "--mem 8000" in asked
    assert "-t 720" in asked
    assert (slurm / "ended").read_text() == "1|COMPLETED\n"
