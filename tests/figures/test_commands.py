"""The commands around figures, without a network."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from claster.cli import app
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.figures import make
from claster.figures.context import read_context
from claster.figures.make import draw_figures

RUN = CliRunner()


@pytest.fixture
def inside(context, monkeypatch):
    """Work in the project's folder, with paths that start there."""
    monkeypatch.chdir(context.spec.project)
    return Path("runs/demo_tiny/profile-a")


def test_list_names_the_commands(inside):
    done = RUN.invoke(app, ["figures", "--list", "--dataset", "demo_tiny", "--run", str(inside)])
    assert done.exit_code == 0
    lines = {line.split("\t")[0]: line for line in done.stdout.splitlines()}
    assert lines["F1a"].endswith("predictions of the test split\t")
    assert lines["S1"].endswith("claster train enformer_head --dataset demo_tiny")


def test_figures_and_receipt(inside, tmp_path):
    options = ["--dataset", "demo_tiny", "--run", str(inside), "--to", str(tmp_path)]
    done = RUN.invoke(app, ["figures", "R2", "--columns", "1", *options])
    assert done.stdout.endswith(f"1 figures: {tmp_path}\n")
    assert (tmp_path / "R2.1col.svg").is_file()
    assert not (tmp_path / "R2.2col.svg").exists()
    done = RUN.invoke(app, ["receipt", "R2", *options])
    assert (
        "made by: claster figures R2 --dataset demo_tiny --run runs/demo_tiny/profile-a"
        in done.stdout
    )
    assert done.stdout.endswith("the table that was there is the same\n")


def test_experiments_are_listed(inside):
    done = RUN.invoke(app, ["experiment"])
    assert done.exit_code == 0
    assert "chr19_held_out\tmesc\tpure_conv" in done.stdout


def test_runs_are_found_and_checked(inside, context):
    found = read_context("demo_tiny")
    assert [run.path.name for run in found.runs] == ["profile-a", "profile-b"]
    assert [run.path.name for run in found.sequence_runs] == ["enformer_head"]
    with pytest.raises(ClasterError, match="was trained on 'demo_tiny', not on 'toy'"):
        read_context("toy", [inside])
    with pytest.raises(ClasterError, match="claster train pure_conv --dataset toy"):
        read_context("toy").run  # noqa: B018


def test_a_run_of_a_part_of_the_target_draws_no_figure(inside, context):
    part = RunFolder(inside.parent / "proximal")
    shutil.copytree(RunFolder(inside).configurations, part.configurations)
    record = json.loads(RunFolder(inside).record.read_text())
    record["trained_on"]["target"]["bins"] = 9
    part.record.write_text(json.dumps(record))
    try:
        assert [run.path.name for run in read_context("demo_tiny").runs] == [
            "profile-a",
            "profile-b",
        ]
        with pytest.raises(ClasterError, match="proximal predicts 392 bins of the target less"):
            read_context("demo_tiny", [part.path])
    finally:
        shutil.rmtree(part.path)


def test_all_figures_of_a_simulated_genome_get_a_run_with_contacts(context, monkeypatch, tmp_path):
    asked = []

    def train(flavour, spec, **options):
        asked.append((flavour, options["tag"]))
        return context.runs[1]

    monkeypatch.setattr(make, "train", train)
    monkeypatch.setattr(make, "_FIGURES", {"F3b": make._FIGURES["F3b"]})
    alone = replace(context, runs=context.runs[:1])
    assert draw_figures(alone, to=tmp_path, columns=[1]).missing["F3b"]
    assert not draw_figures(alone, to=tmp_path, columns=[1], make=True).missing
    assert asked == [("profile_microc", "figures")]
