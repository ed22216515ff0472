"""The dataset YAMLs that come with the project, and what the schema refuses."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from claster.dataset.inventory import list_sources
from claster.dataset.load import dataset_schema, load_dataset
from claster.dataset.signal_settings import TrackSpec
from claster.errors import ClasterError

ROOT = Path(__file__).parents[2]
DATASETS = sorted((ROOT / "configurations/datasets").rglob("*.yaml"))
SCHEMA = ROOT / "docs/dataset.schema.json"
PUBLISHED = ("mesc", "k562")

PLAIN = """\
name: plain
assembly: mm10
tracks:
  - {name: ATAC, file: a.bw}
genes: {file: g.gtf}
downloads:
  - name: ATAC
    file: a.bw
    url: https://example.org/a.bw
    format: bigwig
    licence: none
    citation: none
"""


def load(tmp_path, text):
    path = tmp_path / "plain.yaml"
    path.write_text(text)
    return load_dataset(path)


def test_there_are_datasets():
    assert {"mesc", "k562", "toy", "demo", "demo_tiny"} <= {path.stem for path in DATASETS}


@pytest.mark.parametrize("path", DATASETS, ids=lambda path: path.stem)
def test_each_dataset_loads_and_fits_the_schema_that_it_names(path):
    import jsonschema  # its own imports take 2 s

    assert load_dataset(path).name == path.stem
    first = path.read_text().splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == SCHEMA
    jsonschema.validate(yaml.safe_load(path.read_text()), json.loads(SCHEMA.read_text()))


def test_the_written_schema_is_that_of_the_code():
    assert SCHEMA.read_text() == dataset_schema(), (
        "run: claster data schema > docs/dataset.schema.json"
    )


def test_the_schema_refuses_what_loading_refuses():
    import jsonschema  # its own imports take 2 s

    content = yaml.safe_load(PLAIN) | {"windows": {}}
    with pytest.raises(jsonschema.ValidationError, match="windows"):
        jsonschema.validate(content, json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_source_file_of_a_published_dataset_can_be_downloaded(name):
    spec = load_dataset(name, project=ROOT)
    sources = {source.file for source in list_sources(spec)}
    assert sources <= {download.file for download in spec.downloads}


@pytest.mark.parametrize("name", PUBLISHED)
def test_addresses_end_in_the_file_that_they_bring(name):
    for download in load_dataset(name, project=ROOT).downloads:
        *folders, served = urlsplit(download.url).path.split("/")
        assert served == download.file
        if "geo" in folders:
            group, accession = folders[-3:-1]
            assert group == f"{accession[:-3]}nnn"
            assert download.file.startswith(f"{accession}_")
            assert accession in download.citation


def test_the_published_choice_of_genes_and_elements():
    spec = load_dataset("mesc", project=ROOT)
    assert spec.genes.types == ("protein_coding",)
    assert spec.genes.exclude_chromosomes == ("chrM",)
    assert spec.elements is not None
    assert spec.elements.groups == ("ELS",)
    assert [track.name for track in spec.tracks] == ["ATAC", "H3K4me3", "H3K27ac", "H3K27me3"]


TRACK = "  - {name: ATAC, file: a.bw}\n"
GENES = "genes: {file: g.gtf}"
OTHER = "  - {name: x, file: a.bw, url: 'https://a.b/c', format: bed, licence: l, citation: c}\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            GENES,
            "genes: {file: g.gtf, recipe: paper, types: [lincRNA]}",
            r"plain\.yaml, line 5: genes: 'recipe: paper' sets 'types' to \['protein_coding'\]",
        ),
        (GENES, "genes: {file: g.gtf, recipe: paper, types: null}", "line 5: genes: 'recipe"),
        (
            TRACK,
            TRACK + "  - {name: x, file: b}\n" + TRACK,
            "line 6: tracks: two tracks are named 'A",
        ),
        (TRACK, "  - {name: ATAC}\n", r"line 4: tracks\.0: give either 'file' or 'files'"),
        (
            "format: bigwig",
            "format: bigWig",
            r"line 10: downloads\.0\.format has no choice 'bigWig'",
        ),
        ("https://", "ftp://", r"line 9: .*not an http or https address"),
        ("    file: a.bw", "    file: ../a.bw", r"line 8: .*'\.\./a\.bw' is not a file name below"),
        ("    file: a.bw", "    file: /etc/a.bw", "not a file name below 'data'"),
        ("    file: a.bw", '    file: "a\\nurl = x"', "not a file name below 'data'"),
        ("    file: a.bw", '    file: "a\\e[31m.bw"', "cannot be printed"),
        ("https://", '"https://a/\\e]0;b" #', "cannot be printed"),
        ("https://", '"https://a/b\\noutput = x" #', "not an http or https address"),
        ("citation: none", "citation: none\n    sha256: ABC", r"line 13: .*not a SHA-256"),
        (
            "citation: none",
            "citation: none\n    size: -1",
            r"line 13: .*must be more than 0, not -1",
        ),
        ("    licence: none\n", "", r"line 7: 'downloads\.0\.licence' is missing"),
        (
            "downloads:\n",
            f"downloads:\n{OTHER}",
            r"line 9: downloads: two downloaded files are named 'a\.bw'",
        ),
    ],
)
def test_what_the_schema_refuses_names_file_line_and_key(tmp_path, old, new, said):
    assert old in PLAIN
    with pytest.raises(ClasterError, match=said):
        load(tmp_path, PLAIN.replace(old, new, 1))


def test_the_ten_lines_of_the_documentation(tmp_path):
    page = (ROOT / "docs/your_data.md").read_text()
    text = page.split("```yaml\n")[1].split("```")[0]
    assert len(text.splitlines()) == 10
    spec = load(tmp_path, text)
    assert len(spec.tracks) == 4
    assert spec.contacts is not None
    assert len(spec.require_target().columns) == 401


def test_plain_is_accepted(tmp_path):
    assert load(tmp_path, PLAIN).downloads[0].sha256 is None
    spec = load(tmp_path, PLAIN.replace("g.gtf}", "g.gtf, recipe: paper, types: [protein_coding]}"))
    assert spec.genes.exclude_chromosomes == ("chrM",)


def test_replicates_have_one_weight_each():
    files = ("a.bw", "b.bw")
    track = TrackSpec(name="ATAC", files=files, weights=(1, 2))
    assert track.weights == (1, 2)
    with pytest.raises(ValueError, match="weights"):
        TrackSpec(name="ATAC", files=files, weights=(1, 2, 3))
