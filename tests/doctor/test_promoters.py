"""Whether the signal of a dataset knows the TSSs of its gene table."""

import numpy as np
import pandas as pd
import pytest

from claster.dataset.doctor.signal_facts import _lone_starts, measure_promoters

SIZES = {"chr1": 3_000_000}
STARTS = np.arange(30_000, 2_970_000, 40_000)


class Peaks:
    """A track of 1 everywhere and of `height` within 1 kb of `starts`."""

    def __init__(self, starts, height, *, background=1.0):
        self.starts, self.height, self.background = starts, height, background

    def has(self, chrom):
        return chrom == "chr1"

    def bins(self, chrom, start, *, bins, size):
        edges = start + size * np.arange(bins + 1)
        inside = sum(
            np.clip(np.minimum(edges[1:], s + 1000) - np.maximum(edges[:-1], s - 1000), 0, None)
            for s in self.starts[np.abs(self.starts - start) < 50_000]
        ) + np.zeros(bins)
        return self.background + (self.height - self.background) * inside / size


def genes(starts=STARTS, chrom="chr1"):
    return pd.DataFrame(
        {
            "chrom": chrom,
            "tss": starts,
            "strand": ["+", "-"] * (len(starts) // 2) + ["+"] * (len(starts) % 2),
        }
    )


def test_peaks_at_the_starts_are_counted_by_hand():
    peaks = Peaks(STARTS, 12.0)
    assert measure_promoters(peaks, genes(), sign=1.0) == pytest.approx((12, 1))
    assert measure_promoters(Peaks(STARTS, 1.0), genes(), sign=1.0) == pytest.approx((1, 1))
    negative = Peaks(STARTS, -12.0, background=-1.0)
    assert measure_promoters(negative, genes(), sign=-1.0) == pytest.approx((12, 1))


def test_signal_downstream_is_counted_on_the_gene_s_strand():
    table = genes()
    ahead = np.where(table["strand"] == "+", 5_000, -5_000)
    found = measure_promoters(Peaks(STARTS + ahead, 10.0), table, sign=1.0)
    assert found.within == pytest.approx((9 + 2 * 9) / 9)
    assert found.knows_genes


def test_peaks_elsewhere_do_not_count():
    found = measure_promoters(Peaks(STARTS + 20_000, 12.0), genes(), sign=1.0)
    assert found == pytest.approx((1, 1))
    assert not found.knows_genes


def test_one_tower_decides_nothing():
    assert measure_promoters(Peaks(STARTS[:1], 1e6), genes(), sign=1.0).at < 1.5


def test_few_genes_say_nothing():
    assert measure_promoters(Peaks(STARTS, 12.0), genes(STARTS[:39]), sign=1.0) is None
    assert measure_promoters(Peaks(STARTS, 12.0), genes(chrom="chr2"), sign=1.0) is None
    few = Peaks(STARTS[:9], 12.0, background=0.0)
    assert measure_promoters(few, genes(), sign=1.0) is None


def test_neighbours_within_10_kb_are_left_out():
    table = pd.DataFrame(
        {"chrom": ["chr1"] * 4 + ["chr2"], "tss": [5_000, 90_000, 96_000, 300_000, 300_500]}
    )
    assert _lone_starts(table)["tss"].tolist() == [5_000, 300_000, 300_500]


@pytest.mark.parametrize(("shift", "warns"), [(0, False), (20_000, True)])
def test_the_gene_table_of_another_build_is_told_by_the_tracks(examine, make, shift, warns):
    rows = []
    for number, start in enumerate(STARTS):
        name = f"G{number}"
        rows.append(f"chr1\t{start}\t{start + 3000}\t{name}\t0\t+\t{name}.1\tprotein_coding")
    make.text("genes.tsv", [make.header, *rows])
    make.text("chrom.sizes", ["chr1\t3000000"])

    def peaks(starts):
        near = np.abs(starts[:, None] - STARTS[None, :] - shift).min(axis=1) < 1000
        return np.where(near, 20.0, 1.0)

    for name in ("ATAC.bw", "plus.bw"):
        make.track(name, sizes=SIZES, values=peaks, step=500, width=500)
    make.track("H3K27ac.bw", sizes=SIZES, step=500, width=500)
    make.track("minus.bw", sizes=SIZES, sign=-1.0, step=500, width=500)
    report = examine(contacts=None, elements=None, blacklist=None, genome=None, splits={})
    found = [f for f in report.findings if f.check == "promoters" and f.verdict == "warning"]
    assert bool(found) == warns
    (fact,) = [f for f in report.of("track ATAC") if f.check == "promoters"]
    assert ("15.2 times" in fact.evidence) == (not warns)
    if warns:
        assert found[0].item == "tracks"
