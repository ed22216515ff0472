"""Element files with faults, and which elements are tried on which genes."""

import numpy as np
import pandas as pd
import pytest

from claster.analysis.perturbation.candidates import (
    describe_pairs,
    pair_elements,
    read_candidates,
    tell_candidates,
)
from claster.analysis.perturbation.editor import edit_settings
from claster.analysis.perturbation.plan import _combine_pairs
from claster.analysis.perturbation.settings import PerturbSettings
from claster.errors import ClasterError
from claster.settings import parse_shard

SIZES = {"chr1": 1000, "chr2": 2000}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "are empty"),
        (
            "chrZ\t1\t9\nchrY\t1\t9\n",
            r"none of 2 is on a chromosome of small; they are on chrZ, chrY",
        ),
        ("chr1\t990\t1001\n", r"all 1 end beyond their chromosomes"),
        ("chr1\t9\t9\n", "without bases"),
        ("chr1\t5\t9\ta\nchr1\t1\t2\ta\nchr1\t5\t9\tb\n", "an element ID that an earlier row has"),
    ],
)
def test_files_with_no_use_are_refused(world, text, said):
    with pytest.raises(ClasterError, match=said):
        read_candidates(world.spec, world.bed(text, "bad.bed"), sizes=SIZES)


def test_faulty_rows_are_counted_and_order_is_made(world):
    text = (
        "2\t50\t90\nchr1\t800\t900\nchr1\t100\t200\nchr1\t150\t250\nchrZ\t1\t9\nchr1\t900\t1200\n"
    )
    elements, counts = read_candidates(world.spec, world.bed(text, "mixed.bed"), sizes=SIZES)
    assert list(zip(elements["chrom"], elements["start"], strict=True)) == [
        ("chr1", 100),
        ("chr1", 150),
        ("chr1", 800),
        ("chr2", 50),
    ]
    assert counts == {
        "elements": 6,
        "unknown_chromosome": 1,
        "beyond_chromosome": 1,
        "out_of_order": 1,
        "overlapping": 2,
    }
    assert tell_candidates(counts) == (
        "6 elements: 1 unknown chromosome, 1 beyond chromosome, 1 out of order, 2 overlapping"
    )


def test_no_file_and_no_elements_in_the_dataset(world):
    with pytest.raises(ClasterError, match="names no elements: give a BED"):
        read_candidates(world.spec, None, sizes=SIZES)
    with pytest.raises(ClasterError, match=r"no file at .*nowhere.bed"):
        read_candidates(world.spec, world.project / "nowhere.bed", sizes=SIZES)


def test_elements_outside_every_window(world, screen):
    with pytest.raises(
        ClasterError, match=r"none of 1 elements lies whole within 10,000 bp of one of 24 TSSs"
    ):
        screen(world.bed("chr1\t50000\t50300\n"))


def genes():
    return pd.DataFrame(
        {
            "gene_id": ["p", "m", "q"],
            "name": ["P", "M", "Q"],
            "chrom": "chr1",
            "start": [5000, 5501, 9000],
            "end": [5400, 6001, 9100],
            "strand": ["+", "-", "+"],
            "tss": [5000, 6000, 9000],
        }
    )


def elements(rows):
    return pd.DataFrame(rows, columns=["element_id", "start", "end"]).assign(chrom="chr1")


def test_pairs_against_a_plain_loop():
    rng = np.random.default_rng(3)
    starts = np.sort(rng.integers(0, 12_000, 60))
    table = elements([(f"e{n}", s, s + int(rng.integers(1, 900))) for n, s in enumerate(starts)])
    pairs = pair_elements(genes(), table, reach=2000)
    wanted = [
        (gene.gene_id, element.element_id)
        for gene in genes().itertuples()
        for element in table.itertuples()
        if gene.tss - 2000 <= element.start and element.end <= gene.tss + 2000
    ]
    assert list(zip(pairs["gene_id"], pairs["element_id"], strict=True)) == wanted
    described = describe_pairs(pairs, genes())
    for row in described.itertuples():
        middle = (row.start + row.end) // 2
        assert row.distance == middle - row.tss
        assert row.gene_distance == (row.distance if row.strand == "+" else -row.distance)
        low, high = sorted((row.tss, middle))
        assert row.genes_between == sum(low < tss < high for tss in genes()["tss"])


def test_elements_of_one_gene_together():
    table = elements([("a", 4000, 4100), ("b", 4500, 4600), ("c", 5200, 5300)])
    pairs = pair_elements(genes().iloc[:1], table, reach=2000)
    both = _combine_pairs(pairs, None)
    names = list(zip(both["element_id"], both["partner_id"], strict=True))
    assert names == [("a", "b"), ("a", "c"), ("b", "c")]
    assert both["partner_start"].tolist() == [4500, 5200, 5200]
    listed = pd.DataFrame({"element_id": ["c"], "partner_id": ["a"]})
    assert _combine_pairs(pairs, listed)[["element_id", "partner_id"]].values.tolist() == [
        ["a", "c"]
    ]


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_shards_that_are_none(shard):
    with pytest.raises(ClasterError, match=r"'shard' must be I/N, not .*: write 2/4"):
        parse_shard(shard)


@pytest.mark.parametrize(
    ("verb", "options", "said"),
    [
        ("silence", {"tracks": ("CTCF",)}, "no track 'CTCF': choose among ATAC, H3K27ac, H3K27me3"),
        ("silence", {"factors": (1.0,)}, "'factors' is for 'scale'"),
        ("scale", {}, "'scale' without 'factors'"),
        ("scale", {"factors": (-1.0,)}, "'factors' must be 0 or more, not -1"),
        ("shift", {"shifts": (150,)}, "150 bp is not a whole number of bins of 100 bp"),
        ("repress", {}, "no scale of H3K27me3 is known: give 'gain'"),
        ("repress", {"gain_track": "H2A"}, "no track 'H2A'"),
        ("insert", {}, "'insert' without 'locus'"),
        ("silence", {"tracks": ()}, None),
    ],
)
def test_edits_are_checked(world, verb, options, said):
    if said is None:
        assert edit_settings(PerturbSettings(verb=verb, **options), world.spec).tracks == (
            "ATAC",
            "H3K27ac",
        )
        flip = edit_settings(PerturbSettings(verb="flip"), world.spec)
        assert flip.tracks == ("ATAC", "H3K27ac", "H3K27me3")
        return
    with pytest.raises(ClasterError, match=said):
        edit_settings(PerturbSettings(verb=verb, **options), world.spec)
