"""Annotation and sequence: published formats, coordinates that agree with the truth."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest

from claster.simulation import ToyGenome
from claster.simulation.chromosome import MOTIF


@pytest.fixture(scope="module")
def gtf(tiny: ToyGenome) -> pd.DataFrame:
    return pd.read_csv(
        tiny.folder / "genes.gtf.gz",
        sep="\t",
        comment="#",
        header=None,
        names=[
            "chrom",
            "source",
            "feature",
            "start",
            "end",
            "score",
            "strand",
            "frame",
            "attributes",
        ],
    )


@pytest.fixture(scope="module")
def ccres(tiny: ToyGenome) -> pd.DataFrame:
    return pd.read_csv(tiny.folder / "ccres.tsv", sep="\t")


@pytest.fixture(scope="module")
def sequence(tiny: ToyGenome) -> dict[str, str]:
    found = {}
    for record in (tiny.folder / "genome.fa").read_text().split(">")[1:]:
        name, *lines = record.splitlines()
        found[name] = "".join(lines)
    return found


def attribute(table: pd.DataFrame, name: str) -> pd.Series:
    return table["attributes"].str.extract(rf'{name} "([^"]+)"')[0]


def test_gtf_is_one_based_closed_where_the_truth_is_zero_based(
    gtf: pd.DataFrame, genes: pd.DataFrame
) -> None:
    rows = gtf[gtf["feature"] == "gene"].reset_index(drop=True)
    assert attribute(rows, "gene_id").tolist() == genes["gene_id"].tolist()
    assert attribute(rows, "gene_type").tolist() == genes["gene_type"].tolist()
    np.testing.assert_array_equal(rows["start"], genes["start"] + 1)
    np.testing.assert_array_equal(rows["end"], genes["end"])
    np.testing.assert_array_equal(rows["strand"], genes["strand"])
    first_base = np.where(rows["strand"] == "+", rows["start"], rows["end"])
    np.testing.assert_array_equal(genes["tss"], first_base - 1)


def test_gtf_looks_like_gencode(tiny: ToyGenome, gtf: pd.DataFrame) -> None:
    with gzip.open(tiny.folder / "genes.gtf.gz", "rt") as handle:
        assert handle.readline().startswith("##description")
    assert set(gtf["feature"]) == {"gene", "transcript", "exon"}
    first = gtf["attributes"].iloc[0]
    assert re.fullmatch(
        r'gene_id "TOYG\d{11}\.\d+"; gene_type "\w+"; gene_name "\w+"; level 2;', first
    )
    counts = attribute(gtf[gtf["feature"] == "gene"], "gene_type").value_counts()
    assert counts.to_dict() == {"protein_coding": 24, "lincRNA": 4}


def test_transcripts_and_exons_lie_in_their_genes(gtf: pd.DataFrame) -> None:
    gtf = gtf.assign(gene=attribute(gtf, "gene_id"), transcript=attribute(gtf, "transcript_id"))
    gene = gtf[gtf["feature"] == "gene"].set_index("gene")
    transcripts = gtf[gtf["feature"] == "transcript"].set_index("transcript")
    assert set(transcripts["gene"]) == set(gene.index)
    widest = transcripts.groupby("gene").agg(start=("start", "min"), end=("end", "max"))
    pd.testing.assert_frame_equal(widest.loc[gene.index], gene[["start", "end"]], check_names=False)
    exons = gtf[gtf["feature"] == "exon"].sort_values(["transcript", "start"])
    assert (exons["start"] <= exons["end"]).all()
    hull = exons.groupby("transcript").agg(start=("start", "min"), end=("end", "max"))
    pd.testing.assert_frame_equal(
        hull.loc[transcripts.index], transcripts[["start", "end"]], check_names=False
    )
    gap = exons["start"] - exons.groupby("transcript")["end"].shift()
    assert (gap.dropna() > 1).all()


def test_genes_are_realistic(tiny: ToyGenome, genes: pd.DataFrame) -> None:
    length = genes["end"] - genes["start"]
    assert 2_000 <= length.min()
    assert length.max() <= 200_000
    assert 8_000 < length.median() < 35_000
    size = genes["chrom"].map(tiny.chrom_sizes)
    far = (genes["tss"] >= 600_000) & (genes["tss"] < size - 600_000)
    assert 0.8 < far.mean() < 1
    assert set(genes["strand"]) == {"+", "-"}


def test_ccres_hold_promoters_elements_and_inactive_ones(
    ccres: pd.DataFrame, genes: pd.DataFrame, elements: pd.DataFrame, tiny: ToyGenome
) -> None:
    assert list(ccres.columns) == [
        "chr",
        "start",
        "end",
        "rDHS_accession",
        "cCRE_accession",
        "group",
    ]
    assert ccres["cCRE_accession"].is_unique
    assert ccres["cCRE_accession"].str.fullmatch(r"EM10E\d{7}").all()
    assert set(ccres["group"].str.split(",").str[0]) >= {"PLS", "dELS", "CTCF-only"}
    assert (ccres["end"] <= ccres["chr"].map(tiny.chrom_sizes)).all()
    assert ((ccres["end"] - ccres["start"]).between(150, 350)).all()
    listed = ccres.set_index("cCRE_accession").loc[elements["element_id"]].reset_index()
    np.testing.assert_array_equal(listed["chr"], elements["chrom"])
    assert (listed["start"] >= elements["start"].to_numpy()).all()
    assert (listed["end"] <= elements["end"].to_numpy()).all()
    assert listed["group"].str.contains("ELS").all()
    for gene in genes.itertuples():
        here = ccres[(ccres["chr"] == gene.chrom) & ccres["group"].str.startswith("PLS")]
        assert ((here["start"] - 200 <= gene.tss) & (gene.tss < here["end"] + 200)).any()


def test_fasta_and_its_index(tiny: ToyGenome, sequence: dict[str, str]) -> None:
    assert {name: len(bases) for name, bases in sequence.items()} == tiny.chrom_sizes
    raw = (tiny.folder / "genome.fa").read_bytes()
    index = pd.read_csv(tiny.folder / "genome.fa.fai", sep="\t", header=None)
    for name, length, offset, bases, width in index.itertuples(index=False):
        assert (length, bases, width) == (tiny.chrom_sizes[name], 60, 61)
        position = 1_234_567
        at = offset + position // bases * width + position % bases
        assert chr(raw[at]) == sequence[name][position]
        assert set(sequence[name][:10_000]) == {"N"}
        assert set(sequence[name][10_000:]) == set("ACGT")


def test_active_promoters_hold_more_copies_of_the_motif(
    sequence: dict[str, str], genes: pd.DataFrame
) -> None:
    reverse = MOTIF.translate(str.maketrans("ACGT", "TGCA"))[::-1]
    found = []
    for gene in genes.itertuples():
        near = sequence[gene.chrom][gene.tss - 450 : gene.tss + 450]
        found.append(near.count(MOTIF) + near.count(reverse))
    np.testing.assert_array_equal(found, genes["motif_copies"])
    assert np.corrcoef(found, np.log(genes["activity_ctrl"]))[0, 1] > 0.7
