"""What is found in elements, blacklist, chromosome sizes and genome."""

import gzip

import pytest


@pytest.fixture(scope="module")
def beside():
    return {"contacts": None}


def test_elements_and_their_groups(examine, make, one):
    table = [
        "chr\tstart\tend\trDHS_accession\tcCRE_accession\tgroup",
        "chr1\t100\t300\tR1\tE1\tdELS,CTCF-bound",
        "chr2\t500\t900\tR2\tE2\tPLS",
    ]
    make.text("elements.tsv", table)

    def groups(*names):
        return {"elements": {"file": "elements.tsv", "groups": list(names)}}

    report = examine(**groups("ELS"))
    assert one(report, "elements", "kind").evidence == "2 elements (1 dELS, 1 CTCF-bound, 1 PLS)"
    assert one(report, "elements", "groups").evidence == "1 are ELS"
    finding = one(examine(**groups("xELS")), "elements", "groups")
    assert finding.verdict == "fault"
    assert "no element has group 'xELS'" in finding.evidence


def test_elements_that_start_at_their_end(examine, make, one):
    make.text("elements.bed", ["chr1\t100\t300", "chr1\t500\t500"])
    finding = one(examine(), "elements", "starts")
    assert finding.verdict == "warning"
    assert "line 2" in finding.evidence


def test_a_reversed_interval_is_not_taken_for_starts_from_1(examine, make, one):
    make.text("blacklist.bed", ["chr1\t2000\t1000"])
    finding = one(examine(), "blacklist", "kind")
    assert finding.verdict == "fault"
    assert "line 1: 2,000-1,000 starts behind its end" in finding.evidence
    assert finding.remedy == "give start < end; start counts from 0"


def test_intervals_past_the_end_tell_another_assembly(examine, make, one):
    make.text("blacklist.bed", ["chr1\t5\t50", "chr1\t399000\t400001"])
    finding = one(examine(), "blacklist", "chromosomes")
    assert finding.verdict == "warning"
    assert finding.evidence.startswith("1 interval past the end of the chromosome")


def test_intervals_on_other_names(examine, make, one):
    make.text("blacklist.bed", ["1\t5\t50", "2\t5\t50"])
    assert one(examine(), "blacklist", "chromosomes").verdict == "fine"
    make.text("blacklist.bed", ["scaffold1\t5\t50"])
    finding = one(examine(), "blacklist", "chromosomes")
    assert finding.verdict == "fault"
    assert finding.evidence.endswith(
        "has no region on the assembly's chromosomes; it names scaffold1"
    )


def test_sizes_of_another_assembly(examine, make, one):
    make.text("chrom.sizes", ["chr1\t197195432", "chr2\t181748087"])
    finding = one(examine(assembly="mm10", splits={}), "chromosome sizes", "sizes")
    assert finding.verdict == "warning"
    assert finding.evidence.endswith("these are the sizes of mm9")


def test_sizes_that_do_not_read(examine, make, one):
    make.text("chrom.sizes", ["chr1 many"])
    report = examine()
    assert one(report, "chromosome sizes", "kind").verdict == "fault"
    assert one(report, "track ATAC", "values").verdict == "fine"


def test_unknown_assembly_without_sizes(examine, small, one):
    contacts = small.content()["contacts"]
    report = examine(chrom_sizes=None, splits={}, contacts=contacts)
    finding = one(report, "assembly", "assembly")
    assert finding.verdict == "fault"
    assert "'small' is not among those" in finding.evidence
    assert one(report, "track ATAC", "values").verdict == "fine"
    assert one(report, "contacts", "density").verdict == "fine"


@pytest.mark.slow
def test_genome_by_all_its_sequences(examine, make, one, monkeypatch):
    for read_whole in (0, 10_000_000):
        monkeypatch.setattr("claster.dataset.doctor.sources._READ_WHOLE", read_whole)
        make.fasta("genome.fa")
        assert one(examine(), "genome", "chromosomes").evidence == "small, 2 sequences"
        make.fasta("genome.fa", sizes={"chr1": 400_100, "chr2": 200_000})
        finding = one(examine(), "genome", "chromosomes")
        assert finding.verdict == "warning"
        assert "chr1 has 400,100 bp here" in finding.evidence
        make.fasta("genome.fa", sizes={"chr1": 400_000})
        assert "lacks chr2" in one(examine(), "genome", "chromosomes").evidence


@pytest.mark.parametrize("text", ["", "chr1\nACGT\n", "<html></html>\n"])
def test_a_genome_that_the_build_cannot_read_is_a_fault(examine, make, one, text):
    (make.folder / "genome.fa").write_text(text)
    assert one(examine(), "genome", "kind").verdict == "fault"
    (make.folder / "genome.fa").unlink()
    assert one(examine(), "genome", "present").verdict == "warning"  # nothing needs it yet


def test_an_index_of_another_genome_is_not_believed(examine, make, one, monkeypatch):
    make.fasta("other.fa", sizes={"chr1": 399_900, "chr2": 200_000})
    (make.folder / "other.fa.fai").rename(make.folder / "genome.fa.fai")
    assert one(examine(), "genome", "chromosomes").evidence == "small, 2 sequences"
    monkeypatch.setattr("claster.dataset.doctor.sources._READ_WHOLE", 0)
    evidence = one(examine(), "genome", "chromosomes").evidence
    assert "starts with '>chr1'; the index beside it is older or does not fit" in evidence


def test_genome_by_its_first_name(examine, make, one, monkeypatch):
    monkeypatch.setattr("claster.dataset.doctor.sources._READ_WHOLE", 0)
    (make.folder / "genome.fa.fai").unlink()
    assert "no index beside it" in one(examine(), "genome", "chromosomes").evidence
    content = gzip.compress(b">scaffold_9 x\nACGT\n")
    (make.folder / "genome.fa.gz").write_bytes(content)
    finding = one(examine(genome="genome.fa.gz"), "genome", "chromosomes")
    assert finding.verdict == "warning"
    assert "starts with '>scaffold_9 x'" in finding.evidence
