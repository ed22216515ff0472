"""A build that is killed between the two names at its end: nobody takes what it leaves for a dataset."""

import shutil
import subprocess
import sys

import pytest

from claster.dataset import build
from claster.dataset.build import build_dataset
from claster.dataset.chromosome_windows import find_donor
from claster.dataset.layout import DatasetFolders, read_genes_table, read_ids
from claster.dataset.manifest import require_manifest, verify_dataset
from claster.dataset.report import explain_gene, reasons_to_build
from claster.eir.trained_on import reference_scales
from claster.errors import ClasterError
from claster.files import replace_folder

TORN = r"is torn: targets.small is not of the same build as inputs.small: run 'claster data build small'"


def narrower(content):
    content["target"]["bins"] = 3


@pytest.fixture
def torn(edited, monkeypatch):
    """Targets of the new settings beside inputs of the old ones; the new dataset and its folders."""
    build_dataset(edited())

    def killed(final, whole):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "replace_folder", killed)
        with pytest.raises(KeyboardInterrupt):
            build_dataset(edited(narrower), force=True)
    spec = edited(narrower)
    return spec, DatasetFolders.of(spec)


READERS = {
    "genes": lambda _, folders: read_genes_table(folders),
    "samples": lambda _, folders: read_ids(folders, "train"),
    "manifest": lambda _, folders: require_manifest(folders),
    "verify": lambda _, folders: verify_dataset(folders),
    "explain": lambda spec, _: explain_gene(spec, "GA.1"),
    "reference": lambda *_: reference_scales("small"),
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_tells_a_torn_dataset(torn, reader):
    with pytest.raises(ClasterError, match=TORN):
        READERS[reader](*torn)


def test_a_build_makes_a_torn_dataset_whole_without_force(torn, tree):
    spec, folders = torn
    assert reasons_to_build(spec) == ["targets/small is not of the same build as inputs/small"]
    assert not build_dataset(spec).reused
    again = build_dataset(spec.within("elsewhere")).folders
    assert tree(folders.inputs, folders.targets) == tree(again.inputs, again.targets)
    assert verify_dataset(folders) == {}
    assert build_dataset(spec).reused


def test_a_torn_dataset_gives_nothing_to_another_one(torn, edited):
    def other(content):
        narrower(content)
        content["name"] = "other"

    assert find_donor(edited(other), "landscape") is None


def test_targets_that_are_gone_are_made_anew(edited):
    folders = build_dataset(edited()).folders
    shutil.rmtree(folders.targets)
    with pytest.raises(ClasterError, match=TORN):
        read_genes_table(folders)
    assert not build_dataset(edited()).reused


def test_targets_that_no_build_made_are_left_alone(edited):
    folders = build_dataset(edited()).folders
    shutil.rmtree(folders.targets)
    folders.targets.mkdir()
    (folders.targets / "notes.txt").write_text("mine")
    with pytest.raises(ClasterError, match=r"targets.small exists and was not made by a build"):
        build_dataset(edited())
    assert (folders.targets / "notes.txt").read_text() == "mine"


def test_a_dataset_without_target_is_torn_in_the_same_way(edited):
    def without(content):
        del content["target"]

    folders = build_dataset(edited(without)).folders
    assert folders.is_built
    (folders.targets / "checksums.sha256").write_text("another\n")
    assert folders.is_torn


def test_what_a_process_that_was_killed_while_renaming_has_set_aside_is_removed(tmp_path):
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom claster.files import replace_folder\n"
        "final, whole = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "rename = Path.replace\n"
        "Path.replace = lambda self, to: os._exit(9) if self == whole else rename(self, to)\n"
        "replace_folder(final, whole)\n"
    )
    for name in ("final", "whole", "next"):
        (tmp_path / name).mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "final", tmp_path / "whole"], check=False
    )
    assert ended.returncode == 9
    assert not (tmp_path / "final").exists()
    assert len(list(tmp_path.glob(".final.partial-*"))) == 1
    replace_folder(tmp_path / "final", tmp_path / "next")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["final", "whole"]
