import pandas as pd
import pytest

from claster.analysis.prepare import _require_unseen_genes, _require_unseen_windows
from claster.errors import ClasterError
from claster.genome.windows import Binning


def test_a_gene_that_was_trained_on_is_named():
    _require_unseen_genes(["a", "b"], ["c_forward", "c_rev"], split="test")
    with pytest.raises(
        ClasterError, match=r"1 of 2 genes of the test split were seen .* such as b"
    ):
        _require_unseen_genes(["a", "b"], ["b_rev", "c_forward"], split="test")


def genes(*positions):
    return pd.DataFrame({"gene_id": "g", "chrom": "chr1", "tss": positions})


def test_shared_bases_of_windows_are_counted_once():
    window = Binning(1, 100)
    check = {"window": window, "split": "test"}
    assert _require_unseen_windows(genes(100), genes(200), **check, allowed=False) == 0
    shared = _require_unseen_windows(genes(100, 120), genes(190, 195), **check, allowed=True)
    assert shared == 30
    with pytest.raises(ClasterError, match="30 bp of the test split's input windows"):
        _require_unseen_windows(genes(100, 120), genes(190, 195), **check, allowed=False)
    assert _require_unseen_windows(genes(100), genes(), **check, allowed=False) == 0


@pytest.mark.parametrize("twin", ["ENSG00000000009.2", "ENSG00000000009.1_PAR_Y"])
def test_another_version_or_the_pseudoautosomal_twin_was_seen(twin):
    with pytest.raises(ClasterError, match=r"1 of 1 genes .*ENSG00000000009\.1"):
        _require_unseen_genes(["ENSG00000000009.1"], [f"{twin}_forward"], split="test")
