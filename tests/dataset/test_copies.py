"""Copies of one sequence in two splits: the check tells of them, the build leaves them out."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from claster.dataset.build import build_dataset
from claster.dataset.doctor.check import _without_copies, check_dataset
from claster.dataset.layout import DatasetFolders
from claster.dataset.manifest import differences, read_manifest
from claster.dataset.report import build_lines
from claster.genome.genes import read_genes

LETTERS = np.frombuffer(b"ACGT", dtype=np.uint8)


@pytest.fixture
def placed(edited, make):
    """Return a dataset with a FASTA in which a training gene has the sequence of a test gene, and the two."""

    def place(*, copied=True, write=True):
        spec = edited(lambda content: content.update(genome="genome.fa"))
        genes = read_genes(spec.source("genes.tsv")).set_index("gene_id")["tss"]
        kept = build_dataset(spec.within("before")).folders
        table = {s: kept.ids(s).read_text().split("_forward")[0] for s in ("train", "test")}
        rng = np.random.default_rng(0)
        genome = {chrom: rng.choice(LETTERS, size) for chrom, size in make.sizes.items()}
        start, end = (genes[table[split]] for split in ("train", "test"))
        if copied:
            genome["chr2"][end - 4_000 : end + 4_000] = genome["chr1"][
                start - 4_000 : start + 4_000
            ]
        if write:
            text = "".join(f">{c}\n{a.tobytes().decode()}\n" for c, a in genome.items())
            spec.source("genome.fa").write_text(text)
        return spec, table["train"], table["test"]

    return place


def copies(spec):
    return [f for f in check_dataset(spec).findings if f.check == "copies"]


def test_the_training_copy_of_a_test_gene_is_left_out_and_told(placed):
    spec, train, test = placed()
    (finding,) = copies(spec)
    assert finding.verdict == "note"
    assert f"{train}: train copy of {test}" in finding.evidence
    built = build_dataset(spec)
    assert built.manifest.genes_dropped["same_sequence"] == 1
    assert test in built.folders.ids("test").read_text()
    assert train not in built.folders.ids("train").read_text()


def test_without_copies_the_bytes_are_those_without_a_fasta(placed):
    spec, *_ = placed(copied=False)
    (finding,) = copies(spec)
    assert (finding.verdict, finding.evidence[:11]) == ("fine", "no sequence")
    before = read_manifest(DatasetFolders.of(spec.within("before")))
    assert build_dataset(spec).manifest.checksums == before.checksums


def test_without_a_fasta_it_is_said_that_nobody_looked(placed):
    spec, *_ = placed(write=False)
    (finding,) = copies(spec)
    assert "not looked at" in finding.evidence
    built = build_dataset(spec)
    assert not built.manifest.sequences_compared
    assert any("not looked for" in line for line in build_lines(built))
    spec.source("genome.fa").write_text(">chr1\nACGT\n")
    assert differences(built.manifest, spec) == []


def test_genes_of_which_the_fasta_lacks_the_sequence_are_told(placed):
    spec, _, test = placed()
    path = spec.source("genome.fa")
    path.write_text(path.read_text().partition(">chr2")[0])
    (finding,) = copies(spec)
    assert finding.verdict == "warning"
    assert finding.evidence.startswith("the sequence of 1 gene of 4 is not in the FASTA")
    assert finding.evidence.endswith(f"({test})")
    built = build_dataset(spec)
    assert built.manifest.genes_uncompared == 1
    assert not built.manifest.sequences_compared
    assert any("splits: 1 genes were not compared" in line for line in build_lines(built))


def test_a_fasta_of_another_assembly_is_refused_by_both(placed):
    spec, *_ = placed(write=False)
    spec.source("genome.fa").write_text(">chr1\nACGT\n")
    (finding,) = copies(spec)
    assert finding.verdict == "fault"
    with pytest.raises(Exception, match="chr1 has 4 bp"):
        build_dataset(spec)


@pytest.mark.parametrize(("uncompared", "verdict"), [(2, "note"), (3, "warning")])
def test_more_than_a_tenth_that_was_not_compared_is_a_warning(tmp_path, uncompared, verdict):
    genome = tmp_path / "genome.fa"
    genome.write_text(">chr1\nACGT\n")
    selection = SimpleNamespace(
        kept=pd.DataFrame({"split": ["train", "test"] * 10}),
        dropped=pd.DataFrame({"reason": []}),
        uncompared=tuple(f"G{number}" for number in range(uncompared)),
    )
    _, (finding,) = _without_copies(lambda genome: selection, genome)
    assert finding.verdict == verdict
    assert finding.evidence.startswith(
        f"the sequence of {uncompared} genes of 20 is not in the FASTA"
    )
