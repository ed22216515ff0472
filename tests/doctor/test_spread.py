"""Where files hold anything, against brute force, and what that leaves of the windows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.dataset.doctor.spread import measure_spread
from claster.genome.windows import Binning


@pytest.fixture(scope="module")
def beside():
    return {"contacts": None, "genome": None}


WINDOW = Binning(5, 20)  # 100 bp
SIZE = 2000


def measure(blocks, places, *, held=("chr1",), gap=100):
    return measure_spread(
        pd.DataFrame(blocks, columns=["chrom", "start", "end"]),
        pd.DataFrame({"gene_id": "g", "chrom": "chr1", "tss": places}),
        held=held,
        window=WINDOW,
        gap=gap,
    )


intervals = st.lists(
    st.tuples(st.integers(0, SIZE - 1), st.integers(1, 300)).map(
        lambda pair: ("chr1", pair[0], min(pair[0] + pair[1], SIZE))
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@given(intervals, st.lists(st.integers(50, SIZE - 50), min_size=1, max_size=8))
def test_share_inside_islands_and_emptiness_against_brute_force(blocks, places):
    spread = measure(blocks, places)
    data, island = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    for _, start, end in blocks:
        data[start:end] = True
    for _, start, end in spread.islands.itertuples(index=False):
        assert not island[start:end].any()
        island[start:end] = True
    assert (island >= data).all()
    for place, window in zip(places, spread.windows.itertuples(), strict=True):
        cut = slice(place - 50, place + 50)
        assert window.inside == pytest.approx(island[cut].mean())
        assert window.empty == (not data[cut].any())


def test_few_gaps_do_not_part_a_sparse_track():
    blocks = [("chr1", start, start + 1) for start in range(0, 2000, 90)]
    spread = measure(blocks, range(100, 1900, 100))
    assert spread.islands.values.tolist() == [["chr1", 0, 1981]]
    assert spread.partial == []


def test_wide_gaps_part_islands_where_many_windows_are_empty():
    spread = measure([("chr1", 100, 500), ("chr1", 1500, 1900)], range(150, 1900, 50))
    assert spread.islands.values.tolist() == [["chr1", 100, 500], ["chr1", 1500, 1900]]
    assert spread.partial == ["chr1"]


def test_chromosomes_that_are_lacking_or_silent():
    nothing = measure([], [100, 200], held=())
    assert (nothing.lacking, nothing.silent) == (["chr1"], [])
    silent = measure([], [100, 200], held=("chr1",))
    assert (silent.lacking, silent.silent) == ([], ["chr1"])
    assert silent.windows["empty"].all()


def test_signal_on_a_part_gives_the_line_to_write(examine, make, one):
    make.track("ATAC.bw", spans=[("chr1", 100_000, 200_000), ("chr2", 0, 200_000)])
    make.track("H3K27ac.bw", spans=[("chr1", 150_000, 300_000), ("chr2", 0, 200_000)])
    report = examine()
    finding = one(report, "track ATAC", "coverage")
    assert finding.verdict == "warning"
    assert "signal on 100 kb of 400 kb of chr1 (0.10-0.20 Mb)" in finding.evidence
    assert "11 of 48 windows lie whole inside" in finding.evidence
    finding = one(report, "windows", "coverage")
    line = 'regions: ["chr1:150,000-200,000", chr2]'
    assert f"write '{line}'" in finding.remedy
    rules = ["chr1:150,000-200,000", "chr2"]
    report = examine(regions=rules, splits={"test": ["chr2"]})
    assert [f for f in report.findings if f.check == "coverage"] == []
    kept = int(one(report, "windows", "genes").evidence.split()[0])
    assert finding.evidence.startswith(f"{kept} of 71 windows")


def test_contacts_on_a_part(examine, make, small, one):
    def near_the_start(pixels, bins):
        return pixels[pixels["bin2_id"] < 100]

    make.cooler("contacts.cool", change=near_the_start)
    contacts = small.content()["contacts"]
    finding = one(examine(contacts=contacts), "contacts", "coverage")
    assert "no contacts on chr2, where 23 genes are" in finding.evidence
    assert "contacts on 100 kb of 400 kb of chr1" in finding.evidence


def test_empty_chromosome_with_few_genes_can_be_left_out(examine, make, one):
    sizes = make.sizes | {"chr3": 30_000}
    make.text("chrom.sizes", [f"{chrom}\t{size}" for chrom, size in sizes.items()])
    make.text("genes.tsv", [make.header, *make.genes(sizes)])
    make.track("ATAC.bw", sizes=sizes, spans=[("chr1", 0, 400_000), ("chr2", 0, 200_000)])
    for name in ("H3K27ac.bw", "plus.bw"):
        make.track(name, sizes=sizes)
    make.track("minus.bw", sizes=sizes, sign=-1.0)
    make.cooler("contacts.cool", sizes=sizes)
    report = examine()
    finding = one(report, "track ATAC", "coverage")
    assert finding.evidence == "no signal on chr3, where 2 genes are"
    assert "'exclude_chromosomes: [chr3]' under 'genes'" in finding.remedy
    assert [f for f in report.of("windows") if f.check == "coverage"] == []


def test_chromosomes_that_a_file_lacks(examine, make, one):
    make.track("ATAC.bw", sizes={"chr1": 400_000})
    finding = one(examine(splits={}), "track ATAC", "coverage")
    assert finding.evidence == "lacks chr2, where 23 of 71 genes are"
    assert finding.verdict == "warning"
