"""Files that this project did not make: set CLASTER_REAL_FILES, or lay them beside the checkout."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.contacts.bands import read_band
from claster.contacts.matrix import open_contacts
from claster.dataset.build import build_dataset
from claster.dataset.layout import read_arrays, read_genes_table, read_targets
from claster.dataset.load import load_dataset
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_sizes, match_chromosomes
from claster.genome.genes import read_genes
from claster.signal.bigwig import BigWig

PROJECT = Path(__file__).parents[2]
FILES = Path(os.environ.get("CLASTER_REAL_FILES", PROJECT.parent / "shared" / "data"))

pytestmark = pytest.mark.skipif(
    not (FILES / "human").is_dir(), reason=f"no real files at {FILES} (CLASTER_REAL_FILES)"
)


@pytest.fixture
def example(monkeypatch):
    monkeypatch.setenv("CLASTER_DATA", str(FILES))
    return lambda name: load_dataset(f"examples/{name}", project=PROJECT)


def test_chr21_builds_from_files_of_every_kind(example, tmp_path):
    spec = example("k562_chr21")
    result = build_dataset(spec, project=tmp_path)
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


def test_chr11_builds_inputs_without_target(example, tmp_path):
    result = build_dataset(example("mm10_chr11"), project=tmp_path)
    assert result.manifest.genes_in == 116
    assert result.manifest.genes_kept == {"train": 0, "valid": 0, "test": 49}


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


def test_contact_files_of_several_layouts():
    clr = open_contacts(
        FILES / "human/TADLib/GM12878-MboI.hg19.cool", resolution=10_000, balance=True
    )
    band = read_band(clr, "21", separations=5, balance=True)
    assert band.expected[0] == band.expected[1]  # no main diagonal in this file
    fly = FILES / "fly/pyGenomeTracks/matrix.mcool"
    assert open_contacts(fly, resolution=40_000, balance=True).resolution == 40_000
    with pytest.raises(ClasterError, match="has no weights"):
        open_contacts(fly, resolution=80_000, balance=True)
    raw = FILES / "mouse/HiCExplorer/MB-E10-5_chr1.cool"
    assert open_contacts(raw, resolution=1000, balance=False).resolution == 1000


def test_annotation_dialects():
    genes = read_genes(FILES / "annotation/ENCODE-cCREs_GENCODEM18_mm10/Genes.Basic-PC.bed.gz")
    assert len(genes) == 21_978
    assert set(genes["type"]) == {"protein_coding"}
    with pytest.raises(ClasterError, match="no 'gene' rows"):
        read_genes(FILES / "human/genomation/chr21.refseq.hg19.gtf")
