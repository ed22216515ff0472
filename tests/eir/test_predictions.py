"""Tables of predictions, by hand."""

import pandas as pd
import pytest

from claster.dataset.signal_settings import TargetSpec
from claster.eir.predictions import _forward_profiles, average_orientations, average_runs
from claster.errors import ClasterError

COLUMNS = ["-1_a", "0_a", "1_a", "-1_b", "0_b", "1_b"]
TABLE = pd.DataFrame(
    [[1, 2, 3, 4, 5, 6], [9, 8, 7, 0, 0, 0], [1, 1, 1, 2, 2, 2], [3, 1, 1, 2, 2, 4]],
    index=pd.Index(["g.1_rev", "h_forward", "g.1_forward", "h_rev"], name="ID"),
    columns=COLUMNS,
    dtype="float32",
)
TARGET = TargetSpec.model_validate(
    {"bins": 3, "conditions": [{"name": "a", "file": "a.bw"}, {"name": "b", "file": "b.bw"}]}
)


def test_mean_over_both_orientations():
    averaged = average_orientations(TABLE, TARGET)
    assert averaged.loc["g.1_forward"].tolist() == [2, 1.5, 1, 4, 3.5, 3]
    assert averaged.loc["g.1_rev"].tolist() == [1, 1.5, 2, 3, 3.5, 4]
    assert averaged.loc["h_forward"].tolist() == [5, 4.5, 5, 2, 1, 1]
    assert list(averaged.index) == list(TABLE.index)


def test_strands_apart_change_places_in_the_mirrored_genome():
    pair = {"name": "c", "plus": "p.bw", "minus": "m.bw"}
    target = TargetSpec.model_validate({"bins": 3, "conditions": [pair], "strands": "apart"})
    table = TABLE.set_axis(target.columns, axis=1)
    averaged = average_orientations(table, target)
    assert averaged.loc["g.1_forward"].tolist() == [3.5, 3, 2.5, 2.5, 2, 1.5]
    assert averaged.loc["g.1_rev"].tolist() == [1.5, 2, 2.5, 2.5, 3, 3.5]


def test_mean_needs_both_orientations():
    with pytest.raises(ClasterError, match="no prediction of h_rev"):
        average_orientations(TABLE.drop("h_rev"), TARGET)


def test_mean_and_spread_of_runs():
    mean, spread = average_runs([TABLE, TABLE.iloc[::-1] + 2, TABLE + 4])
    pd.testing.assert_frame_equal(mean, TABLE + 2)
    assert (spread == 2).all(axis=None)


def test_runs_with_other_columns():
    with pytest.raises(ClasterError, match="different target columns"):
        average_runs([TABLE, TABLE.rename(columns={"1_b": "2_b"})])


def test_forward_profiles():
    genes, profiles = _forward_profiles(TABLE, bins=3)
    assert genes == ["h", "g.1"]
    assert profiles.tolist() == [[[9, 8, 7], [0, 0, 0]], [[1, 1, 1], [2, 2, 2]]]
