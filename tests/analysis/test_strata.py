import numpy as np
import pandas as pd
import pytest

from claster.analysis.bootstrap import resample_blocks
from claster.analysis.tables import STRATA, calibration, gene_errors, strata_of


@pytest.fixture
def genes():
    start = np.array([0, 1000, 5000, 9000, 20_000, 40_000, 0, 70_000]) + 100_000
    end = start + 1000 * np.arange(1, 9)
    return pd.DataFrame(
        {
            "gene_id": [f"g{number}" for number in range(8)],
            "name": "x",
            "chrom": ["chr1"] * 6 + ["chr2", "chr1"],
            "start": start,
            "end": end,
            "strand": "+",
            "tss": start,
        }
    )


def test_strata_are_quarters_and_chromosomes(genes):
    expression = np.array([0, 0, 0, 0, 0, 1, 2, 30])
    found = list(strata_of(genes, genes, expression))
    assert list(dict.fromkeys(stratum.by for stratum in found)) == list(STRATA)
    by = {by: [stratum for stratum in found if stratum.by == by] for by in STRATA}
    # More than half are silent: they stay together.
    assert [stratum.name for stratum in by["expression"]] == [
        "1 of 2 (0 to 1 reads)",
        "2 of 2 (2 to 30 reads)",
    ]
    assert [stratum.genes.sum() for stratum in by["gene length"]] == [2, 2, 2, 2]
    assert by["gene length"][0].name == "1 of 4 (1 to 2 kb)"
    assert not any(stratum.genes[6] for stratum in by["nearest gene"])  # alone on chr2
    assert sum(stratum.genes.sum() for stratum in by["nearest gene"]) == 7
    assert [(stratum.name, stratum.genes.sum()) for stratum in by["chromosome"]] == [
        ("chr1", 7),
        ("chr2", 1),
    ]
    for members in by.values():
        assert (np.sum([stratum.genes for stratum in members], axis=0) <= 1).all()


def test_calibration_of_a_linear_bias():
    rng = np.random.default_rng(0)
    predicted = rng.uniform(0, 8, (200, 50))
    observed = 1 + 0.5 * predicted + rng.normal(0, 0.1, predicted.shape)
    counted = rng.random(predicted.shape) < 0.7
    drawn = resample_blocks(np.arange(200) // 4, resamples=200)
    curve = calibration(observed, predicted, counted, drawn)
    assert curve["band"].tolist() == list(range(1, 21))
    assert curve["n"].sum() == counted.sum()
    assert curve["n"].max() - curve["n"].min() <= 1
    np.testing.assert_allclose(curve["observed"], 1 + 0.5 * curve["predicted"], atol=0.02)
    assert (curve["low"] < curve["observed"]).all()
    assert (curve["observed"] < curve["high"]).all()
    band = (predicted >= 0) & (predicted < np.quantile(predicted[counted], 0.05)) & counted
    assert curve["observed"].iloc[0] == pytest.approx(observed[band].mean(), rel=1e-3)


def test_equal_predictions_stay_in_one_band():
    predicted = np.repeat([[0.0, 0.0, 0.0, 5.0]], 6, axis=0)
    drawn = resample_blocks(np.arange(6), resamples=20)
    every = np.ones(predicted.shape, dtype=bool)
    curve = calibration(predicted + 1, predicted, every, drawn)
    assert curve[["predicted", "observed", "n"]].to_numpy().tolist() == [[0, 1, 18], [5, 6, 6]]
    assert len(calibration(predicted, 0 * predicted, every, drawn)) == 1


def test_the_worst_genes_come_first(genes):
    observed = np.zeros((8, 3))
    predicted = np.arange(8)[:, np.newaxis] * np.ones(3)
    found = gene_errors(
        genes, observed, predicted, observed_mean=np.ones(8), predicted_mean=np.full(8, 7.0)
    )
    assert found["gene_id"].tolist() == [f"g{number}" for number in range(7, -1, -1)]
    assert found["rmse"].tolist() == list(range(7, -1, -1))
    assert found["error"].tolist() == [2] * 8
    assert found["worst"].tolist() == list(range(1, 9))
