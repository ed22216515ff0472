"""Simple scores of the real CRISPR table of K562, where the files are: numbers known from elsewhere."""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from claster.analysis.crispr_table import (
    _subsets,
    add_contacts,
    read_crispr_table,
    score_subsets,
    table_predictors,
)
from claster.errors import ClasterError
from claster.genome.windows import Binning

PROJECT = Path(__file__).parents[2]
FILES = Path(os.environ.get("CLASTER_REAL_FILES", PROJECT.parent / "shared" / "data"))
FOLDER = FILES / "human" / "CRISPR"
TABLE = FOLDER / "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
CONTACTS = FOLDER / "contacts_K562_pairs.tsv.gz"
CLASSES = [(0, 20_000), (20_000, 50_000), (50_000, 150_000), (150_000, np.inf)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not TABLE.is_file(), reason=f"no real files at {FILES} (CLASTER_REAL_FILES)"
    ),
]


@pytest.fixture(scope="module")
def pairs():
    """All pairs of the table, with contacts."""
    return add_contacts(read_crispr_table(TABLE), CONTACTS)


def areas(pairs, score):
    regulated, distance = pairs["regulated"].to_numpy(), pairs["distance"].to_numpy()
    score = np.nan_to_num(score)
    by_class = [(distance >= low) & (distance < high) for low, high in CLASSES]
    return [
        average_precision_score(regulated[rows], score[rows])
        for rows in (np.ones(len(pairs), dtype=bool), *by_class)
    ]


def test_simple_scores_have_the_areas_that_are_known(pairs):
    table, names = pairs
    assert (len(table), table["regulated"].sum()) == (10_356, 471)
    assert names == ["3DContactAvgHicTrack2", "ABCScoreDNaseOnlyAvgHicTrack2"]
    scores = table_predictors(table, names)
    assert areas(table, scores["distance"])[0] == pytest.approx(0.438, abs=6e-4)
    assert areas(table, scores["H3K27ac / distance"])[0] == pytest.approx(0.503, abs=6e-4)
    known = [0.529, 0.750, 0.444, 0.226, 0.037]
    assert areas(table, scores["activity / distance"]) == pytest.approx(known, abs=6e-4)
    assert areas(table, scores[names[0]])[0] == pytest.approx(0.388, abs=6e-4)
    assert areas(table, scores[names[1]])[0] == pytest.approx(0.526, abs=6e-4)


def test_shuffled_labels_have_the_base_rate(pairs):
    table, names = pairs
    shuffled = np.random.default_rng(1).permutation(table["regulated"].to_numpy())
    for score in table_predictors(table, names).values():
        area = average_precision_score(shuffled, np.nan_to_num(score))
        assert area == pytest.approx(471 / 10_356, abs=0.012)


def test_a_slice_of_the_table_gives_the_same_bytes_twice(tmp_path):
    with gzip.open(TABLE, "rt") as file:
        lines = [next(file) for _ in range(300)]
    (tmp_path / "slice.tsv").write_text("".join(lines))
    told = []
    for _ in range(2):
        table, names = add_contacts(read_crispr_table(tmp_path / "slice.tsv"), CONTACTS)
        scores = score_subsets(table, table_predictors(table, names), Binning(2001, 500), seed=0)
        told.append(scores.to_csv(index=False))
    assert told[0] == told[1]
    whole = scores[(scores["subset"] == "all") & (scores["metric"] == "auprc")]
    expected = areas(table, table_predictors(table, names)["activity / distance"])[0]
    found = whole.set_index("predictor").loc["activity / distance"]
    assert found["value"] == pytest.approx(expected)
    assert found["low"] < found["value"] < found["high"]
    assert set(scores["metric"]) == {"auroc", "auprc", "precision_at_recall"}


def test_a_table_of_other_pairs_is_refused(tmp_path, pairs):
    other = pd.read_csv(CONTACTS, sep="\t").assign(chrom="chrZ")
    other.to_csv(tmp_path / "other.tsv", sep="\t", index=False)
    with pytest.raises(ClasterError, match="a number for none of 10,356 pairs"):
        add_contacts(read_crispr_table(TABLE), tmp_path / "other.tsv")


def test_a_pair_on_the_edge_of_two_distances_is_in_the_farther_one():
    pairs = pd.DataFrame({"distance": [19_999.0, 20_000.0, 150_000.0], "dataset": ""})
    found = {name: rows.tolist() for name, rows in _subsets(pairs).items() if any(rows)}
    assert found == {
        "all": [True, True, True],
        "0-20 kb": [True, False, False],
        "20-50 kb": [False, True, False],
        "150 kb and more": [False, False, True],
    }
