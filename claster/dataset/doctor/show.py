"""Reports for people: a table on a terminal or in a notebook, plain lines in a log."""

from html import escape
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from claster.dataset.doctor.findings import VERDICTS, Finding, Report, Verdict
from claster.quoting import printable

_STYLES = {"fine": "green", "note": "cyan", "warning": "yellow", "fault": "bold red"}
_ENDINGS = {
    0: "the build can run",
    1: "the build can run; look at the warnings first",
    2: "the build cannot run before the faults are corrected",
}


def report_table(report: Report) -> Table:
    """Return a report as a table: one row an item for what is fine, one for each other finding."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    table.add_column("file", overflow="fold", max_width=26)
    table.add_column("verdict", no_wrap=True)
    table.add_column("evidence, and what to do", overflow="fold")
    for item in report.items:
        for position, (verdict, evidence, remedy) in enumerate(_rows(report.of(item))):
            text = Text(printable(evidence))
            if remedy:
                text.append(
                    f"\n→ {printable(remedy)}",
                    style="bold" if verdict in ("warning", "fault") else "dim",
                )
            table.add_row(
                Text("") if position else _name(report.of(item)),
                Text(verdict, style=_STYLES[verdict]),
                text,
            )
        table.add_section()
    return table


def report_html(report: Report) -> str:
    """Return a report as an HTML table: one row an item for what is fine, one for each other finding."""
    names = ("file", "verdict", "evidence, and what to do")
    cells = [tuple(f"<b>{name}</b>" for name in names)]
    for item in report.items:
        found = report.of(item)
        named = escape(f"{item} ({Path(found[0].file).name})" if found[0].file else item)
        for verdict, evidence, remedy in _rows(found):
            text = escape(evidence) + (f"<br><b>{escape(remedy)}</b>" if remedy else "")
            cells.append((named, verdict if verdict == "fine" else f"<b>{verdict}</b>", text))
            named = ""
    rows = ("".join(f"<td style='text-align:left'>{cell}</td>" for cell in row) for row in cells)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table>{body}</table><p>{escape(_report_summary(report))}</p>"


def report_lines(report: Report) -> list[str]:
    """Return a report as plain lines, one for what is fine of an item, one for each other finding."""
    lines = []
    for item in report.items:
        for verdict, evidence, remedy in _rows(report.of(item)):
            lines.append(f"{verdict:<8}{item}: {evidence}" + (f" -> {remedy}" if remedy else ""))
    return [*lines, _report_summary(report)]


def _report_summary(report: Report) -> str:
    """Return the last line of a report: how many findings of which verdict, and what follows."""
    counts = ", ".join(
        f"{n} {verdict}{'s' if n > 1 else ''}"
        for verdict in ("fault", "warning", "note")
        if (n := report.count(verdict))
    )
    items = f"{len(report.items)} items checked"
    return f"{report.dataset}: {items}, {counts or 'all fine'}: {_ENDINGS[report.exit_code]}"


def _name(findings: list[Finding]) -> Text:
    name = Text(printable(findings[0].item), style="bold")
    if findings[0].file:
        name.append(f"\n{printable(Path(findings[0].file).name)}", style="not bold dim")
    return name


def _rows(findings: list[Finding]) -> list[tuple[Verdict, str, str]]:
    fine = [finding for finding in findings if finding.verdict == "fine"]
    others = [finding for finding in findings if finding.verdict != "fine"]
    others.sort(key=lambda finding: -VERDICTS.index(finding.verdict))
    rows = [(finding.verdict, finding.evidence, finding.remedy) for finding in others]
    if fine:
        rows.append(("fine", "; ".join(finding.evidence for finding in fine), ""))
    return rows
