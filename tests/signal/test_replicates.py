"""Replicates are averaged base by base, and a track of several files is read like one of their mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.signal.bigwig import _average_signals
from claster.signal.intervals import window_means

SIZE = 120


def test_means_by_hand(run_lengths):
    bases = np.full((2, SIZE), np.nan)
    bases[0, :20] = 4.0
    bases[1, 10:30] = 1.0
    signals = [run_lengths(row) for row in bases]
    found = _average_signals(signals, [1.0, 3.0], summary="mean_all")
    assert found.starts.tolist() == [0, 10, 20]
    assert found.ends.tolist() == [10, 20, 30]
    assert found.values.tolist() == [1.0, 1.75, 0.75]
    assert _average_signals(signals, [1.0, 3.0], summary="mean_covered").values.tolist() == [
        4.0,
        1.75,
        1.0,
    ]


@settings(derandomize=True, max_examples=120)
@given(
    st.lists(
        st.lists(st.sampled_from([np.nan, 0.0, 1.5, 4.0, -2.0]), min_size=12, max_size=12),
        min_size=2,
        max_size=4,
    ),
    st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=4, max_size=4),
    st.sampled_from(["mean_all", "mean_covered"]),
)
def test_against_every_base(run_lengths, files, weights, summary):
    bases = np.repeat(np.array(files), SIZE // 12, axis=1)
    weight = np.array(weights[: len(bases)])[:, None]
    held = np.isfinite(bases)
    below = (held * weight).sum(axis=0) if summary == "mean_covered" else weight.sum()
    total = (np.nan_to_num(bases) * weight).sum(axis=0)
    mean = np.divide(total, below, out=np.full(SIZE, np.nan), where=held.any(axis=0))
    found = _average_signals([run_lengths(row) for row in bases], weight[:, 0], summary=summary)
    assert (found.starts[1:] >= found.ends[:-1]).all()
    binned = np.nan_to_num(mean).reshape(10, 12).sum(axis=1)
    covered = np.isfinite(mean).reshape(10, 12).sum(axis=1)
    expected = binned / (12 if summary == "mean_all" else np.maximum(covered, 1))
    means = window_means(found, np.array([0]), bins=10, size=12, summary=summary)[0]
    assert means == pytest.approx(expected, rel=1e-6, abs=1e-7)
