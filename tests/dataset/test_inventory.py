"""Every source file by label, and what is said of one that is not there."""

import pytest

from claster.dataset.inventory import list_sources
from claster.dataset.sources import _require_sources
from claster.dataset.yaml_file import read_yaml
from claster.errors import ClasterError

YAML = """\
# a comment
name: x
tracks:
  - {name: A, file: a}
  - name: B

    file: b
genes: {file: g}
"""


def test_places_are_lines_and_fall_back_to_what_is_written(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(YAML)
    content, places = read_yaml(path)
    assert content["tracks"][1] == {"name": "B", "file": "b"}
    assert places.of(("tracks", 1, "file")) == f"{path}, line 7"
    assert places.of(("tracks", 1, "transform")).endswith("line 5")
    assert places.of(("genes", "file")).endswith("line 8")
    assert places.of(("window", "bins")).endswith("line 1")


def test_sources_in_the_order_of_the_yaml(edited):
    def more(content):
        content["elements"] = {"file": "ccres.tsv"}
        content["contacts"]["file"] = "contacts.cool::/resolutions/1000"
        content["target"]["conditions"][1]["truth"] = {"file": "true.bw"}

    spec = edited(more)
    assert {source.label: source.file for source in list_sources(spec)} == {
        "track ATAC": "ATAC.bw",
        "track H3K27ac": "H3K27ac.bw",
        "genes": "genes.tsv",
        "chromosome sizes": "chrom.sizes",
        "contacts": "contacts.cool",
        "target ctrl plus": "plus.bw",
        "target ctrl minus": "minus.bw",
        "target a485": "ATAC.bw",
        "truth a485": "true.bw",
        "elements": "ccres.tsv",
    }
    assert [source.label for source in list_sources(spec) if not source.built] == ["elements"]


def test_missing_file_that_can_be_downloaded(edited, world):
    def registered(content):
        content["downloads"] = [
            {
                "name": "nascent_plus",
                "file": "plus.bw",
                "url": "https://example.org/plus.bw",
                "format": "bigwig",
                "licence": "none",
                "citation": "none",
            }
        ]

    spec = edited(registered)
    _require_sources(spec)
    (world / "source/plus.bw").unlink()
    said = (
        r"small\.yaml, line \d+: target ctrl plus: no file at .*plus\.bw: "
        r"run 'claster data download small --only nascent_plus'"
    )
    with pytest.raises(ClasterError, match=said) as caught:
        _require_sources(spec)
    line = int(str(caught.value).partition("line ")[2].partition(":")[0])
    text = (world / "configurations/datasets/small.yaml").read_text().splitlines()
    assert text[line - 1].strip() == "plus: plus.bw"


def test_files_that_no_build_reads_may_be_missing(edited):
    spec = edited(lambda content: content.update(genome="genome.fa", elements={"file": "none.bed"}))
    _require_sources(spec)
