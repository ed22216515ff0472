"""What is found in bigWigs that are wrong in one way each."""

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.dataset.doctor.findings import Item
from claster.dataset.doctor.signal_facts import SignalFacts
from claster.dataset.doctor.signals import _counted, signal_uses
from claster.dataset.doctor.tracks import check_balance, check_scale
from claster.dataset.scale import SignalScale


@pytest.fixture(scope="module")
def beside():
    return {"contacts": None, "genome": None}


TRACK = "track ATAC"


def test_fine_track_says_its_range(examine, make, one):
    make.track("ATAC.bw", values=lambda starts: starts % 400 / 10)
    finding = one(examine(), TRACK, "values")
    assert finding.verdict == "fine"
    assert finding.evidence.startswith(
        "values 0 to 35; in bins of 100 bp: mean 17.5, half below 17.5"
    )


def test_nan_is_a_fault(examine, make, one):
    make.track("ATAC.bw", values=lambda s: np.where(s % 1000 == 0, np.nan, 1.0))
    finding = one(examine(), TRACK, "kind")
    assert finding.verdict == "fault"
    assert "not finite" in finding.evidence


def test_all_zero(examine, make, one):
    make.track("ATAC.bw", values=lambda starts: starts * 0.0)
    finding = one(examine(), TRACK, "values")
    assert finding.verdict == "warning"
    assert "every value is 0 (600,000 bases)" in finding.evidence


def test_floor_and_cap_are_noted(examine, make, one):
    def capped(starts):
        drawn = np.random.default_rng(3).gamma(0.4, 30.0, starts.size).round(1)
        return np.clip(drawn, 8, 64)

    make.track("ATAC.bw", values=capped)
    notes = [f.evidence for f in examine().of(TRACK) if f.check == "values" and f.verdict == "note"]
    assert len(notes) == 2
    assert notes[0].startswith("lowest value 8 in 6")
    assert notes[1].startswith("highest value 64 repeated")


@pytest.mark.parametrize("name", ["H3K27ac", "ATAC"])
def test_counts_are_neither_floored_nor_capped(examine, make, one, name):
    make.track(f"{name}.bw", values=lambda s: np.random.default_rng(1).poisson(1.5, s.size))
    assert {f.verdict for f in examine().of(f"track {name}") if f.check == "values"} == {"fine"}


def test_peaks_without_weak_signal(examine, make, one):
    make.track(
        "ATAC.bw", step=1000, values=lambda s: 10.0 + np.random.default_rng(1).poisson(9, s.size)
    )
    assert "no value below 1" in one(examine(), TRACK, "values").evidence


def test_bins_wider_than_the_landscape(examine, make, one):
    make.track("ATAC.bw", step=200, width=200)
    finding = one(examine(), TRACK, "intervals")
    assert finding.verdict == "note"
    assert "one value per 200 bp, wider than the bins of 100 bp" in finding.evidence


def test_gaps_tell_both_means(examine, make, one):
    make.track("ATAC.bw", step=1000, values=lambda s: np.full(s.size, 20.0))
    finding = one(examine(), TRACK, "intervals")
    assert finding.verdict == "note"
    assert "a value on 5 % of the bases only: mean 20 over those, 1 over all" in finding.evidence
    assert "'summary: mean_all' counts bases without a value as 0" in finding.evidence


@pytest.mark.slow
def test_read_ends(examine, make, one):
    make.track("plus.bw", width=1)
    make.track("minus.bw", width=1, sign=-1.0)
    finding = one(examine(), "target ctrl plus", "intervals")
    assert finding.verdict == "note"
    assert "statistic: sum" in finding.remedy

    def summed(content):
        content["target"]["statistic"] = "sum"

    assert one(examine(summed), "target ctrl plus", "intervals").verdict == "fine"
    finding = one(examine(summed, summary="mean_covered"), "target ctrl plus", "intervals")
    assert finding.verdict == "warning"
    assert finding.remedy == "write 'summary: mean_all'"


def test_some_negative_values(examine, make, one):
    make.track("ATAC.bw", values=lambda s: np.where(s % 200 == 0, -1.0, 3.0))
    finding = one(examine(), TRACK, "strand")
    assert finding.verdict == "warning"
    assert "values from -1 to 3, 25 % of the sampled bases" in finding.evidence


def test_only_negative_values(examine, make, one):
    make.track("ATAC.bw", sign=-1.0, values=lambda s: np.full(s.size, 2.0))
    finding = one(examine(), TRACK, "strand")
    assert finding.verdict == "fault"
    assert "only negative values (values from -2 to -2)" in finding.evidence


@pytest.mark.parametrize(
    ("sign", "declared", "verdict"),
    [
        (-1.0, "negative", "fine"),
        (1.0, "positive", "fine"),
        (-1.0, "positive", "fault"),
        (1.0, "negative", "fault"),
    ],
)
def test_both_signs_of_a_minus_file_are_legal_and_named(
    examine, make, one, sign, declared, verdict
):
    make.track("minus.bw", sign=sign, values=lambda s: np.full(s.size, 2.0))

    def declare(content):
        content["target"]["conditions"][0]["minus_values"] = declared

    held = "negative" if sign < 0 else "positive"
    finding = one(examine(declare), "target ctrl minus", "strand")
    assert finding.verdict == verdict
    assert f"{held} values" in finding.evidence
    if verdict == "fault":
        assert f"'minus_values: {held}'" in finding.remedy


def test_minus_file_of_both_signs(examine, make, one):
    make.track("minus.bw", values=lambda s: np.where(s % 100 == 0, -3.0, 1.0))
    finding = one(examine(), "target ctrl minus", "strand")
    assert finding.verdict == "warning"
    assert "both signs" in finding.evidence


def test_most_of_a_minus_file_is_of_the_other_sign(examine, make, one):
    make.track("minus.bw", values=lambda s: np.where(s % 100 == 0, -1.0, 3.0))
    finding = one(examine(), "target ctrl minus", "strand")
    assert finding.verdict == "fault"
    assert "'minus_values: positive'" in finding.remedy


def test_exchanged_strands(examine, make, one):
    make.track("plus.bw", sign=-1.0)
    make.track("minus.bw")
    finding = one(examine(), "target ctrl plus", "strand")
    assert finding.verdict == "fault"
    assert "exchange 'plus' and 'minus'" in finding.remedy


def test_names_without_chr_are_matched_and_noted(examine, make, one):
    make.track("ATAC.bw", sizes={"1": 400_000, "2": 200_000})
    finding = one(examine(), TRACK, "chromosomes")
    assert finding.verdict == "note"
    assert "says 1 where the assembly says chr1" in finding.evidence


def real_genes(make):
    rows = [r.replace("chr1\t", "chr1\t1") for r in make.genes({"chr1": 400_000})]
    make.text("genes.tsv", [make.header, *rows])
    return {
        "assembly": "mm10",
        "chrom_sizes": None,
        "contacts": None,
        "target": None,
        "elements": None,
        "blacklist": None,
        "genome": None,
        "splits": {},
    }


@pytest.mark.parametrize(
    ("sizes", "says", "named"),
    [
        ({"chr1": 197_195_432}, "197,195,432 bp here and 195,471,971 bp in mm10", "mm9"),
        ({"1": 195_154_279}, "1 has 195,154,279 bp here", "mm39"),
        ({"NC_000067.7": 195_154_279}, "NC_000067.7", "mm39"),
        ({"chr1": 249_250_621}, "249,250,621", "hg19"),
    ],
)
def test_another_build_is_named(examine, make, one, sizes, says, named):
    keys = real_genes(make)
    (chrom,) = sizes
    make.track("ATAC.bw", sizes=sizes, spans=[(chrom, 10_000_000, 10_400_000)])
    finding = one(examine(**keys), TRACK, "chromosomes")
    assert finding.verdict == "fault"
    assert says in finding.evidence
    assert f"this is {named}" in finding.evidence
    assert f"'assembly: {named}'" in finding.remedy


def test_accessions_of_the_right_build_are_matched(examine, make, one):
    keys = real_genes(make)
    make.track(
        "ATAC.bw",
        sizes={"NC_000067.6": 195_471_971},
        spans=[("NC_000067.6", 100_000, 200_000)],
    )
    finding = one(examine(**keys), TRACK, "chromosomes")
    assert finding.verdict == "note"
    assert "says NC_000067.6 where the assembly says chr1" in finding.evidence


def test_truncated_file(examine, make, one):
    whole = (make.folder / "ATAC.bw").read_bytes()
    (make.folder / "ATAC.bw").write_bytes(whole[: len(whole) // 2])
    finding = one(examine(), TRACK, "kind")
    assert finding.verdict == "fault"
    assert "an incomplete bigWig file" in finding.evidence


def test_damaged_data_block(examine, make, one):
    path = make.folder / "ATAC.bw"
    content = bytearray(path.read_bytes())
    with pyBigWig.open(str(path)) as file:
        start = file.header()["nLevels"] * 24 + 400
    content[start : start + 400] = bytes(400)
    path.write_bytes(content)
    assert max(f.verdict == "fault" for f in examine().of(TRACK))


def scale(**values):
    base = {"mean": 3.0, "q50": 1.0, "q90": 8.0, "q99": 18.0, "q999": 30.0, "max": 40.0}
    return SignalScale(**(base | values), windows=50, bins=101, bin=100)


def test_scale_against_a_reference(spec_of, make, one):
    from claster.dataset.doctor.check import check_dataset

    make.track("ATAC.bw", values=lambda s: s % 400 / 10)  # bins of 2.5, 7.5, ... 32.5
    report = check_dataset(
        spec_of(),
        against={"ATAC": scale(q99=275.0), "H3K27ac": scale()},
        against_named="runs/toy",
    )
    finding = one(report, TRACK, "scale")
    assert finding.verdict == "warning"
    assert finding.evidence.startswith("10 times smaller than in runs/toy (99 % of bins below 27.5")
    assert "multiply its values by 10" in finding.remedy
    assert one(report, "track H3K27ac", "scale").verdict == "fine"


@pytest.mark.parametrize(
    ("q99", "verdict"),
    [(53.9, "fine"), (54.1, "warning"), (6.01, "fine"), (5.99, "warning")],
)
def test_a_track_is_told_when_it_is_3_times_larger_or_smaller(spec_of, q99, verdict):
    use = signal_uses(spec_of())[0]
    assert check_scale(scale(q99=q99), scale(q99=18.0), use, named="runs/toy").verdict == verdict


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(8.99, "fine"), (9.01, "warning"), (1.01, "fine"), (0.99, "warning"), (0.0, "warning")],
)
def test_strands_are_told_when_one_is_3_times_deeper(mean, verdict):
    assert check_balance(scale(mean=mean), scale(mean=3.0), Item("target")).verdict == verdict


def test_tracks_of_another_model(spec_of, one):
    from claster.dataset.doctor.check import check_dataset

    report = check_dataset(spec_of(), against={"H3K27ac": scale(), "ATAC": scale()})
    finding = one(report, "tracks", "tracks")
    assert finding.verdict == "warning"
    assert "name the tracks H3K27ac, ATAC" in finding.remedy


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.r_[0, 1, 2, 3, 5, 8, 13], " of read counts, which grow with depth"),
        (0.37 * np.r_[0, 1, 2, 3, 5, 8, 13], " of read counts times 0.37"),
        (np.round(np.geomspace(0.01, 9, 40), 2), ""),  # rounded, not counted
        (np.r_[2.0, 2.5, 3.7, 5.1, 8.2, 16.0], ""),
        (np.r_[0.0, 1.0, 2.0], ""),
    ],
)
def test_coverage_of_alignments_is_told_from_other_tracks(values, told):
    widths = np.full(len(values), 50)
    facts = SignalFacts(0, 20, 1, 1000, pd.DataFrame(), values.astype(float), widths)
    assert _counted(facts) == told
