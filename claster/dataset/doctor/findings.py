"""What the doctor found: single findings, and the report of a dataset."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from claster.dataset.scale import SignalScale
from claster.errors import ClasterError


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

VERDICTS: tuple[Verdict, ...] = ("fine", "note", "warning", "fault")
"""From good to bad: ``note`` is legal and worth knowing, with a ``fault`` the build cannot run."""

_FORMAT = 1
_EXIT_CODES = {"fine": 0, "note": 0, "warning": 1, "fault": 2}


@dataclass(frozen=True)
class Finding:
    """One result of one check.

    Attributes
    ----------
    item
        What messages call the file ("track ATAC"), or the part of the dataset ("windows").
    file
        The file's path, or "" where several files take part.
    check
        Name of the check ("strand", "weights"), the same in every report.
    verdict
        One of `VERDICTS`.
    remedy
        What to do; "" where nothing is to be done.
    """

    item: str
    file: str
    check: str
    verdict: Verdict
    evidence: str
    remedy: str = ""

    def milder(self) -> "Finding":
        """Return a fault as a warning, as where the build does not read the file."""
        return replace(self, verdict="warning") if self.verdict == "fault" else self


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
        """Return the report as plain lines."""
        from claster.dataset.doctor.show import report_lines

        return "\n".join(report_lines(self))

    def __repr__(self) -> str:
        """Return its last line: how many findings of which verdict."""
        return str(self).rpartition("\n")[2]

    def _repr_html_(self) -> str:
        from claster.dataset.doctor.show import report_html

        return report_html(self)

    def as_json(self) -> str:
        """Return the report as JSON text (`format` 1): findings and scales, for programs."""
        content = {
            "format": _FORMAT,
            "dataset": self.dataset,
            "assembly": self.assembly,
            "exit_code": self.exit_code,
            "counts": {verdict: self.count(verdict) for verdict in VERDICTS},
            "findings": [asdict(finding) for finding in self.findings],
            "scales": {item: scale.model_dump() for item, scale in self.scales.items()},
        }
        return json.dumps(content, indent=2)


def as_fault(error: ClasterError, *, item: str, file: str, check: str) -> Finding:
    """Return an error that a build would raise as a finding, without repeating item and folder."""
    found = error.found
    if file:
        found = found.replace(f" ({file})", "").replace(file, Path(file).name)
    found = " ".join(found.removeprefix(f"{item}:").split())
    return Finding(item, file, check, "fault", found, error.remedy)


def in_order(findings: Sequence[Finding], order: Sequence[str]) -> list[Finding]:
    """Return findings by item; a strand pair comes after its files, what has no place at the end."""

    def rank(finding: Finding) -> int:
        if finding.item in order:
            return order.index(finding.item)
        return max(
            (i for i, label in enumerate(order) if label.startswith(f"{finding.item} ")),
            default=len(order),
        )

    return sorted(findings, key=rank)
