"""Tracks: sizes, zero runs, noise, marks where they belong."""

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.simulation import ToyGenome
from claster.simulation.annotation import _binned_means
from claster.simulation.tracks import Reads, _covered_runs, _write_bigwig, sequence_reads


def mean_around(tiny: ToyGenome, track: str, chrom: str, centre: int, reach: int) -> float:
    with pyBigWig.open(str(tiny.folder / f"{track}.bw")) as opened:
        values = opened.values(chrom, centre - reach, centre + reach, numpy=True)
    return float(np.nan_to_num(values).mean())


def test_every_track_has_the_chromosomes_and_zoom_levels(tiny: ToyGenome) -> None:
    found = sorted(tiny.folder.rglob("*.bw"))
    assert len(found) == 16
    for path in found:
        with pyBigWig.open(str(path)) as track:
            assert track.chroms() == tiny.chrom_sizes
            assert track.header()["nLevels"] > 0
            assert track.header()["minVal"] >= 0


def test_covered_runs() -> None:
    signal = np.array([0, 0, 1, 0, 2, 0, 0, 0, 3, 3, 0], dtype=float)
    assert _covered_runs(signal, gap=3) == [(2, 5), (8, 10)]
    assert _covered_runs(signal, gap=4) == [(2, 10)]
    assert _covered_runs(np.zeros(4), gap=1) == []


def test_bigwig_gives_back_what_was_written(tmp_path) -> None:
    rng = np.random.default_rng(0)
    signal = rng.poisson(0.5, 500).astype(float)
    signal[100:200] = 0
    _write_bigwig(tmp_path / "a.bw", {"chr1": 10_000}, [("chr1", signal)])
    with pyBigWig.open(str(tmp_path / "a.bw")) as track:
        values = track.values("chr1", 0, 10_000, numpy=True)
    np.testing.assert_array_equal(np.nan_to_num(values), np.repeat(signal, 20))
    assert np.isnan(values[110 * 20 : 190 * 20]).all()


def test_reads_have_the_expected_mean_and_are_overdispersed() -> None:
    expected = np.full(200_000, 5.0)
    reads = Reads(depth=2.0, fragment=5, dispersion=0.3)
    drawn = sequence_reads(expected, reads, np.random.default_rng(1), smooth=False)
    assert drawn.dtype == np.float32
    assert drawn.mean() == pytest.approx(5.0, rel=0.01)
    per_fragment = drawn[2::5] * 2.0
    assert per_fragment.var() > 1.3 * per_fragment.mean()


def test_a_read_covers_its_fragment_centred_on_its_step() -> None:
    expected = np.zeros(21)
    expected[10] = 1e6
    reads = Reads(depth=1.0, fragment=5, dispersion=0.0)
    drawn = sequence_reads(expected, reads, np.random.default_rng(1), smooth=False)
    assert np.flatnonzero(drawn).tolist() == [8, 9, 10, 11, 12]


def test_marks_at_active_promoters(tiny: ToyGenome, genes: pd.DataFrame) -> None:
    active = genes[(genes["state"] == "active") & (genes["H3K27me3"] < 0.1)]
    closed = genes[genes["state"] == "closed"]
    for mark in ("ATAC", "H3K4me3", "H3K27ac"):
        high, low = (
            np.array(
                [mean_around(tiny, f"ctrl/{mark}", g.chrom, g.tss, 500) for g in some.itertuples()]
            )
            for some in (active, closed)
        )
        assert np.median(high) > 5 * np.median(low)
        assert np.corrcoef(np.log(high), np.log(active[f"{mark}_ctrl"]))[0, 1] > 0.8
    poised = genes[genes["state"] == "poised"]
    repressed = [
        mean_around(tiny, "ctrl/H3K27me3", g.chrom, g.tss, 2_000) for g in poised.itertuples()
    ]
    assert min(repressed) > 2


def test_elements_have_enhancer_marks_and_inhibition_takes_acetylation(
    tiny: ToyGenome, elements: pd.DataFrame
) -> None:
    once = elements.drop_duplicates("element_id")
    for kind, some in once.groupby("kind"):
        means = {
            track: np.mean(
                [
                    mean_around(tiny, track, e.chrom, (e.start + e.end) // 2, 400)
                    for e in some.itertuples()
                ]
            )
            for track in ("ctrl/ATAC", "a485/ATAC", "ctrl/H3K27ac", "a485/H3K27ac", "ctrl/H3K4me3")
        }
        assert means["ctrl/H3K27ac"] > 10, kind
        assert means["ctrl/H3K4me3"] < 0.4 * means["ctrl/H3K27ac"], kind
        assert means["a485/H3K27ac"] < 0.5 * means["ctrl/H3K27ac"], kind
        assert means["a485/ATAC"] > 0.75 * means["ctrl/ATAC"], kind


def test_blacklisted_regions_hold_absurd_spikes(tiny: ToyGenome) -> None:
    regions = pd.read_csv(
        tiny.folder / "blacklist.bed",
        sep="\t",
        header=None,
        names=["chrom", "start", "end", "name"],
    )
    assert len(regions) == 2 * len(tiny.chrom_sizes)
    for region in regions.itertuples():
        half = (region.end - region.start) // 2
        for track in ("ctrl/ATAC", "a485/H3K27me3"):
            assert mean_around(tiny, track, region.chrom, region.start + half, half) > 500


def test_bins_that_cut_a_step_take_their_share() -> None:
    signal = np.array([1.0, 3.0, 5.0])
    edges = np.array([[-10, 10, 30, 60, 70]])
    means = _binned_means(signal, edges)[0]
    assert np.isnan(means[[0, 3]]).all()
    np.testing.assert_allclose(means[1:3], [2.0, (3 * 10 + 5 * 20) / 30])
