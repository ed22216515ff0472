"""What the doctor found: single findings, and the report of a dataset."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from claster.dataset.scale import SignalScale
from claster.errors import ClasterError

__all__ = ["VERDICTS", "Finding", "Report", "Verdict", "as_fault"]

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
    evidence
        What was seen, with numbers.
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
class Report:
    """Everything that was found about a dataset.

    Attributes
    ----------
    dataset, assembly
        Their names.
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

    def _repr_html_(self) -> str:
        return pd.DataFrame([asdict(finding) for finding in self.findings]).to_html(index=False)

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
        found = found.replace(f"({file})", "").replace(file, Path(file).name)
    found = " ".join(found.removeprefix(f"{item}:").split())
    return Finding(item, file, check, "fault", found, error.remedy)
