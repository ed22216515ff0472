import pandas as pd
import pytest


@pytest.fixture
def genes():
    """Four genes, the second one (of which the window is) and the last on the minus strand."""
    columns = ["gene_id", "name", "chrom", "start", "end", "strand", "tss"]
    rows = [
        ("g1", "Left", "chr1", 1_000, 30_000, "+", 1_000),
        ("g2", "Middle", "chr1", 60_000, 100_001, "-", 100_000),
        ("g3", None, "chr1", 149_000, 151_000, "+", 149_000),
        ("g4", "Elsewhere", "chr2", 90_000, 95_000, "-", 94_999),
    ]
    return pd.DataFrame(rows, columns=columns)
