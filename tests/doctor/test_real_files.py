"""Every trap in the README of the real files: set CLASTER_REAL_FILES, or lay them beside the checkout."""

import os
from pathlib import Path

import pytest

from claster.dataset.doctor.check import check_dataset
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec

PROJECT = Path(__file__).parents[2]
FILES = Path(os.environ.get("CLASTER_REAL_FILES", PROJECT.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (FILES / "human").is_dir(), reason=f"no real files at {FILES} (CLASTER_REAL_FILES)"
    ),
]

GENCODE_M18 = "annotation/ENCODE-cCREs_GENCODEM18_mm10/Genes.Basic-PC.bed.gz"
TSS_M18 = "annotation/ENCODE-cCREs_GENCODEM18_mm10/TSS.Basic-PC.bed.gz"
ENSEMBL = "mouse/fanc/genes_mm10_chr11_77-80Mb.gtf.gz"
ABC = "annotation/ABC/CollapsedGeneBounds.hg19.bed"
H3K4ME3 = "mouse/S3V2_IDEAS_ESMP/CMP.H3K4me3.r1.chr11.bw"
CTCF = "mouse/fanc/CTCF_ChIP_FE_chr11_77-80Mb_mouse_embryo_fibroblasts.bigwig"
LUNG = "derived/hg19_chr21/lung_E096_H3K4me3_chr21.bw"
K562 = "human/dREG/K562.chr21.{}.bw"
RAO = "derived/mm10_chr11/rao2014_chr11_77.39-78.60Mb.10kb.cool"
FLY = "fly/pyGenomeTracks/"


def examine(assembly, *tracks, genes, **keys):
    content = {
        "name": "real",
        "assembly": assembly,
        "data": str(FILES),
        "tracks": [{"name": f"T{n}", "file": file} for n, file in enumerate(tracks)],
        "genes": {"file": genes} if isinstance(genes, str) else genes,
    }
    return check_dataset(DatasetSpec.model_validate(content | keys))


PLUS, MINUS = K562.format("plus"), K562.format("minus")


def target(plus=PLUS, minus=MINUS, minus_values="negative"):
    condition = {"name": "ctrl", "plus": plus, "minus": minus, "minus_values": minus_values}
    return {"statistic": "sum", "conditions": [condition]}


def contacts(file, resolution=10_000, **keys):
    return {"file": file, "resolution": resolution, "rows": 21, **keys}


@pytest.fixture
def example(monkeypatch):
    monkeypatch.setenv("CLASTER_DATA", str(FILES))
    return lambda name: check_dataset(load_dataset(f"examples/{name}", project=PROJECT))


def notes(report, item):
    return " | ".join(f.evidence for f in report.of(item) if f.verdict == "note")


def test_chr21_set_can_be_built_and_its_oddities_are_named(example, one):
    report = example("k562_chr21")
    assert report.exit_code == 0
    assert "no main diagonal" in one(report, "contacts", "diagonal").evidence
    assert one(report, "contacts", "chromosomes").verdict == "note"
    assert one(report, "target ctrl minus", "strand").evidence == (
        "minus strand stored with negative values, as declared"
    )
    assert "232 of 20,629 genes would get a window" in one(report, "windows", "genes").evidence


def test_chr11_set_can_be_built(example):
    assert example("mm10_chr11").exit_code == 0


def test_h3k4me3_has_200_bp_bins_with_gaps(one):
    report = examine("mm10", H3K4ME3, genes=ENSEMBL)
    finding = one(report, "track T0", "intervals")
    assert finding.verdict == "note"
    assert "one value per 200 bp, wider than the bins of 100 bp" in finding.evidence
    assert "a value on 97.5 % of the bases" in finding.evidence


def test_ctcf_covers_3_of_122_mb(one):
    report = examine("mm10", H3K4ME3, CTCF, genes=GENCODE_M18, regions=["chr11"])
    finding = one(report, "track T1", "coverage")
    assert finding.verdict == "warning"
    assert "signal on 3.0 Mb of 122.1 Mb of chr11 (77.00-80.00 Mb)" in finding.evidence
    assert "49 of 1,636 windows lie whole inside" in finding.evidence
    finding = one(report, "windows", "coverage")
    assert 'regions: ["chr11:77,000,000-80,000,000"]' in finding.remedy


def test_core_set_has_7_windows(one):
    report = examine("mm10", H3K4ME3, CTCF, genes=ENSEMBL, contacts=contacts(RAO))
    assert "7 of 63 windows lie whole inside" in one(report, "contacts", "coverage").evidence
    finding = one(report, "windows", "coverage")
    assert finding.evidence == "7 of 63 windows lie whole in what all files cover"
    assert 'regions: ["chr11:77,390,000-78,600,000"]' in finding.remedy
    assert one(report, "contacts", "weights").verdict == "fine"


def test_ensembl_gtf_says_gene_biotype_and_has_ids_without_version(one):
    report = examine("mm10", H3K4ME3, genes=ENSEMBL)
    said = " | ".join(f.evidence for f in report.of("genes"))
    assert "Ensembl GTF, 116 genes (63 protein_coding" in said
    assert "'gene_biotype'" in notes(report, "genes")
    assert "IDs without version (ENSMUSG" in notes(report, "genes")
    assert one(report, "genes", "starts").verdict == "fine"


def test_gencode_m18_bed_has_1_based_starts_and_blanks(one):
    report = examine("mm10", H3K4ME3, genes=GENCODE_M18, regions=["chr11"])
    finding = one(report, "genes", "starts")
    assert finding.verdict == "warning"
    assert "183 of 183 known genes begin one base late" in finding.evidence
    assert "21,978 rows with blanks" in notes(report, "genes")


def test_gencode_m18_tss_bed_has_starts_equal_to_ends(one):
    finding = one(examine("mm10", H3K4ME3, genes=TSS_M18), "genes", "starts")
    assert finding.verdict == "fault"
    assert finding.evidence.startswith("44,189 of 44,189 rows")


def test_ideas_tracks_are_floored_capped_and_on_a_part_of_chr2(one):
    files = [
        f"derived/mm10_chr2/IDEAS_{cell}.{mark}.chr2_0-5.5Mb.bw"
        for cell in ("ERY_ad", "MEP")
        for mark in ("atac", "h3k27ac")
    ]
    report = examine("mm10", *files, genes=GENCODE_M18)
    for track in (f"track T{number}" for number in range(4)):
        said = notes(report, track)
        assert "lowest value 2 in 9" in said
        assert "highest value 16 repeated" in said
        assert "one value per 200 bp" in said
        assert "5.5 Mb of 182.1 Mb of chr2" in one(report, track, "coverage").evidence


def test_5c_of_mm9_is_named_and_lacks_weights(one):
    file = "derived/mm9_chrX/Nora5C_E14.10kb.cool"
    report = examine("mm10", H3K4ME3, genes=GENCODE_M18, contacts=contacts(file))
    finding = one(report, "contacts", "chromosomes")
    assert finding.verdict == "fault"
    assert "this is mm9" in finding.evidence
    report = examine("mm9", CAGE.format("plus"), genes=GENCODE_M18, contacts=contacts(file))
    assert one(report, "contacts", "chromosomes").verdict == "fine"
    assert one(report, "contacts", "weights").verdict == "fault"
    assert "4.6 Mb of 166.7 Mb of chrX" in one(report, "contacts", "coverage").evidence


CAGE = "mouse/CAGEfightR/mm9.C547.{}.bw"


def test_cage_minus_values_are_positive(one):
    pair = target(CAGE.format("plus"), CAGE.format("minus"), "positive")
    report = examine("mm9", CAGE.format("plus"), genes=GENCODE_M18, target=pair)
    finding = one(report, "target ctrl minus", "strand")
    assert finding.evidence == "minus strand stored with positive values, as declared"
    assert "single bases (read ends)" in one(report, "target ctrl plus", "intervals").evidence
    pair["conditions"][0]["minus_values"] = "negative"
    report = examine("mm9", CAGE.format("plus"), genes=GENCODE_M18, target=pair)
    finding = one(report, "target ctrl minus", "strand")
    assert finding.verdict == "fault"
    assert "'minus_values: positive'" in finding.remedy


def test_mm9_files_against_mm10(one):
    report = examine("mm10", CAGE.format("plus"), genes=GENCODE_M18)
    finding = one(report, "track T0", "chromosomes")
    assert finding.verdict == "fault"
    assert "90,772,031 bp here and 90,702,639 bp in mm10" in finding.evidence
    assert "this is mm9" in finding.evidence


def test_mm10_genes_against_mm9(one):
    finding = one(examine("mm9", CAGE.format("plus"), genes=GENCODE_M18), "genes", "ends")
    assert finding.verdict == "warning"
    assert finding.evidence.startswith("200 genes end past their chromosome")


def test_hg38_genes_against_hg19_tracks(one):
    right = examine("hg19", LUNG, genes=ABC)
    assert float(one(right, "track T0", "promoters").evidence.split()[0]) > 8
    assert "tracks" not in right.items
    wrong = examine("hg19", LUNG, genes="human/K562_elements_hg38/genes.bed")
    assert float(one(wrong, "track T0", "promoters").evidence.split()[0]) < 2
    assert one(wrong, "tracks", "promoters").verdict == "warning"
    assert "they lie where hg38 has them" in one(wrong, "genes", "assembly").evidence


def test_capture_hic_is_not_listed_has_float_counts_and_is_sparse(one):
    file = "mouse/HiCExplorer/MB-E10-5_chr1.cool"
    keys = {"genes": GENCODE_M18, "contacts": contacts(file, 1000, balance=False)}
    report = examine("mm9", CAGE.format("plus"), **keys)
    said = notes(report, "contacts")
    assert "own listing does not name this matrix" in said
    assert "floating point" in said
    assert one(report, "contacts", "density").verdict == "warning"
    keys["contacts"]["balance"] = True
    assert (
        one(examine("mm9", CAGE.format("plus"), **keys), "contacts", "weights").verdict == "fault"
    )


def test_wrong_build_under_another_name_is_told_to_be_mm39(one):
    report = examine("mm10", "mouse/epiwraps/example_atac.bw", genes=GENCODE_M18)
    finding = one(report, "track T0", "chromosomes")
    assert finding.verdict == "fault"
    assert finding.evidence == "1 has 195,154,279 bp here and 195,471,971 bp in mm10; this is mm39"
    assert report.exit_code == 2


def test_fly_names_differ_and_the_matrix_is_of_another_build(one):
    report = examine(
        "dm3",
        f"{FLY}bigwig2_X_2.5e6_3.5e6.bw",
        f"{FLY}bigwig_chrx_2e6_5e6.bw",
        genes=f"{FLY}dm3_subset_BDGP5.78.gtf.gz",
        window={"bin": 100, "bins": 1001},
        contacts=contacts(f"{FLY}matrix.mcool", 40_000),
    )
    assert "says X where the assembly says chrX" in one(report, "track T0", "chromosomes").evidence
    assert one(report, "track T1", "chromosomes").verdict == "fine"
    assert "1.0 Mb of 22.4 Mb of chrX" in one(report, "track T0", "coverage").evidence
    assert "3.0 Mb of 22.4 Mb of chrX" in one(report, "track T1", "coverage").evidence
    assert "the file says X for chrX" in one(report, "genes", "chromosomes").evidence
    finding = one(report, "contacts", "chromosomes")
    assert finding.verdict == "fault"
    assert "this is dm6" in finding.evidence


@pytest.mark.parametrize(("resolution", "verdict"), [(40_000, "fine"), (80_000, "fault")])
def test_fly_matrix_has_the_old_layout_and_weights_at_its_finest_level_only(
    one, resolution, verdict
):
    report = examine(
        "dm6",
        f"{FLY}bigwig2_X_2.5e6_3.5e6.bw",
        genes=f"{FLY}dm3_subset_BDGP5.78.gtf.gz",
        window={"bin": 100, "bins": 1001},
        contacts=contacts(f"{FLY}matrix.mcool", resolution),
    )
    assert "old zoom layout, levels ::/0 to ::/4" in one(report, "contacts", "resolution").evidence
    finding = one(report, "contacts", "weights")
    assert finding.verdict == verdict
    if verdict == "fault":
        assert "weights are at 40 kb only" in finding.evidence


def test_proseq_declared_wrongly_names_the_line_to_write(one):
    keys = {"genes": {"file": ABC, "types": None}, "regions": ["chr21"]}
    report = examine("hg19", LUNG, target=target(minus_values="positive"), **keys)
    finding = one(report, "target ctrl minus", "strand")
    assert finding.verdict == "fault"
    assert "values from -613 to -1" in finding.evidence
    assert "'minus_values: negative'" in finding.remedy


def test_proseq_strands_given_the_wrong_way_round(one):
    keys = {"genes": {"file": ABC, "types": None}, "regions": ["chr21"]}
    swapped = target(K562.format("minus"), K562.format("plus"), "positive")
    report = examine("hg19", LUNG, target=swapped, **keys)
    finding = one(report, "target ctrl plus", "strand")
    assert finding.verdict == "fault"
    assert "exchange 'plus' and 'minus'" in finding.remedy


def test_proseq_lies_on_the_strand_of_its_genes(one):
    keys = {"genes": {"file": ABC, "types": None}, "regions": ["chr21"]}
    finding = one(examine("hg19", LUNG, target=target(), **keys), "target ctrl", "sense")
    assert finding.verdict == "fine"
    assert "a median of 9" in finding.evidence


def test_proseq_minus_as_a_track(one):
    report = examine("hg19", K562.format("minus"), genes={"file": ABC, "types": None})
    assert one(report, "track T0", "strand").verdict == "fault"


def test_gm12878_matrix_in_a_named_group(one):
    keys = {"genes": {"file": ABC, "types": None}, "regions": ["chr21"]}
    file = "human/TADLib/GM12878-MboI.hg19.cool"
    report = examine("hg19", LUNG, contacts=contacts(file), **keys)
    finding = one(report, "contacts", "resolution")
    assert finding.evidence == "10 kb, a single matrix, in the group ::/10000"
    assert "says 21 where the assembly says chr21" in notes(report, "contacts")
    assert "no main diagonal" in notes(report, "contacts")
    finding = one(
        examine("hg19", LUNG, contacts=contacts(file, 5000), **keys), "contacts", "resolution"
    )
    assert finding.verdict == "fault"
    assert "'resolution: 10000'" in finding.remedy


def test_lung_track_has_gaps_and_no_weak_signal(one):
    report = examine("hg19", LUNG, genes={"file": ABC, "types": None}, regions=["chr21"])
    said = notes(report, "track T0")
    assert "a value on 0.5 % of the bases only: mean 28.1 over those, 0.152 over all" in said
    assert "no value below 10" in said
    assert [f for f in report.findings if f.check == "coverage"] == []


def test_brain_rnaseq_is_fine(one):
    report = examine(
        "hg19",
        "human/derfinderData/HSB136.bw",
        "human/compGenomRData/wgEncodeHaibTfbsA549.chr21.bw",
        genes={"file": ABC, "types": None},
        regions=["chr21"],
    )
    assert report.exit_code == 0
    assert "floor" not in notes(report, "track T0") + notes(report, "track T1")


def test_epicseg_covers_8_of_48_mb(one):
    files = [
        f"derived/hg19_chr21/epicseg_{mark}_chr21_40.0-48.1Mb.readcov.bw"
        for mark in ("H3K4me3", "H3K36me3", "H3K9me3")
    ]
    report = examine("hg19", *files, genes={"file": ABC, "types": None}, regions=["chr21"])
    for track in ("track T0", "track T1", "track T2"):
        evidence = one(report, track, "coverage").evidence
        assert "8.1 Mb of 48.1 Mb of chr21 (40.00-48.1" in evidence
    remedy = one(report, "windows", "coverage").remedy
    assert 'regions: ["chr21:40,000,000-48,129,895"]' in remedy


def test_tracks_of_28_to_30_mb(one):
    files = [
        f"derived/hg19_chr21/{cell}_{mark}_chr21_28.0-30.3Mb.bw"
        for cell in ("GM12878_ChIP", "IMR90_ChIP")
        for mark in ("CTCF", "H3K27ac")
    ]
    report = examine("hg19", *files, genes={"file": ABC, "types": None}, regions=["chr21"])
    for track in (f"track T{number}" for number in range(4)):
        evidence = one(report, track, "coverage").evidence
        assert "2.3 Mb of 48.1 Mb of chr21 (28.00-30.30 Mb)" in evidence


def test_refseq_gtf_has_no_gene_rows(one):
    report = examine("hg19", LUNG, genes="human/genomation/chr21.refseq.hg19.gtf")
    finding = one(report, "genes", "dialect")
    assert finding.verdict == "fault"
    assert "a GTF without 'gene' rows: 5,384 exon" in finding.evidence
    assert "values 10 to 293" in " ".join(f.evidence for f in report.of("track T0"))


def test_abc_table(one):
    report = examine("hg19", LUNG, genes={"file": ABC, "types": None}, regions=["chr21"])
    assert "table, 20,629 genes" in " ".join(f.evidence for f in report.of("genes"))
    assert "45 rows with the ID of an earlier one" in notes(report, "genes")


def test_vision_elements_have_no_groups(one):
    file = "annotation/VISION_cCRE_mm10/S3V2_IDEAS_mm10_ccre2.cCRE.M.notall0.bed"
    report = examine(
        "mm10",
        H3K4ME3,
        genes=ENSEMBL,
        elements={"file": file},
        blacklist="annotation/Blacklist/mm10-blacklist.v2.bed.gz",
    )
    assert one(report, "elements", "kind").evidence == "96,084 elements (without groups)"
    assert one(report, "elements", "chromosomes").verdict == "fine"
    assert "3,435 regions, 239.0 Mb, 8.8 %" in one(report, "blacklist", "kind").evidence
    report = examine("mm10", H3K4ME3, genes=ENSEMBL, elements={"file": file, "groups": ["ELS"]})
    assert one(report, "elements", "groups").verdict == "fault"


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("mm10.reduced.chrom.sizes", "fine"), ("mm9.reduced.chrom.sizes", "warning")],
)
def test_chromosome_sizes_against_the_assembly(one, name, verdict):
    report = examine("mm10", H3K4ME3, genes=ENSEMBL, chrom_sizes=f"annotation/chrom_sizes/{name}")
    assert one(report, "chromosome sizes", "sizes").verdict == verdict


def test_fanc_file_in_place_of_a_cooler(one):
    file = "mouse/fanc/rao2014.chr11_77400000_78600000.hic"
    report = examine("mm10", H3K4ME3, genes=ENSEMBL, contacts=contacts(file))
    finding = one(report, "contacts", "kind")
    assert finding.verdict == "fault"
    assert "an HDF5 file without a cooler" in finding.evidence


def test_bedgraph_in_place_of_a_bigwig(one):
    file = CTCF.replace(".bigwig", ".bedgraph.gz")
    finding = one(examine("mm10", file, genes=ENSEMBL), "track T0", "kind")
    assert finding.verdict == "fault"
    assert "a gzip file around a bedGraph text instead of a bigWig file" in finding.evidence
