"""What is found in a target that is a table."""

import numpy as np
import pandas as pd

from claster.dataset.doctor.findings import Finding, as_fault, count_of, number, percent
from claster.dataset.spec import DatasetSpec
from claster.dataset.value_table import SHARED, read_values
from claster.errors import ClasterError

_ITEM = "target table"
_FEW = 0.5
_SKEWED = 100.0


def examine_values(
    spec: DatasetSpec, genes: pd.DataFrame
) -> tuple[pd.DataFrame | None, list[Finding]]:
    """Read the target's table and tell how many genes have a value, and how values are spread.

    Checks ``values``, ``genes`` and ``shared``.

    Parameters
    ----------
    spec
        A dataset whose target is a table that is there.
    """
    target = spec.require_target()
    file = str(spec.source(str(target.table)))

    def found(check: str, verdict: str, evidence: str, remedy: str = "") -> Finding:
        return Finding(_ITEM, file, check, verdict, evidence, remedy)  # type: ignore[arg-type]

    try:
        values = read_values(spec, genes)
    except ClasterError as error:
        return None, [as_fault(error, item=_ITEM, file=file, check="values")]
    assert values is not None
    findings = []
    for condition in target.groups:
        of_genes = values[condition].to_numpy()
        middle, high = np.quantile(of_genes, [0.5, 1.0])
        told = (
            f"{condition}: values 0 to {number(high)}, half below {number(middle)}, "
            f"{percent(float((of_genes == 0).mean()))} are 0"
        )
        if high == 0:
            remedy = "name another column as 'value'"
            findings.append(found("values", "warning", f"{condition}: every value is 0", remedy))
        elif high > _SKEWED * middle and target.transform == "none":
            remedy = "write 'transform: log1p' under 'target'"
            findings.append(found("values", "note", f"{told}: few genes decide the fit", remedy))
        else:
            findings.append(found("values", "fine", told))
    share = len(values) / genes["gene_id"].nunique()
    seen = f"a value for {len(values):,} of {count_of(genes['gene_id'].nunique(), 'gene')}"
    remedy = "see whether 'id' names the annotation's gene IDs" if share < _FEW else ""
    findings.append(found("genes", "warning" if share < _FEW else "fine", seen, remedy))
    if shared := int(values[SHARED].sum()):
        train = "train" if target.train_shared else "do not train"
        seen = f"{shared:,} values stand for several genes: those genes {train}, and are not scored"
        findings.append(found("shared", "note", seen))
    return values, findings
