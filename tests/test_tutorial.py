"""Datasets for the notebooks."""

import hashlib
import urllib.request
from pathlib import Path

import pytest

from claster.errors import ClasterError
from claster.project import Project
from claster.tutorial import open_archive

ROOT = Path(__file__).parents[1]

TINY = """\
name: speck
assembly: speck
data: ${CLASTER_DATA}/speck
chrom_sizes: chrom.sizes
simulation: {seed: 1, chromosomes: 2, megabases: 5, genes: 16}
tracks:
  - {name: ATAC, file: ctrl/ATAC.bw}
genes: {file: genes.gtf.gz}
elements: {file: ccres.tsv}
contacts: {file: microc.mcool}
target: {conditions: [{name: ctrl, plus: ctrl/nascent.plus.bw, minus: ctrl/nascent.minus.bw}]}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "configurations" / "datasets"
    folder.mkdir(parents=True)
    (folder / "speck.yaml").write_text(TINY)
    (folder / "bare.yaml").write_text(TINY.replace("simulation:", "# ").replace("speck", "bare"))
    (tmp_path / "scripts").mkdir()
    monkeypatch.setenv("CLASTER_DATA", str(tmp_path / "source"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_simulated_genome_becomes_an_archive(project):
    with open_archive("speck") as dataset:
        spec = dataset.spec
        assert [download.name for download in spec.downloads] == [
            "ATAC",
            "genes",
            "chromosome_sizes",
            "contacts",
            "target_ctrl_plus",
            "target_ctrl_minus",
            "elements",
        ]
        for download in spec.downloads:
            served = urllib.request.urlopen(download.url).read()
            assert len(served) == download.size
            assert hashlib.sha256(served).hexdigest() == download.sha256
        assert spec.data_folder == project / "source/speck_downloaded"
    assert (project / "source/speck/genes.gtf.gz").is_file()


def test_a_published_dataset_is_given_as_it_is():
    with open_archive("mesc", project=Project(ROOT)) as dataset:
        assert dataset.spec.downloads[0].url.startswith("https://")


def test_a_dataset_that_cannot_be_downloaded(project):
    with pytest.raises(ClasterError, match="'bare' lists no downloads"), open_archive("bare"):
        pass


def test_a_project_is_found_from_a_folder_inside_it(project, monkeypatch):
    monkeypatch.chdir(project / "scripts")
    assert Project().root == project
    assert Project().dataset("speck").spec.data_folder == project / "source/speck"
