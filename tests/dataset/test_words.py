"""Words of a dataset's YAML name something, in any spelling, or are a fault in check and build."""

import pytest

from claster.dataset.build import build_dataset
from claster.dataset.choice import choose_genes
from claster.dataset.doctor.check import check_dataset
from claster.dataset.sources import open_sources
from claster.errors import ClasterError


def genes(**keys):
    return lambda content: content["genes"].update(keys)


def kept(spec):
    with open_sources(spec) as sources:
        return choose_genes(spec, sources)


@pytest.mark.parametrize("word", ["chr2", "2", 2])
def test_a_chromosome_is_left_out_in_any_spelling(edited, word):
    spec = edited(genes(exclude_chromosomes=[word, "chrM"]))
    selection = kept(
        edited(lambda c: (genes(exclude_chromosomes=[word])(c), c["splits"].pop("test")))
    )
    assert set(selection.kept["chrom"]) == {"chr1"}
    gone = selection.dropped.set_index("gene_id")["reason"]
    assert gone["GD.1"] == "chromosome_excluded"
    assert spec.genes.exclude_chromosomes == (str(word), "chrM")


@pytest.mark.parametrize("word", ["chr2", "2", 2])
def test_a_split_takes_a_chromosome_in_any_spelling(edited, word):
    selection = kept(edited(lambda content: content["splits"].update(test=[word])))
    assert selection.kept.set_index("gene_id")["split"]["GD.1"] == "test"


@pytest.mark.parametrize("words", [["chrM", "MT"], ["chrM"], ["MT"], []])
def test_the_mitochondrion_need_not_be_there(world, edited, words):
    path = world / "source/genes.tsv"
    rows = [row for row in path.read_text().splitlines(keepends=True) if "chrM" not in row]
    path.write_text("".join(rows))
    assert len(kept(edited(genes(exclude_chromosomes=words))).kept) == 4


@pytest.mark.parametrize(
    ("change", "item", "check", "said"),
    [
        (
            genes(exclude_chromosomes=["chrM", "chr22"]),
            "genes", "chromosomes",
            r"line \d+: .*have a chromosome 'chr22': did you mean 'chr2'\? choose among chr1, chr2, chrM",
        ),
        (
            genes(types=["protein_coding", "lincrna"]),
            "genes", "types",
            r"line \d+: no gene has the type 'lincrna': did you mean 'lincRNA'\? choose among protein_",
        ),
        (
            lambda content: content.update(example_gene="gd"),
            "genes", "example",
            r"line \d+: no gene 'gd' among 7: did you mean 'GD.1'\? choose among A, B, N",
        ),
        (
            lambda content: content["splits"].update(test=["chr3"]),
            "windows", "rules",
            r"'chr3': the assembly has no chromosome 'chr3': did you mean 'chr\d'\? choose among chr1, chr2",
        ),
        (
            lambda content: content.update(regions=["CHR1:1,000-90,000"]),
            "windows", "rules",
            "the assembly has no chromosome 'CHR1': did you mean 'chr1'",
        ),
    ],
)  # fmt: skip
def test_a_word_that_names_nothing_is_a_fault_of_check_and_build(edited, change, item, check, said):
    spec = edited(change)
    with pytest.raises(ClasterError, match=said):
        build_dataset(spec)
    report = check_dataset(spec)
    assert report.exit_code == 2
    (finding,) = [f for f in report.of(item) if f.verdict == "fault" and f.check == check]
    assert finding.remedy


def test_genes_without_types_ask_for_all_of_them(world, edited):
    path = world / "source/genes.tsv"
    rows = [row.rsplit("\t", 1)[0] for row in path.read_text().splitlines()]
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(ClasterError, match="write 'types: null' under 'genes' to take all"):
        build_dataset(edited())
    assert len(kept(edited(genes(types=None))).kept) == 5
