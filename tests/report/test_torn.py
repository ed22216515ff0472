"""Every command that reads a built dataset tells in one line that it is torn, or its manifest cut off."""

import re
import shutil
import sys

import pytest

from claster import cli
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import load_dataset

RUN = "runs/small/toy-made"
COMMANDS = {
    "predict": ("predict", RUN),
    "evaluate": ("evaluate", RUN),
    "intervals": ("intervals", RUN),
    "perturb": ("perturb", RUN, "--elements", "elements.bed", "--verb", "silence"),
    "attribute": ("attribute", RUN),
    "validate": ("validate", RUN),
    "crispr": ("crispr", RUN, "--pairs", "pairs.tsv"),
    "treat": ("treat", RUN, "--treated", "small"),
    "reach of a run": ("reach", RUN),
    "report": ("report", RUN),
    "browse": ("browse", RUN, "--no-open"),
    "train": ("train", "toy", "--dataset", "small"),
    "explain": ("explain", "G1", "--dataset", "small"),
    "reach": ("reach", "small"),
}
NO_MODEL = {"attribute"}
"""Commands that look for the model first, which this run lacks."""


@pytest.fixture(scope="module", params=["other targets", "cut manifest"])
def torn(request, made, tmp_path_factory):
    """A project with a run, its dataset spoilt."""
    project = tmp_path_factory.mktemp("torn") / "project"
    shutil.copytree(made.project, project, symlinks=True)
    folders = DatasetFolders.of(load_dataset("small", project=project))
    if request.param == "cut manifest":
        folders.manifest.write_text(folders.manifest.read_text()[:80])
    else:
        (folders.targets / "checksums.sha256").write_text("of another build\n")
    return project


def spoil_record(run):
    (run / "run.json").write_text('{"name": "toy-m')


def spoil_record_kind(run):
    (run / "run.json").write_text("[]")


def spoil_record_bytes(run):
    (run / "run.json").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))


def spoil_record_folder(run):
    (run / "run.json").unlink()
    (run / "run.json").mkdir()


@pytest.fixture(
    scope="module",
    params=[spoil_record, spoil_record_kind, spoil_record_bytes, spoil_record_folder],
)
def spoilt_run(request, made, tmp_path_factory):
    """A project whose dataset is whole, its run's record spoilt."""
    project = tmp_path_factory.mktemp("spoilt") / "project"
    shutil.copytree(made.project, project, symlinks=True)
    request.param(project / RUN)
    return project


@pytest.fixture
def line_of(monkeypatch, capsys):
    """Return the one line with which a command fails in a project."""

    def run(project, command):
        monkeypatch.chdir(project)
        monkeypatch.setattr(sys, "argv", ["claster", *COMMANDS[command]])
        with pytest.raises(SystemExit) as left:
            cli.main()
        error = capsys.readouterr().err
        assert left.value.code == 1
        assert error.count("\n") == 1
        return error

    return run


@pytest.mark.parametrize("command", [name for name, words in COMMANDS.items() if RUN in words])
def test_a_spoilt_record_of_a_run_is_told(spoilt_run, line_of, command):
    assert "run.json" in line_of(spoilt_run, command)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_torn_dataset_is_told(torn, line_of, command):
    told = "no saved model" if command in NO_MODEL else "is torn|manifest.json is not a manifest"
    assert re.search(told, line_of(torn, command))
