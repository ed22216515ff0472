"""How large the values of a track are, against pyBigWig and literal truths."""

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.dataset.doctor.tracks import _scale_ratio
from claster.dataset.scale import SignalScale, measure_scale, rescaling, spread_evenly
from claster.errors import ClasterError
from claster.signal.bigwig import BigWig
from claster.signal.landscape import rescaled


def centres(*places, chrom="chr1"):
    return pd.DataFrame({"chrom": chrom, "tss": places})


def test_quantiles_are_those_of_the_bins(make):
    path = make.track("x.bw", seed=5)
    places = centres(*range(20_000, 380_000, 17_001))
    with BigWig(path, named="x") as track:
        found = measure_scale(track, places, bin=100, bins=51)
    with pyBigWig.open(str(path)) as file:
        bases = [np.nan_to_num(file.values("chr1", t - 2550, t + 2550)) for t in places["tss"]]
    bins = np.concatenate(bases).reshape(-1, 100).mean(axis=1)
    assert found.mean == pytest.approx(bins.mean(), rel=1e-5)
    expected = np.quantile(bins, [0.5, 0.9, 0.99, 0.999, 1.0])
    assert [found.q50, found.q90, found.q99, found.q999, found.max] == pytest.approx(
        expected, rel=1e-5
    )
    assert (found.windows, found.bins, found.bin) == (len(places), 51, 100)


def test_negative_values_count_as_0_unless_the_sign_is_given(make):
    path = make.track("x.bw", values=lambda s: np.full(s.size, 2.0), sign=-1.0)
    with BigWig(path, named="x") as track:
        assert measure_scale(track, centres(50_000), bin=100, bins=5).max == 0
        assert measure_scale(track, centres(50_000), bin=100, bins=5, sign=-1.0).q50 == 2.0


def test_at_most_200_windows_the_same_ones_every_time(make):
    path = make.track("x.bw")
    places = centres(*range(1000, 399_000, 500))
    with BigWig(path, named="x") as track:
        first, second = (measure_scale(track, places, bin=100, bins=3) for _ in range(2))
    assert first == second
    assert first.windows == 200


def test_file_without_the_chromosome(make):
    path = make.track("x.bw")
    with BigWig(path, named="x") as track, pytest.raises(ClasterError, match="no chromosome"):
        measure_scale(track, centres(5, chrom="chr9"), bin=100, bins=3)


def test_spread_keeps_first_and_last():
    table = pd.DataFrame({"n": range(1001)})
    chosen = spread_evenly(table, 11)["n"].tolist()
    assert chosen == list(range(0, 1001, 100))
    assert spread_evenly(table, 2000) is table


@pytest.mark.parametrize(
    ("found", "reference", "ratio"),
    [((5, 50), (2, 25), 2.0), ((5, 0), (2, 25), 2.5), ((0, 0), (2, 25), 1.0)],
)
def test_ratio_is_of_the_99_percent_quantiles_else_of_the_means(found, reference, ratio):
    def scale(mean, q99):
        rest = dict.fromkeys(("q50", "q90", "q999", "max"), 0.0)
        return SignalScale(mean=mean, q99=q99, windows=1, bins=1, bin=100, **rest)

    assert _scale_ratio(scale(*found), scale(*reference)) == ratio


def like(values):
    q50, q90, q99, q999 = np.quantile(values, [0.5, 0.9, 0.99, 0.999])
    rest = {"mean": values.mean(), "max": values.max(), "windows": 1, "bins": 1, "bin": 1}
    return SignalScale(q50=q50, q90=q90, q99=q99, q999=q999, **rest)


@pytest.mark.parametrize(
    ("there", "kind", "pairs"),
    [
        (lambda x: 1.1 * x, "", 0),
        (lambda x: 10 * x, "factor", 1),
        (lambda x: 3 * x**1.5, "two anchors", 2),
        (lambda x: np.where(x < 2, x, 2 * x - 2) * (1 + 9 * (x > 20)), "quantiles", 4),
    ],
)
def test_the_simplest_that_makes_a_track_alike(there, kind, pairs):
    values = np.exp(np.random.default_rng(3).normal(0, 1.2, 50_000))
    found, points = rescaling(like(values), like(there(values)))
    assert (found, len(points)) == (kind, pairs)
    if points:
        made, wanted = like(rescaled(values, points)), like(there(values))
        for quantile in ("q50", "q90", "q99", "q999"):
            assert getattr(made, quantile) == pytest.approx(getattr(wanted, quantile), rel=0.25)


@pytest.mark.parametrize(
    ("times", "kind"), [(1.24, ""), (1.26, "factor"), (1 / 1.24, ""), (1 / 1.26, "factor")]
)
def test_tracks_a_quarter_apart_are_alike(times, kind):
    values = np.arange(1.0, 101)
    assert rescaling(like(values), like(times * values))[0] == kind


def test_quantiles_that_are_0_say_nothing():
    sparse = np.r_[np.zeros(960), np.geomspace(1, 30, 40)]
    assert rescaling(like(sparse), like(4 * sparse))[0] == "factor"
    assert rescaling(like(np.zeros(10)), like(sparse)) == ("", ())
