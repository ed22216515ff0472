"""One self-contained HTML page: what a run is, how good it is, how to repeat it."""

import time
from importlib.metadata import version
from pathlib import Path

import jinja2

from claster.eir.runs import RunFolder, read_run
from claster.eir.trained_on import trained_dataset
from claster.files import write_text
from claster.progress import SILENT, Progress
from claster.quoting import printable
from claster.report.accounting import accounting, provenance
from claster.report.examples import examples
from claster.report.network import network, training
from claster.report.page import Page, Section
from claster.report.perturbation import attribution, crispr, perturbation
from claster.report.scoring import agreement, groups, intervals, overview, scores
from claster.report.subject import Subject
from claster.times import note_time

__all__ = ["write_report"]

_SECTIONS = (
    ("overview", "Overview", overview),
    ("data", "Data", accounting),
    ("network", "Network", network),
    ("training", "Training", training),
    ("scores", "Scores and baselines", scores),
    ("agreement", "Predicted and observed", agreement),
    ("groups", "Groups of genes", groups),
    ("intervals", "Intervals", intervals),
    ("genes", "Genes", examples),
    ("perturbation", "Perturbation", perturbation),
    ("crispr", "CRISPR interference", crispr),
    ("attribution", "Attribution", attribution),
    ("provenance", "Provenance", provenance),
)
"""Anchor, title, and the function that yields the parts of each section; one without parts is left out."""


def write_report(
    run: RunFolder | Path | str,
    *,
    to: Path | str | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Write what is known of a run as one HTML file that needs no other file and no network.

    The same run gives the same bytes. What was not made yet is named with the command that makes it.

    Parameters
    ----------
    to
        The file; None takes ``report.html`` in the run's folder.

    Raises
    ------
    ClasterError
        If there is no run, or one of its files cannot be read.
    """
    begun = time.monotonic()
    subject = _read_subject(run, progress)
    path = Path(to) if to is not None else subject.run.path / "report.html"
    write_text(path, _render(_make_page(subject)))
    spec, seconds = subject.spec, time.monotonic() - begun
    note_time(spec.project, "report", dataset=spec.name, units=1, seconds=seconds)
    return path


def _read_subject(run: RunFolder | Path | str, progress: Progress = SILENT) -> Subject:
    """Return the run in a folder and the dataset that it was trained on."""
    run = RunFolder.of(run)
    record = read_run(run)
    return Subject(run, record, trained_dataset(run, record), progress)


def _make_page(subject: Subject) -> Page:
    """Return the sections of a report."""
    sections = []
    with subject.progress.step("report", len(_SECTIONS)) as step:
        for anchor, title, parts in _SECTIONS:
            step.describe(parts.__name__)
            sections.append(Section(anchor, title, list(parts(subject))))
            step.advance()
    record, spec = subject.record, subject.spec
    return Page(
        title=record.name,
        about=f"flavour {record.flavour} on dataset {spec.name}"
        + (f" · {spec.description}" if spec.description else ""),
        sections=tuple(section for section in sections if section.parts),
        footer=f"CLASTER {version('claster')} · {subject.name}",
    )


def _render(page: Page) -> str:
    """Return a page as HTML, without characters that nobody sees."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("claster.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return printable(environment.get_template("report.html").render(page=page))
