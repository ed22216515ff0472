"""The blacklist: bases without data in tracks, genes that go, and everything that has to know of it."""

import numpy as np
import pandas as pd
import pyBigWig
import pytest
import yaml

from claster.dataset.build import build_dataset
from claster.dataset.doctor.check import check_dataset
from claster.dataset.load import load_dataset
from claster.dataset.report import explain_gene
from claster.dataset.sources import open_sources
from claster.errors import ClasterError
from claster.genome.gene_names import find_gene
from claster.genome.regions import covered_shares, read_blacklist

SIZES = {"chr1": 120_000, "chr2": 60_000}
HALF = 5_050  # of 101 bins of 100 bp


@pytest.fixture
def listed(world, edited):
    """Return a function that writes a blacklist and returns a dataset with it."""

    def write(rows, change=lambda content: None, **settings):
        text = "".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in rows)
        (world / "source/black.bed").write_text(text)
        wanted = {"file": "black.bed", **settings} if settings else "black.bed"

        def edit(content):
            content["blacklist"] = wanted
            change(content)

        return edited(edit)

    return write


def expected_row(world, file, tss, regions, summary):
    """Return the bins around a TSS of chr1 from single bases."""
    with pyBigWig.open(str(world / "source" / file)) as track:
        bases = track.values("chr1", tss - HALF, tss + HALF, numpy=True)
    for _, start, end in regions:
        bases[max(start - tss + HALF, 0) : max(end - tss + HALF, 0)] = np.nan
    bins = bases.reshape(101, 100)
    covered = np.isfinite(bins).sum(axis=1)
    divisor = 100 if summary == "mean_all" else np.maximum(covered, 1)
    return np.maximum(np.nansum(bins, axis=1) / divisor, 0)


@pytest.mark.parametrize("summary", ["mean_all", "mean_covered"])
def test_covered_bases_are_missing_in_tracks_and_nowhere_else(
    world, edited, listed, summary, cut_window
):
    def change(content):
        content["summary"] = summary

    plain = build_dataset(edited(change)).folders
    before = (
        pd.read_csv(plain.target_table("train")),
        np.load(plain.arrays("contacts", "all") / "GA.1_forward.npy"),
    )
    regions = [("chr1", 27_030, 27_180), ("1", 31_000, 33_000), ("chr1", 32_000, 33_450)]
    spec = listed(regions, change)
    folders = build_dataset(spec, force=True).folders
    found = np.load(folders.arrays("landscape", "all") / "GA.1_forward.npy")[:, 0]
    for row, file in enumerate(("ATAC.bw", "H3K27ac.bw")):
        expected = expected_row(world, file, 30_000, regions, summary)
        np.testing.assert_allclose(found[row], expected, rtol=1e-6)
        assert (found[row, (31_050 + HALF - 30_000) // 100 :][:20] == 0).all()
    with open_sources(spec) as sources:
        window = cut_window(spec, sources, find_gene(sources.genes, "GA.1"))
        bins = sources.tracks[0].bins("chr1", 30_000 - HALF, bins=101, size=100, summary=summary)
    np.testing.assert_array_equal(window.landscape, found)
    np.testing.assert_allclose(bins, found[0], rtol=1e-6)
    pd.testing.assert_frame_equal(pd.read_csv(folders.target_table("train")), before[0])
    np.testing.assert_array_equal(
        np.load(folders.arrays("contacts", "all") / "GA.1_forward.npy"), before[1]
    )


def test_genes_that_it_covers_go_with_their_reason(listed):
    spec = listed([("chr1", 29_999, 30_001), ("chr1", 46_000, 50_000), ("chr1", 50_001, 50_100)])
    result = build_dataset(spec)
    assert result.manifest.genes_dropped["tss_blacklisted"] == 1
    assert explain_gene(spec, "GB.1")[1].startswith("kept")
    assert explain_gene(spec, "GA.1")[1].endswith(
        "tss_blacklisted: the TSS is on the blacklist (chr1:30000)"
    )
    spec = listed([("chr1", 44_000, 49_900)], max_share=0.4)
    assert build_dataset(spec, force=True).manifest.genes_dropped["window_blacklisted"] == 1
    assert explain_gene(spec, "GB.1")[1].endswith(
        "window_blacklisted: more of the input window is on the blacklist than "
        "'blacklist.max_share' allows (49.0% covered)"
    )


@pytest.mark.parametrize(("share", "kept"), [(0.49, False), (0.5, True), (1.0, True)])
def test_the_largest_share_may_be_reached(listed, share, kept):
    width = 2 * HALF
    spec = listed([("chr1", 30_001, 30_001 + width // 2)], max_share=share)
    with open_sources(spec) as sources:
        window = pd.DataFrame({"chrom": ["chr1"], "start": [30_000 - HALF], "end": [30_000 + HALF]})
        assert covered_shares(window, sources.blacklist).iloc[0] == pytest.approx(
            (HALF - 1) / width
        )
    line = explain_gene(spec, "GA.1")[1]
    assert line.startswith("kept" if kept else "dropped")


def test_the_check_tells_what_the_build_does(listed):
    spec = listed([("chr1", 29_999, 30_001), ("chr1", 47_000, 47_505)])
    report = check_dataset(spec)
    (windows,) = [f for f in report.of("blacklist") if f.check == "windows"]
    assert windows.evidence == (
        "covers 1.7 % of the windows' bases, at most 5 % of one; 1 window of 3 hold some of it"
    )
    (genes,) = [f for f in report.of("windows") if f.check == "genes"]
    assert "1 because the TSS is on the blacklist" in genes.evidence
    assert build_dataset(spec).manifest.genes_dropped["tss_blacklisted"] == 1


def test_a_blacklist_of_another_assembly_is_a_fault(listed):
    spec = listed([("scaffold9", 0, 500)])
    report = check_dataset(spec)
    assert report.exit_code == 2
    (fault,) = [f for f in report.of("blacklist") if f.verdict == "fault"]
    assert "it names scaffold9" in fault.evidence
    with pytest.raises(ClasterError, match=r"has no region on the assembly.*names scaffold9"):
        build_dataset(spec)


def test_a_blacklist_that_is_missing_is_told_by_both(edited):
    spec = edited(lambda content: content.update(blacklist={"file": "gone.bed"}))
    assert check_dataset(spec).exit_code == 2
    with pytest.raises(ClasterError, match=r"line \d+: blacklist: no file at"):
        build_dataset(spec)


def test_another_blacklist_is_another_dataset(world, edited, listed):
    build_dataset(listed([("chr1", 31_000, 32_000)]))
    assert build_dataset(load_dataset("small")).reused
    with pytest.raises(ClasterError, match="another blacklist"):
        build_dataset(listed([("chr1", 31_000, 32_001)]))
    with pytest.raises(ClasterError, match="another 'blacklist' of the dataset"):
        build_dataset(listed([("chr1", 31_000, 32_000)], max_share=0.3))


def test_arrays_are_shared_with_the_same_blacklist_only(world, listed):
    first = build_dataset(listed([("chr1", 31_000, 32_000)])).folders
    content = yaml.safe_load((world / "configurations/datasets/small.yaml").read_text())
    for name, blacklist in (("same", "black.bed"), ("without", None)):
        other = content | {"name": name, "blacklist": blacklist}
        path = world / f"configurations/datasets/{name}.yaml"
        path.write_text(yaml.safe_dump(other))
        folders = build_dataset(load_dataset(name)).folders
        for modality, shared in (("landscape", name == "same"), ("contacts", True)):
            ours, theirs = (
                f.arrays(modality, "all") / "GA.1_forward.npy" for f in (first, folders)
            )
            assert ours.samefile(theirs) == shared


def test_the_published_recipe_has_none(edited):
    with pytest.raises(ClasterError, match="'recipe: paper' sets 'blacklist' to None"):
        edited(lambda content: content.update(recipe="paper", blacklist="black.bed"))


def test_regions_are_read_in_order_apart_and_on_the_chromosomes(tmp_path):
    path = tmp_path / "black.bed"
    path.write_text(
        "2\t50\t70\nchr1\t100\t200\nchr1\t150\t250\nchr1\t250\t300\nchr2\t59990\t70000\nchrUn\t1\t5\n"
    )
    found = read_blacklist(path, sizes=SIZES)
    assert found.to_numpy().tolist() == [
        ["chr1", 100, 300],
        ["chr2", 50, 70],
        ["chr2", 59_990, 60_000],
    ]


def test_shares_against_single_bases():
    rng = np.random.default_rng(0)
    edges = np.sort(rng.choice(1000, 40, replace=False)).reshape(-1, 2)
    others = pd.DataFrame({"chrom": "chr1", "start": edges[:, 0], "end": edges[:, 1]})
    covered = np.zeros(1000, bool)
    for start, end in edges:
        covered[start:end] = True
    starts = rng.integers(0, 1000, 200)
    ends = starts + rng.integers(0, 1000 - starts + 1)
    intervals = pd.DataFrame({"chrom": "chr1", "start": starts, "end": ends})
    intervals.loc[0, "chrom"] = "chr2"
    expected = [
        covered[s:e].mean() if e > s and c == "chr1" else 0.0
        for c, s, e in intervals.itertuples(index=False)
    ]
    np.testing.assert_allclose(covered_shares(intervals, others), expected)
