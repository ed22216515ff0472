"""Merging windows and writing tracks, against base by base arithmetic and pyBigWig."""

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.dataset.signal_settings import TargetSpec
from claster.eir.predictions import _merge_mean, _merge_nearest, write_track, write_tracks
from claster.errors import ClasterError
from claster.genome.windows import Binning


@st.composite
def windows(draw):
    binning = Binning(draw(st.sampled_from([1, 3, 5])), draw(st.sampled_from([2, 4, 6])))
    tss = draw(st.lists(st.integers(-5, 85), min_size=1, max_size=9))
    values = np.random.default_rng(draw(st.integers(0, 9))).normal(size=(len(tss), binning.bins))
    return np.array(tss), values, binning


def base_by_base(tss, values, binning, size, *, merge):
    """What the definitions in words say, one base at a time."""
    signal = np.full(size, np.nan)
    for base in range(size):
        over = []
        for window, centre in enumerate(tss):
            bin_ = (base - (centre - binning.half)) // binning.size
            if 0 <= bin_ < binning.bins:
                over.append((abs(2 * base + 1 - 2 * centre), centre, window, values[window, bin_]))
        if over:
            signal[base] = min(over)[3] if merge == "nearest" else np.mean([o[3] for o in over])
    return signal


def spread_out(intervals, size):
    signal = np.full(size, np.nan)
    end_before = 0
    for start, end, value in zip(*intervals, strict=True):
        assert end_before <= start < end <= size
        signal[start:end] = value
        end_before = end
    return signal


@given(windows(), st.sampled_from([60, 80]))
def test_nearest_is_the_definition_base_by_base(case, size):
    tss, values, binning = case
    merged = spread_out(_merge_nearest(tss, values, binning=binning, size=size), size)
    np.testing.assert_array_equal(merged, base_by_base(*case, size, merge="nearest"))


@given(windows(), st.sampled_from([60, 80]))
def test_mean_is_the_definition_base_by_base(case, size):
    tss, values, binning = case
    merged = spread_out(_merge_mean(tss, values, binning=binning, size=size), size)
    np.testing.assert_allclose(
        merged, base_by_base(*case, size, merge="mean"), rtol=1e-9, atol=1e-12
    )


GENES = pd.DataFrame(
    {"gene_id": ["a", "b", "c"], "chrom": ["chr2", "chr10", "chr2"], "tss": [50, 30, 62]}
)
BINNING = Binning(3, 20)
SIZES = {"chr2": 200, "chr10": 100, "chr1": 300}


@pytest.mark.parametrize("merge", ["nearest", "mean"])
def test_track_reads_back(tmp_path, merge):
    values = np.arange(9, dtype=np.float32).reshape(3, 3)
    path = tmp_path / "out" / "x.bw"
    write_track(path, GENES, values, binning=BINNING, sizes=SIZES, merge=merge)
    assert [entry.name for entry in path.parent.iterdir()] == ["x.bw"]
    with pyBigWig.open(str(path)) as track:
        assert track.chroms() == {"chr10": 100, "chr2": 200}
        for chrom, rows in (("chr2", [0, 2]), ("chr10", [1])):
            expected = base_by_base(
                GENES["tss"].to_numpy()[rows], values[rows], BINNING, SIZES[chrom], merge=merge
            )
            found = track.values(chrom, 0, SIZES[chrom], numpy=True)
            np.testing.assert_allclose(found, expected)


def test_window_on_an_unknown_chromosome(tmp_path):
    with pytest.raises(ClasterError, match="no length of chromosome chr10"):
        write_track(tmp_path / "x.bw", GENES, np.ones((3, 3)), binning=BINNING, sizes={"chr2": 200})
    assert not list(tmp_path.iterdir())


def test_residual_is_observed_minus_predicted(tmp_path):
    target = TargetSpec.model_validate(
        {
            "bin": 20,
            "bins": 3,
            "conditions": [{"name": "ctrl", "file": "c.bw"}, {"name": "drug", "file": "d.bw"}],
        }
    )
    ids = [f"{gene}_{way}" for gene in "cab" for way in ("forward", "rev")]
    predicted = pd.DataFrame(np.arange(36.0).reshape(6, 6), index=ids, columns=target.columns)
    observed = (predicted**2).iloc[::-1]
    files = write_tracks(
        tmp_path / "test", predicted, GENES, target, observed=observed, sizes=SIZES
    )
    assert len(files) == len(list(tmp_path.glob("*.bw"))) == 6
    row = predicted.loc["b_forward", target.columns[3:]].to_numpy()
    expected = {"predicted": row, "observed": row**2, "residual": row**2 - row}
    for kind, values in expected.items():
        with pyBigWig.open(str(tmp_path / f"test.drug.{kind}.bw")) as track:
            assert track.intervals("chr10") == (
                (0, 20, values[0]),
                (20, 40, values[1]),
                (40, 60, values[2]),
            )


def test_without_observed_signal_there_is_only_the_prediction(tmp_path):
    target = TargetSpec.model_validate(
        {"bin": 20, "bins": 3, "conditions": [{"name": "ctrl", "file": "c.bw"}]}
    )
    predicted = pd.DataFrame(np.ones((1, 3)), index=["b_forward"], columns=target.columns)
    files = write_tracks(tmp_path / "new", predicted, GENES, target, observed=None, sizes=SIZES)
    assert [file.name for file in files] == ["new.ctrl.predicted.bw"]
