"""What is found when plus and minus are held against each other and the genes."""

import numpy as np
import pytest
from pydantic import ValidationError

from claster.dataset.build import build_dataset
from claster.dataset.doctor.tracks import check_tracks
from claster.errors import ClasterError


@pytest.fixture(scope="module")
def beside():
    return {"contacts": None, "genome": None}


PAIR = "target ctrl"


def stranded(make, genes, own, other):
    """Write plus and minus with `own` on the gene's strand and `other` on the other one."""

    def values(mine):
        def level(starts):
            found = np.full(starts.size, 0.0)
            for row in genes:
                _, start, end, *_, strand = row.split("\t")[:6]
                inside = (starts >= int(start)) & (starts < int(end))
                found[inside] = own if strand == mine else other
            return found

        return level

    make.track("plus.bw", values=values("+"))
    make.track("minus.bw", values=values("-"), sign=-1.0)


def test_sense_signal(examine, make, one):
    stranded(make, make.genes({"chr1": 400_000}), 9.0, 1.0)
    finding = one(examine(), PAIR, "sense")
    assert finding.verdict == "fine"
    assert "median of 90 % of the signal" in finding.evidence


def test_exchanged_strands_look_it(examine, make, one):
    stranded(make, make.genes({"chr1": 400_000}), 1.0, 9.0)
    finding = one(examine(), PAIR, "sense")
    assert finding.verdict == "note"
    assert finding.evidence.endswith("plus and minus look exchanged")
    assert "'strands: sum' gives the same" in finding.remedy


@pytest.mark.slow
@pytest.mark.parametrize("strands", ["sense", "apart"])
def test_exchanged_strands_that_are_told_apart_stop_check_and_build(
    examine, spec_of, make, one, strands, tmp_path
):
    def told_apart(content):
        content["target"]["strands"] = strands

    genes = make.genes()
    stranded(make, genes, 9.0, 1.0)
    assert one(examine(told_apart), PAIR, "sense").verdict == "fine"
    stranded(make, genes, 1.0, 9.0)
    finding = one(examine(told_apart), PAIR, "sense")
    assert finding.verdict == "fault"
    assert "exchange 'plus' and 'minus'" in finding.remedy
    with pytest.raises(ClasterError, match="look exchanged"):
        build_dataset(spec_of(told_apart).within(tmp_path))


@pytest.mark.parametrize(("strands", "verdict"), [("sum", "note"), ("sense", "warning")])
def test_strands_that_hardly_differ(examine, make, one, strands, verdict):
    stranded(make, make.genes({"chr1": 400_000}), 4.0, 6.0)
    finding = one(examine(lambda content: content["target"].update(strands=strands)), PAIR, "sense")
    assert finding.verdict == verdict
    assert "hardly differ" in finding.evidence


def test_strands_of_different_depth(examine, make, one):
    make.track("plus.bw", values=lambda s: np.full(s.size, 12.0))
    make.track("minus.bw", values=lambda s: np.full(s.size, 3.0), sign=-1.0)
    finding = one(examine(), PAIR, "balance")
    assert finding.verdict == "warning"
    assert finding.evidence == "mean 12 on plus and 3 on minus: plus is 4 times larger"


def test_nothing_is_said_of_a_pair_with_a_fault(examine, make):
    make.track("minus.bw")
    assert examine().of(PAIR) == []


@pytest.mark.parametrize(
    ("noise", "verdict", "told"), [((0.1, 0.2), "fine", ""), ((0.1, 50.0), "warning", "rep2.bw")]
)
def test_replicates_that_do_not_agree_are_told_and_the_odd_one_named(
    examine, make, one, noise, verdict, told
):
    def values(seed, noise):
        def drawn(starts):
            rng = np.random.default_rng(seed)
            return 5 + 4 * np.sin(starts / 700) + noise * rng.random(starts.size)

        return drawn

    for number, level in enumerate((0.0, *noise)):
        make.track(f"rep{number}.bw", values=values(number, level))
    files = ["rep0.bw", "rep1.bw", "rep2.bw"]
    report = examine(lambda content: content["tracks"].append({"name": "x", "files": files}))
    finding = one(report, "track x", "replicates")
    assert finding.verdict == verdict
    assert told in finding.remedy
    assert "Pearson r of 3 replicates" in finding.evidence


@pytest.mark.parametrize(
    ("track", "told"),
    [
        ({"files": ["ATAC.bw", "H3K27ac.bw"], "file": "ATAC.bw"}, "either 'file' or 'files'"),
        ({}, "either 'file' or 'files'"),
        ({"files": ["ATAC.bw", "ATAC.bw"]}, "is there twice"),
        ({"files": ["ATAC.bw"]}, "at least 2"),
        ({"files": ["ATAC.bw", "H3K27ac.bw"], "weights": [1]}, "1 'weights' for 2 'files'"),
        ({"files": ["ATAC.bw", "H3K27ac.bw"], "weights": [1, 0]}, "greater than 0"),
        ({"file": "ATAC.bw", "weights": [1]}, "1 'weights' for 0 'files'"),
    ],
)
def test_replicates_that_make_no_sense_are_refused(spec_of, track, told):
    with pytest.raises(ValidationError, match=told):
        spec_of(tracks=[{"name": "x", **track}])


@pytest.mark.parametrize(
    ("trained", "told"),
    [
        (["H3K27ac", "ATAC", "H3K4me3"], "only if it was trained with --drop-tracks"),
        (["ATAC", "CTCF"], "it cannot read this dataset"),
    ],
)
def test_fewer_tracks_are_told_from_other_ones(spec_of, trained, told):
    (finding,) = check_tracks(spec_of(), trained, named="runs/toy")
    assert finding.verdict == "warning"
    assert finding.evidence.endswith(told)
    assert check_tracks(spec_of(), [t.name for t in spec_of().tracks], named="runs/toy") == []
