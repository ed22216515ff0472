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


@pytest.mark.parametrize("command", COMMANDS)
def test_a_torn_dataset_is_told(torn, monkeypatch, capsys, command):
    monkeypatch.chdir(torn)
    monkeypatch.setattr(sys, "argv", ["claster", *COMMANDS[command]])
    with pytest.raises(SystemExit) as left:
        cli.main()
    error = capsys.readouterr().err
    assert left.value.code == 1
    assert error.count("\n") == 1
    told = "no saved model" if command in NO_MODEL else "is torn|manifest.json is not a manifest"
    assert re.search(told, error)
