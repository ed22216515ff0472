"""Activity by contact against small literals, and against the ABC repository's own chr22 test set."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from claster.analysis.abc import adjusted_contact, normalized_signal, power_law_contact, score_pairs

FILES = Path(os.environ.get("CLASTER_REAL_FILES", Path(__file__).parents[3] / "shared" / "data"))
CHR22 = FILES / "human" / "ABC_chr22"


def test_ranks_take_the_reference_values_of_their_class():
    reference = pd.DataFrame(
        {
            "enh_class": ["promoter"] * 2 + ["nonpromoter"] * 2,
            "rank": [0, 2, 0, 2],
            "DHS.RPM": [8.0, 4, 2, 0],
        }
    )
    counts, promoter = np.array([1, 9, 5, 5]), np.array([True, True, False, False])
    values = normalized_signal(counts, promoter, reference, column="DHS.RPM")
    assert values.tolist() == [6.0, 8.0, 1.5, 1.5]


def test_score_of_a_gene_without_activity_is_zero():
    scores = score_pairs(np.array([0.0, 1.0, 3.0]), np.ones(3), np.array(["A", "B", "B"]))
    assert scores.tolist() == [0.0, 0.25, 0.75]


@pytest.mark.slow
@pytest.mark.skipif(not CHR22.is_dir(), reason=f"no real files at {FILES} (CLASTER_REAL_FILES)")
def test_parity_with_the_abc_repository_on_chr22():
    elements = pd.read_csv(CHR22 / "elements_counts.tsv.gz", sep="\t")
    reference = pd.read_csv(CHR22 / "EnhancersQNormRef.K562.txt", sep="\t")
    kept = pd.read_csv(CHR22 / "predictions_kept_rows.tsv.gz", sep="\t")
    promoter = (elements["class"] == "promoter").to_numpy()
    dhs, h3k27ac = (
        normalized_signal(
            elements[f"{mark}.readCount"].to_numpy(), promoter, reference, column=f"{mark}.RPM"
        )
        for mark in ("DHS", "H3K27ac")
    )
    elements["activity"], elements["dhs"] = np.sqrt(dhs * h3k27ac), dhs
    rows = kept.merge(
        elements[["start", "end", "activity", "dhs"]], on=["start", "end"], how="left"
    )
    np.testing.assert_allclose(rows["dhs"], rows["normalized_dhs"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(rows["activity"], rows["activity_base"], atol=1e-6, rtol=0)
    distance = rows["distance"].to_numpy()
    np.testing.assert_allclose(
        power_law_contact(distance), rows["powerlaw_contact"], atol=1e-6, rtol=0
    )
    contact = adjusted_contact(rows["hic_contact"].to_numpy(), distance)
    np.testing.assert_allclose(contact, rows["hic_contact_pl_scaled_adj"], atol=3e-6, rtol=0)
    gap = np.abs(rows["activity"] * contact - rows["ABC.Score.Numerator"])
    assert (
        gap <= 3e-6 * rows["activity"] + 1e-6 * contact + 1e-6
    ).all()  # what both factors may be off

    middle = (elements["start"] + elements["end"]).to_numpy() / 2
    known = rows[rows["powerlaw.Score"].notna() & ~rows["isSelfPromoter"]]
    for tss, pairs in known.groupby("TargetGeneTSS"):
        far = np.abs(middle - tss)
        near = far < 5_000_000
        scores = score_pairs(
            elements["activity"].to_numpy()[near],
            power_law_contact(far[near]),
            np.zeros(near.sum()),
        )
        of = dict(
            zip(
                zip(elements["start"][near], elements["end"][near], strict=True),
                scores,
                strict=True,
            )
        )
        found = [of[pair] for pair in zip(pairs["start"], pairs["end"], strict=True)]
        np.testing.assert_allclose(found, pairs["powerlaw.Score"], atol=1e-6, rtol=0)
