"""What stands in a report, without a browser."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from typer.testing import CliRunner

from claster.cli import app
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.report import _read_subject, _render, write_report
from claster.report.page import Page, Section, Table, Text, _Cell
from claster.report.scoring import intervals

SECTIONS = [
    "overview",
    "data",
    "network",
    "training",
    "scores",
    "agreement",
    "groups",
    "intervals",
    "genes",
    "perturbation",
    "attribution",
    "provenance",
]


class Outline(HTMLParser):
    """Tags, anchors, images and the text of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.anchors, self.links, self.images, self.text = [], set(), [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.anchors |= {found["id"]} if "id" in found else set()
        self.links += [found["href"]] if tag == "a" else []
        self.images += [found] if tag == "img" else []

    def handle_data(self, data):
        self.text.append(data.strip())


def read(text):
    outline = Outline()
    outline.feed(text)
    return outline


@pytest.fixture(scope="module")
def outline(report):
    return read(report.read_text())


def section(text, anchor):
    return text.split(f'<section id="{anchor}"')[1].split("</section>")[0]


def test_the_file_lies_in_the_run_and_is_small(made, report):
    assert report == made.run.path / "report.html"
    assert report.stat().st_size < 4e6


def test_nothing_is_loaded_from_elsewhere(report, outline):
    assert not re.findall(r'(?:src|href)="(?!data:|#)', report.read_text())
    assert "@import" not in report.read_text()
    assert "url(" not in report.read_text()
    assert outline.tags.count("h1") == 1


def test_sections_in_order_and_links_that_lead_somewhere(report, outline):
    assert re.findall(r'<section id="(\w+)"', report.read_text()) == SECTIONS
    assert {link.removeprefix("#") for link in outline.links} <= outline.anchors
    assert [link for link in outline.links if link != "#main"] == [f"#{name}" for name in SECTIONS]


def test_every_image_is_told_in_words(outline):
    assert len(outline.images) > 12
    assert all(len(image["alt"]) > 15 for image in outline.images)
    assert all(image["src"].startswith("data:image/png;base64,") for image in outline.images)


def test_the_verdict_is_the_first_line(made, report):
    summary = json.loads((made.run.evaluation / "summary.json").read_text())
    first = re.search(r'class="verdict">([^<]+)<', section(report.read_text(), "overview"))[1]
    assert first == summary["verdict"].splitlines()[0]
    score = summary["comparisons"][0]["network"]["value"]
    assert f"{score:.3f}" in section(report.read_text(), "overview")


def test_every_dropped_gene_is_counted_with_its_reason(made, report):
    manifest = _read_subject(made.run).manifest
    data = section(report.read_text(), "data")
    assert f"{manifest.genes_in} genes in = " in data
    for reason, n in manifest.genes_dropped.items():
        row = re.search(rf"<td>{reason}</td><td[^>]*>([\d,]+)</td>", data)
        assert int(row[1].replace(",", "")) == n
    kept = sum(manifest.genes_kept.values())
    assert kept + sum(manifest.genes_dropped.values()) == manifest.genes_in


def test_network_and_yaml_are_shown(made, report):
    network = section(report.read_text(), "network")
    assert "FirstCNNBlock" in network
    assert "EIR_SEED=0 eirtrain --global_configs" in network
    for path in made.run.configurations.glob("*.yaml"):
        assert f"<summary>{path.name}</summary>" in network
    assert "Warning: landscape: the network sees 9,000 bp" in network


def test_scores_are_those_of_the_evaluation(made, report):
    table = _read_subject(made.run).scores.scores
    row = table.query(
        "method == 'ridge' and against == '' and level == 'gene' and scale == 'raw' and counted == 'all'"
        " and metric == 'rmse' and by == 'all' and how == 'pooled'"
    )
    genes = section(report.read_text(), "scores").split("<caption>Genes")[1]
    line = re.search(r"<td>ridge</td>(.*?)</tr>", genes, re.DOTALL)[1]
    cells = re.findall(r">([^<>]+)<", re.sub(r"<small>.*?</small>", "", line))
    assert cells[6] == f"{row['value'].item():,.3f}"


def test_panels_of_perturbation_and_attribution(report):
    text = report.read_text()
    assert "silence of ATAC, H3K27ac" in section(text, "perturbation")
    assert "as arcs" in section(text, "perturbation")
    assert section(text, "perturbation").count("<img") >= 3
    assert "<li>ATAC: 60 %</li>\n<li>H3K27ac: 40 %</li>" in section(text, "attribution")
    assert "share by track" in section(text, "attribution")


def test_provenance_repeats_the_run(made, report):
    told = section(report.read_text(), "provenance")
    assert "claster data build small\nclaster train toy --dataset small --tag made\n" in told
    manifest = _read_subject(made.run).manifest
    assert all(source.sha256[:16] in told for source in manifest.sources.values())


def test_names_of_genes_are_no_markup(report):
    assert "gene&lt;" in report.read_text()
    assert not re.search(r"gene<\d", report.read_text())


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(made, report, tmp_path):
    again = write_report(made.run, to=tmp_path / "again.html")
    assert again.read_bytes() == report.read_bytes()


def test_what_intervals_hold(bare):
    bare.predictions("test").parent.mkdir()
    held = pd.DataFrame(
        {
            "condition": "ctrl",
            "level": ["bin", "bin"],
            "by": ["all", "chromosome"],
            "stratum": ["", "chr3"],
            "covered": [0.91, 0.88],
            "low": 0.85,
            "high": 0.95,
            "width": 1.25,
            "n": [1234, 1000],
        }
    )
    held.to_csv(bare.predictions("test").with_suffix(".coverage.csv"), index=False)
    genes = pd.DataFrame({"gene_id": ["A", "B", "C"], "unlike": [True, False, False]})
    genes.to_csv(bare.predictions("test").with_suffix(".genes.csv"), index=False)
    table, said = intervals(_read_subject(bare))
    assert table.heads == ("level", "by", "group", "held (%)", "width", "number")
    assert [cell.text for cell in table.rows[1][3:]] == ["88.000", "1.25", "1,000"]
    assert said.text.startswith("1 of 3 genes have chromatin unlike")


def test_what_is_missing_is_named_with_its_command(bare, made, tmp_path):
    path = write_report(bare)
    text = path.read_text()
    assert re.findall(r'<section id="(\w+)"', text) == SECTIONS
    for name in ("overview", "scores", "agreement", "groups", "genes"):
        assert f"claster predict {bare.path}" in section(text, name)
        assert f"claster evaluate {bare.path}" in section(text, name)
    assert f"claster intervals {bare.path}" in section(text, "intervals")
    assert f"claster perturb {bare.path}" in section(text, "perturbation")
    assert f"claster attribute {bare.path}" in section(text, "attribution")
    assert "claster data build" not in section(text, "overview")
    elsewhere = RunFolder(bare.path, tmp_path / "elsewhere")
    away = write_report(elsewhere, to=tmp_path / "away.html")
    assert "claster data build small" in section(away.read_text(), "data")


def test_a_run_that_failed_says_so_first(bare, made):
    record = json.loads(bare.record.read_text()) | {"status": "failed", "error": "out of memory"}
    bare.record.write_text(json.dumps(record))
    text = write_report(bare).read_text()
    assert "is failed, not complete (out of memory)" in section(text, "overview")


def test_a_flavour_that_changed_is_noticed(bare, made):
    record = json.loads(bare.record.read_text()) | {"parameters": 7}
    bare.record.write_text(json.dumps(record))
    text = write_report(bare).read_text()
    assert "The run trained 7 parameters" in section(text, "network")


def test_an_unknown_flavour_is_told_in_eirs_words(bare, made):
    record = json.loads(bare.record.read_text()) | {"flavour": "own_net"}
    bare.record.write_text(json.dumps(record))
    (bare.path / "geometry.json").unlink()
    (bare.eir / "model_architecture").mkdir()
    (bare.eir / "model_architecture" / "model_info.txt").write_text("MetaModel [1, 2]")
    text = section(write_report(bare).read_text(), "network")
    assert "own_net" in text
    assert "MetaModel [1, 2]" in text


def test_faults_are_one_line(bare, made, tmp_path):
    with pytest.raises(ClasterError, match="no run in"):
        write_report(tmp_path / "nowhere")
    bare.evaluation.mkdir()
    (bare.evaluation / "summary.json").write_text("{}")
    with pytest.raises(ClasterError, match=r"the evaluation in .* cannot be read: run"):
        write_report(bare)
    assert not (bare.path / "report.html").exists()


@pytest.mark.slow
def test_the_network_is_measured_once(bare, made):
    kept = bare.path / "geometry.json"
    kept.unlink()
    text = write_report(bare).read_text()
    assert "FirstCNNBlock" in section(text, "network")
    before = kept.stat().st_mtime_ns
    write_report(bare)
    assert kept.stat().st_mtime_ns == before


def test_cells_of_a_table_are_escaped_and_told_apart():
    table = Table(
        "T", ("a", "b"), (("<x>", _Cell("1,000", 1000.0, "0 to 9")), ("y", _Cell("-", None)))
    )
    assert table.numeric == [False, True]
    page = Page("p", "about", (Section("s", "S", (table, Text("a & b"))),), "foot")
    text = _render(page)
    assert (
        '<td>&lt;x&gt;</td><td class="n" data-value="1000.0">1,000<small>0 to 9</small></td>'
        in text
    )
    assert "<p>a &amp; b</p>" in text


def test_the_command_says_where_the_report_is(bare, made, monkeypatch, tmp_path):
    monkeypatch.chdir(made.project)
    result = CliRunner().invoke(app, ["report", str(bare.path), "--to", str(tmp_path / "r.html")])
    assert result.exit_code == 0
    assert f"report: {tmp_path / 'r.html'} (0." in result.output
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
