"""What the doctor found: single findings, and the report of a dataset, for people and for programs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text

from claster.dataset.scale import SignalScale
from claster.errors import ClasterError
from claster.quoting import printable


def number(value: float) -> str:
    """Return a value with three digits.

    Examples
    --------
    >>> number(0.12345), number(12345.6), number(16.0), number(-2.5)
    ('0.123', '12,346', '16', '-2.5')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percent(share: float) -> str:
    """Return a share as per cent; neither 'none' nor 'all' unless it is.

    Examples
    --------
    >>> percent(0.613), percent(0.0042), percent(0.99999), percent(0.05), percent(1e-5)
    ('61 %', '0.4 %', 'over 99.9 %', '5 %', 'under 0.1 %')
    """
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    digits = 1 if 0 < share < 0.1 or 0.95 < share < 1 else 0
    return f"{100 * share:.{digits}f} %".replace(".0 ", " ")


def base_pairs(length: float) -> str:
    """Return a length in the unit that reads best.

    Examples
    --------
    >>> base_pairs(200), base_pairs(12_500), base_pairs(122_082_543)
    ('200 bp', '12.5 kb', '122.1 Mb')
    """
    if length >= 1_000_000:
        return f"{length / 1e6:,.1f} Mb"
    if length >= 10_000:
        return f"{length / 1e3:.1f} kb".replace(".0 ", " ")
    return f"{length:,.0f} bp"


def listed(names: Iterable[str], most: int = 4) -> str:
    """Return names with commas, the first `most` of them.

    Examples
    --------
    >>> listed(["chr1", "chr2", "chr3"], 2)
    'chr1, chr2 and 1 more'
    """
    names = list(names)
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def count_of(count: int, kind: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> count_of(1, "gene"), count_of(1620, "window")
    ('1 gene', '1,620 windows')
    """
    return f"{count:,} {kind}" if count == 1 else f"{count:,} {kind}s"


Verdict = Literal["fine", "note", "warning", "fault"]

_VERDICTS: tuple[Verdict, ...] = ("fine", "note", "warning", "fault")
"""From good to bad: ``note`` is legal and worth knowing, with a ``fault`` the build cannot run."""

_FORMAT = 1
_EXIT_CODES = {"fine": 0, "note": 0, "warning": 1, "fault": 2}
_STYLES = {"fine": "green", "note": "cyan", "warning": "yellow", "fault": "bold red"}
_ENDINGS = {
    0: "the build can run",
    1: "the build can run; look at the warnings first",
    2: "the build cannot run before the faults are corrected",
}
_COLUMNS = ("file", "verdict", "evidence, and what to do")


@dataclass(frozen=True)
class Finding:
    """One result of one check.

    Attributes
    ----------
    item, file
        See `Item`; `file` is "" where several files take part.
    check
        Name of the check ("strand", "weights"), the same in every report.
    verdict
        One of `_VERDICTS`.
    remedy
        What to do; "" where nothing is to be done.
    """

    item: str
    file: str
    check: str
    verdict: Verdict
    evidence: str
    remedy: str = ""


@dataclass(frozen=True)
class Item:
    """What findings are about.

    Attributes
    ----------
    label
        What messages call the file ("track ATAC"), or the part of the dataset ("windows").
    path
        Where the file is, "" where several files take part.
    """

    label: str
    path: Path | str = ""

    def found(self, check: str, verdict: Verdict, evidence: str, remedy: str = "") -> Finding:
        """Return a finding about it."""
        return Finding(self.label, str(self.path), check, verdict, evidence, remedy)

    def fault(self, error: ClasterError, check: str) -> Finding:
        """Return an error that a build would raise as a finding, without repeating item and folder."""
        found = error.found
        if file := str(self.path):
            found = found.replace(f" ({file})", "").replace(file, Path(file).name)
        found = " ".join(found.removeprefix(f"{self.label}:").split())
        return self.found(check, "fault", found, error.remedy)


WINDOWS = Item("windows")
"""The windows of a dataset, which no single file tells of."""


@dataclass(frozen=True)
class Report:
    """Everything that was found about a dataset.

    Attributes
    ----------
    findings
        In the order in which they are shown, those of one item together.
    scales
        How large the signal of each bigWig is, by item.
    """

    dataset: str
    assembly: str
    findings: tuple[Finding, ...]
    scales: Mapping[str, SignalScale] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """Return 0 when all is fine, 1 with warnings, 2 when the build cannot run; notes do not count."""
        return max((_EXIT_CODES[finding.verdict] for finding in self.findings), default=0)

    @property
    def items(self) -> list[str]:
        """Items in the order of their first finding."""
        return list(dict.fromkeys(finding.item for finding in self.findings))

    def of(self, item: str) -> list[Finding]:
        """Return the findings of one item."""
        return [finding for finding in self.findings if finding.item == item]

    def count(self, verdict: Verdict) -> int:
        """Return how many findings have a verdict."""
        return sum(finding.verdict == verdict for finding in self.findings)

    def __str__(self) -> str:
        """Return plain lines: one for what is fine of an item, one for each other finding, a summary."""
        lines = [
            f"{row.verdict:<8}{row.item}: {row.evidence}"
            + (f" -> {row.remedy}" if row.remedy else "")
            for item in self.items
            for row in self._rows(item)
        ]
        return "\n".join([*lines, repr(self)])

    def __repr__(self) -> str:
        """Return the last line: how many findings of which verdict, and what follows."""
        counts = ", ".join(
            f"{n} {verdict}{'s' if n > 1 else ''}"
            for verdict in ("fault", "warning", "note")
            if (n := self.count(verdict))
        )
        items = f"{len(self.items)} items checked"
        return f"{self.dataset}: {items}, {counts or 'all fine'}: {_ENDINGS[self.exit_code]}"

    def _repr_html_(self) -> str:
        cells = [tuple(f"<b>{name}</b>" for name in _COLUMNS)]
        for item in self.items:
            for number, row in enumerate(self._rows(item)):
                name = f"{item} ({Path(row.file).name})" if row.file else item
                text = escape(row.evidence)
                if row.remedy:
                    text += f"<br><b>{escape(row.remedy)}</b>"
                verdict = row.verdict if row.verdict == "fine" else f"<b>{row.verdict}</b>"
                cells.append(("" if number else escape(name), verdict, text))
        rows = ("".join(f"<td style='text-align:left'>{c}</td>" for c in row) for row in cells)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table>{body}</table><p>{escape(repr(self))}</p>"

    def as_table(self) -> Table:
        """Return a table for a terminal: one row for what is fine of an item, one for each other finding."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
        table.add_column(_COLUMNS[0], overflow="fold", max_width=26)
        table.add_column(_COLUMNS[1], no_wrap=True)
        table.add_column(_COLUMNS[2], overflow="fold")
        for item in self.items:
            for number, row in enumerate(self._rows(item)):
                name, text = Text(), Text(printable(row.evidence))
                if number == 0:
                    name = Text(printable(item), style="bold")
                    if row.file:
                        name.append(f"\n{printable(Path(row.file).name)}", style="not bold dim")
                if row.remedy:
                    style = "bold" if row.verdict in ("warning", "fault") else "dim"
                    text.append(f"\n→ {printable(row.remedy)}", style=style)
                table.add_row(name, Text(row.verdict, style=_STYLES[row.verdict]), text)
            table.add_section()
        return table

    def as_json(self) -> str:
        """Return the report as JSON text (`format` 1): findings and scales, for programs."""
        content = {
            "format": _FORMAT,
            "dataset": self.dataset,
            "assembly": self.assembly,
            "exit_code": self.exit_code,
            "counts": {verdict: self.count(verdict) for verdict in _VERDICTS},
            "findings": [asdict(finding) for finding in self.findings],
            "scales": {item: scale.model_dump() for item, scale in self.scales.items()},
        }
        return json.dumps(content, indent=2)

    def _rows(self, item: str) -> list[Finding]:
        """Return what is shown of an item, the worst first, and all that is fine in one."""
        found = self.of(item)
        file = found[0].file  # beside the name; a finding about several files has none
        rows = [replace(finding, file=file) for finding in found if finding.verdict != "fine"]
        rows.sort(key=lambda finding: -_VERDICTS.index(finding.verdict))
        if fine := [finding.evidence for finding in found if finding.verdict == "fine"]:
            rows.append(Finding(item, file, "", "fine", "; ".join(fine)))
        return rows
