"""Files that this project did not make: set CLASTER_REAL_FILES, or lay them beside the checkout."""

import gzip
import os
from pathlib import Path

import cooler
import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.contacts.matrix import open_contacts, read_band
from claster.dataset.build import build_dataset
from claster.dataset.layout import read_arrays, read_genes_table, read_targets
from claster.dataset.load import load_dataset
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_sizes, match_chromosomes
from claster.genome.genes import read_genes
from claster.signal.bigwig import BigWig

PROJECT = Path(__file__).parents[2]
FILES = Path(os.environ.get("CLASTER_REAL_FILES", PROJECT.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (FILES / "human").is_dir(), reason=f"no real files at {FILES} (CLASTER_REAL_FILES)"
    ),
]


@pytest.fixture
def example(monkeypatch):
    monkeypatch.setenv("CLASTER_DATA", str(FILES))
    return lambda name: load_dataset(f"examples/{name}", project=PROJECT)


def test_chr21_builds_from_files_of_every_kind(example, tmp_path):
    spec = example("k562_chr21")
    result = build_dataset(spec.within(tmp_path))
    assert result.manifest.genes_kept == {"train": 84, "valid": 14, "test": 130}
    assert set(result.manifest.shared_bp.values()) == {0}
    gene = read_genes_table(result.folders, split="test").iloc[0]
    low = int(gene["tss"]) - 500_050
    stored = read_arrays(result.folders, [gene["gene_id"]], split="test")[0, 0]
    with pyBigWig.open(str(spec.source(spec.tracks[0].file))) as track:
        bases = np.nan_to_num(track.values("chr21", low, low + 1_000_100, numpy=True))
    expected = np.log1p(bases.reshape(-1, 100).mean(axis=1))
    np.testing.assert_allclose(stored, expected, rtol=1e-5, atol=1e-6)
    targets = read_targets(result.folders.target_table("test"), transform="log1p")
    assert targets.shape == (260, 401)
    assert targets.to_numpy().min() >= 0
    assert 10 < targets.to_numpy().max() < 1e5


def window_of(path, chrom, tss):
    """Every base of the 10,001 bins around a TSS, by pyBigWig."""
    low = tss - 500_050
    with pyBigWig.open(str(path)) as track:
        return np.nan_to_num(track.values(chrom, low, low + 1_000_100, numpy=True)).reshape(-1, 100)


def distrusted(path, chrom, tss):
    """Which bases of these bins the blacklist covers."""
    low = tss - 500_050
    covered = np.zeros(1_000_100, dtype=bool)
    with gzip.open(path, "rt") as lines:
        for line in lines:
            name, start, end, *_ = line.split("\t")
            if name == chrom:
                covered[max(int(start) - low, 0) : max(int(end) - low, 0)] = True
    return covered.reshape(-1, 100)


@pytest.mark.parametrize(
    ("name", "genes", "kept"),
    [
        ("mm10_chr11_core", 116, 7),
        ("mm10_chr11", 116, 49),
        ("mm10_chr2", 21_978, 7),
        ("mm10_chr11_whole", 21_978, 1573),
    ],
)
def test_inputs_without_target_equal_the_tracks_bases(example, tmp_path, name, genes, kept):
    spec = example(name)
    result = build_dataset(spec.within(tmp_path))
    assert result.manifest.genes_in == genes
    assert result.manifest.genes_kept == {"train": 0, "valid": 0, "test": kept}
    assert kept + sum(result.manifest.genes_dropped.values()) == genes
    table = read_genes_table(result.folders, split="test")
    some = table.iloc[[0, kept // 2, kept - 1]]
    stored = read_arrays(result.folders, some["gene_id"].tolist(), split="test")
    for gene, array in zip(some.itertuples(), stored, strict=True):
        for row, track in enumerate(spec.tracks):
            bases = window_of(spec.source(track.file), gene.chrom, gene.tss)
            bases[distrusted(spec.source(spec.blacklist.file), gene.chrom, gene.tss)] = 0
            expected = bases.mean(axis=1)
            np.testing.assert_allclose(array[row], np.maximum(expected, 0), rtol=1e-5, atol=1e-6)
    assert stored.any(axis=-1).all()


def test_chr11_core_keeps_the_named_genes_with_coolers_own_contacts(example, tmp_path):
    spec = example("mm10_chr11_core")
    result = build_dataset(spec.within(tmp_path))
    table = read_genes_table(result.folders, split="test")
    strands = dict(zip(table["name"], table["strand"], strict=True))
    assert strands == {
        "Pipox": "-",
        "Sez6": "+",
        "Phf12": "+",
        "Dhrs13": "+",
        "Flot2": "+",
        "Eral1": "-",
        "Fam222b": "+",
    }
    first = 77_390_000 // 10_000
    clr = cooler.Cooler(str(spec.source(spec.contacts.file)))
    matrix = clr.matrix(balance=True).fetch("chr11:77,390,000-78,600,000")
    for gene in table.itertuples():
        file = result.folders.arrays("contacts", "test") / f"{gene.gene_id}_forward.npy"
        contacts = np.load(file)
        assert contacts.shape == (21, 99)
        for r, m in [(0, 49), (1, 49), (3, 30), (10, 49), (20, 60), (20, 49)]:
            middle = gene.tss // 10_000 - first + m - 49
            pixel = matrix[middle - r, middle + r]
            expected = np.nanmean(np.diagonal(matrix, 2 * r))
            ratio = 1.0 if np.isnan(pixel) else pixel / expected
            assert contacts[r, m] == pytest.approx(np.log2((ratio + 0.5) / 1.5), abs=1e-5)


def test_track_of_other_names_stops_the_build(example, tmp_path):
    text = (PROJECT / "configurations/datasets/examples/mm10_chr11.yaml").read_text()
    spoilt = text.replace(
        "mouse/S3V2_IDEAS_ESMP/CMP.H3K4me3.r1.chr11.bw", "mouse/epiwraps/example_atac.bw"
    )
    (tmp_path / "spoilt.yaml").write_text(spoilt)
    with pytest.raises(ClasterError, match=r"track H3K4me3 \(.*example_atac.bw\)") as caught:
        build_dataset(load_dataset(tmp_path / "spoilt.yaml").within(tmp_path))
    assert "\n" not in str(caught.value)


def test_bedgraph_and_bigwig_of_one_track_agree():
    name = "mouse/fanc/CTCF_ChIP_FE_chr11_77-80Mb_mouse_embryo_fibroblasts"
    rows = pd.read_csv(
        FILES / f"{name}.bedgraph.gz",
        sep="\t",
        names=["chrom", "start", "end", "value"],
        comment="t",
    )
    start, bins = 78_000_000, 2000
    bases = np.zeros(bins * 100)
    for low, high, value in rows[["start", "end", "value"]].itertuples(index=False):
        if low < start + bases.size and high > start:
            bases[max(low - start, 0) : high - start] = value
    with BigWig(FILES / f"{name}.bigwig", named="CTCF") as track:
        found = track.bins("chr11", start, bins=bins, size=100)
    np.testing.assert_allclose(found, bases.reshape(bins, 100).mean(axis=1), atol=1e-4)


def test_file_of_another_build_is_refused():
    path = FILES / "mouse/epiwraps/example_atac.bw"
    with (
        BigWig(path, named="track ATAC") as track,
        pytest.raises(ClasterError, match="the assembly"),
    ):
        match_chromosomes(chromosome_sizes("mm10"), track.sizes, file=path, named="track ATAC")


@pytest.mark.parametrize(
    ("file", "resolution", "chrom", "region", "balance"),
    [
        ("human/TADLib/GM12878-MboI.hg19.cool", 10_000, "21", (30_000_000, 34_000_000), True),
        ("derived/mm9_chrX/Nora5C_E14.10kb.cool", 10_000, "chrX", (98_830_000, 103_420_000), False),
        ("mouse/HiCExplorer/MB-E10-5_chr1.cool", 1000, "chr1", (36_000_000, 37_000_000), False),
        ("fly/pyGenomeTracks/matrix.mcool", 40_000, "chrX", (2_000_000, 6_000_000), True),
        ("fly/pyGenomeTracks/matrix.mcool", 80_000, "chrX", (2_000_000, 6_000_000), False),
    ],
)
def test_diagonals_of_real_matrices_equal_coolers(file, resolution, chrom, region, balance):
    matrix = open_contacts(FILES / file, resolution=resolution, balance=balance)
    band = read_band(matrix, chrom, separations=30, balance=balance)
    start, end = (edge // resolution for edge in region)
    dense = matrix.clr.matrix(balance=balance).fetch((chrom, *region))
    assert np.nansum(dense) > 0
    known = 0
    for s in range(30):
        found, expected = band.values[s, start : end - s], np.diagonal(dense, s)
        if balance:
            np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        inside = np.isfinite(found)
        known += inside.sum()
        np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-6)
        assert not np.nan_to_num(expected[~inside]).any()
    assert known


def test_odd_contact_files_say_what_they_have():
    clr = open_contacts(
        FILES / "human/TADLib/GM12878-MboI.hg19.cool", resolution=10_000, balance=True
    )
    band = read_band(clr, "21", separations=5, balance=True)
    assert band.expected[0] == band.expected[1]  # no main diagonal in this file
    fly = FILES / "fly/pyGenomeTracks/matrix.mcool"
    with pytest.raises(ClasterError, match="has no weights"):
        open_contacts(fly, resolution=80_000, balance=True)
    capture = open_contacts(
        FILES / "mouse/HiCExplorer/MB-E10-5_chr1.cool", resolution=1000, balance=False
    )
    assert capture.count_type is np.float64
    fanc = FILES / "mouse/fanc/rao2014.chr11_77400000_78600000.hic"  # HDF5, by FAN-C
    with pytest.raises(ClasterError, match=r"rao2014.* an HDF5 file without a cooler"):
        open_contacts(fanc, resolution=10_000, balance=True)


def test_annotation_dialects():
    genes = read_genes(FILES / "annotation/ENCODE-cCREs_GENCODEM18_mm10/Genes.Basic-PC.bed.gz")
    assert len(genes) == 21_978
    assert set(genes["type"]) == {"protein_coding"}
    with pytest.raises(ClasterError, match="no 'gene' rows"):
        read_genes(FILES / "human/genomation/chr21.refseq.hg19.gtf")
