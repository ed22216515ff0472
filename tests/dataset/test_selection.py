import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.dataset.selection import DROP_REASONS, GeneRules, drop_genes, select_genes
from claster.errors import ClasterError
from claster.genome.regions import contained_in, overlapping, read_regions, shared_bases
from claster.genome.windows import Binning, window_table

SIZES = {"chr1": 10_000, "chr2": 5_000, "chrM": 5_000}
WINDOW = Binning(11, 100)


def gene_table(rows):
    table = pd.DataFrame(rows, columns=["gene_id", "chrom", "tss", "type"])
    return table.assign(
        name=table["gene_id"], start=table["tss"], end=table["tss"] + 10, strand="+"
    )


def regions(*rules):
    return read_regions(rules, sizes=SIZES, folder=None)


def select(genes, **changes):
    settings = {
        "sizes": SIZES,
        "landscape": WINDOW,
        "reach": WINDOW.half,
        "pad": False,
        "types": {"protein_coding"},
        "exclude_chromosomes": {"chrM"},
        "without_signal": {},
        "without_contacts": {},
        "regions": None,
        "allow_shared_windows": False,
    }
    held_out = changes.pop("held_out", {"valid": regions(), "test": regions("chr2")})
    return select_genes(genes, GeneRules(**settings | changes), held_out=held_out)


def reasons(selection):
    return dict(zip(selection.dropped["gene_id"], selection.dropped["reason"], strict=True))


def test_every_gene_is_kept_or_has_one_reason():
    genes = gene_table(
        [
            ("far", "chr2", 2_000, "protein_coding"),
            ("good", "chr1", 5_000, "protein_coding"),
            ("linc", "chr1", 5_000, "lincRNA"),
            ("mito", "chrM", 2_000, "protein_coding"),
            ("alien", "chrUn", 2_000, "protein_coding"),
            ("good", "chr1", 6_000, "protein_coding"),
            ("edge", "chr1", 549, "protein_coding"),
            ("last", "chr2", 4_451, "protein_coding"),
            ("fits", "chr1", 550, "protein_coding"),
        ]
    )
    selection = select(genes)
    assert list(zip(selection.kept["gene_id"], selection.kept["split"], strict=True)) == [
        ("fits", "train"),
        ("good", "train"),
        ("far", "test"),
    ]
    assert reasons(selection) == {
        "linc": "type_not_selected",
        "mito": "chromosome_excluded",
        "alien": "chromosome_unknown",
        "good": "duplicate_id",
        "edge": "window_leaves_chromosome",
        "last": "window_leaves_chromosome",
    }
    assert len(selection.kept) + len(selection.dropped) == len(genes)


def test_a_dropped_row_does_not_make_a_later_one_a_duplicate():
    genes = gene_table([("a", "chr1", 5_000, "lincRNA"), ("a", "chr1", 5_000, "protein_coding")])
    assert select(genes).kept["gene_id"].tolist() == ["a"]


def test_missing_data_and_regions():
    genes = gene_table(
        [
            ("a", "chr1", 1_000, "protein_coding"),
            ("b", "chr1", 3_000, "protein_coding"),
            ("c", "chr2", 1_000, "protein_coding"),
        ]
    )
    selection = select(
        genes,
        without_signal={"chr2": "track ATAC lacks chr2"},
        regions=regions("chr1:2,000-9,000", "chr2"),
    )
    assert reasons(selection) == {"a": "outside_regions", "c": "no_signal"}
    assert selection.dropped["detail"].tolist()[-1] == "track ATAC lacks chr2"
    assert reasons(select(genes, without_contacts={"chr1": "contacts lack chr1"})) == {
        "a": "no_contacts",
        "b": "no_contacts",
    }


def test_windows_that_share_bases_with_held_out_ones_go():
    genes = gene_table(
        [(f"g{tss}", "chr1", tss, "protein_coding") for tss in range(1000, 9001, 500)]
    )
    held_out = {"valid": regions("chr1:3,000-5,000"), "test": regions("chr1:6,000-10,000")}
    selection = select(genes, held_out=held_out)
    kept = {name: group["tss"].tolist() for name, group in selection.kept.groupby("split")}
    assert kept == {
        "test": [6000, 6500, 7000, 7500, 8000, 8500, 9000],
        "train": [1000, 1500],
        "valid": [3000, 3500, 4000, 4500],
    }
    assert reasons(selection) == dict.fromkeys(
        ["g2000", "g2500", "g5000", "g5500"], "shares_window"
    )
    assert selection.shared_bp == {"train-valid": 0, "train-test": 0, "valid-test": 0}
    allowed = select(genes, held_out=held_out, allow_shared_windows=True)
    assert allowed.dropped.empty
    assert allowed.shared_bp["train-valid"] > 0


@pytest.mark.slow
@given(
    tss=st.lists(st.integers(0, 10_000), min_size=1, max_size=30, unique=True),
    edges=st.lists(st.integers(1, 9_999), min_size=3, max_size=3, unique=True).map(sorted),
)
def test_splits_never_share_a_base(tss, edges):
    genes = gene_table([(f"g{i}", "chr1", t, "protein_coding") for i, t in enumerate(tss)])
    held_out = {
        "valid": regions(f"chr1:{edges[0]}-{edges[1]}"),
        "test": regions(f"chr1:{edges[1]}-{edges[2]}"),
    }
    selection = select(genes, held_out=held_out)
    assert len(selection.kept) + len(selection.dropped) == len(genes)
    assert set(selection.shared_bp.values()) == {0}
    covered = {}
    for split, group in selection.kept.groupby("split"):
        mask = np.zeros(10_000, dtype=bool)
        for start, end in window_table(group, WINDOW)[["start", "end"]].to_numpy():
            mask[start:end] = True
        covered[split] = mask
    for first in covered:
        for second in covered:
            assert first == second or not (covered[first] & covered[second]).any()


@settings(max_examples=50)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", "d"]),
            st.sampled_from([*SIZES, "chrUn"]),
            st.integers(-100, 10_200),
            st.sampled_from(["protein_coding", "lincRNA"]),
        ),
        max_size=25,
    ),
    pad=st.booleans(),
    share=st.booleans(),
    within=st.sampled_from([(), ("chr1",), ("chr1:500-9,000", "chr2")]),
)
def test_any_genes_are_kept_or_dropped_for_one_reason(rows, pad, share, within):
    genes = gene_table(rows).astype({"tss": int})
    selection = select(
        genes,
        pad=pad,
        reach=700,
        allow_shared_windows=share,
        regions=regions(*within) if within else None,
        without_contacts={"chr2": "no"} if len(rows) % 2 else {},
    )
    kept, dropped = selection.kept, selection.dropped
    assert len(kept) + len(dropped) == len(genes)
    columns = ["gene_id", "chrom", "tss", "type"]
    both = pd.concat([kept[columns], dropped[columns]]).sort_values(columns).to_numpy().tolist()
    assert both == genes[columns].sort_values(columns).to_numpy().tolist()
    assert set(dropped["reason"]) <= set(DROP_REASONS)
    assert kept["gene_id"].is_unique
    off = [
        sum(not 0 <= base < SIZES[chrom] for base in range(tss - 700, tss + 700))
        for chrom, tss in kept[["chrom", "tss"]].itertuples(index=False)
    ]
    assert kept["padded"].tolist() == off
    assert pad or not any(off)


def test_padded_windows_count_the_bases_of_the_chromosome_alone():
    genes = gene_table([("a", "chr1", 100, "protein_coding"), ("b", "chr1", 200, "protein_coding")])
    held_out = {"valid": regions(), "test": regions("chr1:150-300")}
    options = {"pad": True, "held_out": held_out, "allow_shared_windows": True}
    assert select(genes, **options).shared_bp["train-test"] == 650
    outside = gene_table(
        [("a", "chr1", -1, "protein_coding"), ("b", "chr1", 10_001, "protein_coding")]
    )
    assert set(reasons(select(outside, pad=True)).values()) == {"window_leaves_chromosome"}


def test_genes_dropped_later_are_counted():
    genes = gene_table(
        [("a", "chr1", 1_000, "protein_coding"), ("b", "chr1", 5_000, "protein_coding")]
    )
    selection = drop_genes(
        select(genes),
        {"a": "80% unknown"},
        reason="contacts_missing",
        landscape=WINDOW,
        sizes=SIZES,
    )
    assert selection.kept["gene_id"].tolist() == ["b"]
    assert selection.dropped[["gene_id", "reason", "detail"]].to_numpy().tolist() == [
        ["a", "contacts_missing", "80% unknown"]
    ]
    assert "contacts_missing" in DROP_REASONS


def test_regions_from_text_and_bed(tmp_path):
    (tmp_path / "held.bed").write_text("# held out\nchr1\t5\t10\tname\n")
    found = read_regions(["chr2", "chr1:1,000-2,000", "held.bed"], sizes=SIZES, folder=tmp_path)
    assert found.to_numpy().tolist() == [
        ["chr2", 0, 5_000],
        ["chr1", 1_000, 2_000],
        ["chr1", 5, 10],
    ]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("chr9", "no chromosome"),
        ("chr1:5-5", "not inside"),
        ("chr1:9-20,000", "not inside"),
        ("gone.bed", "no file"),
    ],
)
def test_broken_regions_say_why(tmp_path, rule, said):
    with pytest.raises(ClasterError, match=said):
        read_regions([rule], sizes=SIZES, folder=tmp_path)


intervals = st.lists(
    st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 60), st.integers(1, 20)), max_size=8
).map(
    lambda rows: pd.DataFrame(
        [(c, s, s + n) for c, s, n in rows], columns=["chrom", "start", "end"]
    )
)


@given(intervals, intervals)
def test_interval_arithmetic_against_sets_of_bases(first, second):
    def bases(table):
        return {(c, b) for c, s, e in table.itertuples(index=False) for b in range(s, e)}

    assert shared_bases(first, second) == len(bases(first) & bases(second))
    hit = overlapping(first, second)
    inside = contained_in(first, second)
    for row in first.itertuples():
        own = {(row.chrom, b) for b in range(row.start, row.end)}
        assert hit[row.Index] == bool(own & bases(second))
        assert inside[row.Index] == (own <= bases(second))


TWINS = [
    ("ENSG00000000001.1", "chr1", 3_000, "protein_coding"),
    ("ENSG00000000002.1", "chr1", 6_000, "protein_coding"),
    ("ENSG00000000001.1_PAR_Y", "chr2", 2_000, "protein_coding"),
    ("ENSGR0000000002.4", "chr2", 2_500, "protein_coding"),
    ("ENSG00000000003.1", "chr1", 9_000, "protein_coding"),
]


@pytest.mark.parametrize("allow", [True, False])
def test_a_gene_whose_twin_is_held_out_does_not_train(allow):
    chosen = select(gene_table(TWINS), allow_shared_windows=allow)
    assert reasons(chosen) == {
        "ENSG00000000001.1": "same_gene",
        "ENSG00000000002.1": "same_gene",
    }
    assert chosen.dropped["detail"].tolist() == [
        "train twin of ENSG00000000001.1_PAR_Y",
        "train twin of ENSGR0000000002.4",
    ]


def test_twins_of_one_split_stay():
    held_out = {"valid": regions(), "test": regions()}
    assert select(gene_table(TWINS), held_out=held_out).dropped.empty


def test_the_validation_twin_yields_to_the_test_twin():
    held_out = {"valid": regions("chr1"), "test": regions("chr2")}
    assert set(reasons(select(gene_table(TWINS), held_out=held_out)).values()) == {"same_gene"}
