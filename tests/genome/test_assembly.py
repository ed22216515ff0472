import pandas as pd
import pytest

from claster.errors import ClasterError
from claster.genome.assembly import (
    assemblies_naming,
    assemblies_with,
    chromosome_aliases,
    chromosome_sizes,
    match_chromosomes,
    read_chrom_sizes,
    rename_chromosomes,
)

SIZES = {"chr1": 1000, "chr2": 500}


def match(found, wanted=SIZES, **aliases):
    return match_chromosomes(wanted, found, file="x.bw", named="track ATAC", **aliases)


def match_mm10(found, *chromosomes):
    sizes = chromosome_sizes("mm10")
    wanted = {chrom: sizes[chrom] for chrom in chromosomes or sizes}
    return match(found, wanted, aliases=chromosome_aliases("mm10"))


def test_known_assembly_comes_with_the_library():
    assert chromosome_sizes("hg19")["chr21"] == 48_129_895
    assert chromosome_sizes("mm10")["chr11"] == 122_082_543


def test_unknown_assembly_asks_for_a_file():
    with pytest.raises(ClasterError, match="chrom_sizes"):
        chromosome_sizes("toy")


@pytest.mark.parametrize("name", ["", "toy", "mm10' or 'a", "ucsc.mm10", "danRer11"])
def test_names_without_a_table_of_their_own_are_unknown(name):
    with pytest.raises(ClasterError, match="not among those"):
        chromosome_sizes(name)
    assert chromosome_aliases(name) == {}


def test_sizes_file(tmp_path):
    path = tmp_path / "chrom.sizes"
    path.write_text("chr1\t1000\n\nchr2\t500\textra\n")
    assert chromosome_sizes("toy", path) == SIZES


@pytest.mark.parametrize("text", ["chr1\n", "chr1\tmany\n", "chr1\t0\n", "", "chr1\t-5\n"])
def test_broken_sizes_file(tmp_path, text):
    path = tmp_path / "chrom.sizes"
    path.write_text(text)
    with pytest.raises(ClasterError, match="length in bp"):
        read_chrom_sizes(path)


def test_missing_sizes_file(tmp_path):
    with pytest.raises(ClasterError, match="no file"):
        read_chrom_sizes(tmp_path / "chrom.sizes")


def test_aliases_hold_accessions_and_plain_names():
    mm10 = chromosome_aliases("mm10")
    assert {mm10[name] for name in ("NC_000077.6", "CM001004.2", "11")} == {"chr11"}
    assert {mm10[name] for name in ("MT", "NC_005089.1")} == {"chrM"}
    assert "NC_000077.7" not in mm10
    assert chromosome_aliases("GRCm38") == mm10
    assert chromosome_aliases("hg19")["MT"] == "chrM"


@pytest.mark.parametrize(
    ("sizes", "builds"),
    [
        ({"chr11": 122_082_543}, ["mm10"]),
        ({"11": 121_973_369}, ["mm39"]),
        ({"NC_000067.6": 195_471_971}, ["mm10"]),
        ({"NC_000067.7": 195_154_279, "unplaced": 7}, ["mm39"]),
        ({"1": 249_250_621, "MT": 16_569}, ["hg19"]),
        ({"chr1": 249_250_621, "chrM": 16_571}, ["hg19"]),
        ({"chr1": 195_471_971, "chr2": 5}, []),
        ({"chrM": 16_299}, []),
        ({"scaffold": 5}, []),
        ({}, []),
    ],
)
def test_lengths_tell_the_assembly(sizes, builds):
    assert assemblies_with(sizes) == builds


def test_every_known_assembly_recognises_itself():
    for build in ("hg19", "hg38", "mm9", "mm10", "mm39", "dm3", "dm6", "sacCer3"):
        assert assemblies_with(chromosome_sizes(build)) == [build]
        accessions = [name for name in chromosome_aliases(build) if "." in name]
        assert assemblies_naming(accessions) == [build]


def test_accession_versions_tell_the_assembly():
    assert assemblies_naming(["NC_000067.6", "NC_005089.1"]) == ["mm10"]
    assert assemblies_naming(["NC_000067.7", "NT_166280.1"]) == ["mm39"]
    assert assemblies_naming(["NC_005089.1"]) == []  # the mitochondrion of three mouse assemblies
    assert assemblies_naming(["chr1", "1"]) == []
    assert assemblies_naming(["NC_000067.5", "NC_000067.6", "NC_000068.7"]) == ["mm10"]  # most


def test_names_with_and_without_prefix_match():
    assert match({"1": 1000, "chr2": 500, "GL1": 3}) == {"chr1": "1", "chr2": "chr2"}


def test_chromosomes_that_a_file_lacks_are_left_out():
    assert match({"chr2": 500}) == {"chr2": "chr2"}


def test_no_common_name_is_refused():
    with pytest.raises(ClasterError, match=r"track ATAC \(x.bw\) has none of .* it has NC_1"):
        match({"NC_1": 1000})


def test_another_build_is_refused_by_its_lengths():
    with pytest.raises(ClasterError, match=r"1 with 1,001 bp, the assembly 1,000 bp"):
        match({"1": 1001, "2": 500})


def test_accessions_of_the_build_match():
    assert match_mm10({"NC_000067.6": 195_471_971, "2": 182_113_224, "chrX": 171_031_299}) == {
        "chr1": "NC_000067.6",
        "chr2": "2",
        "chrX": "chrX",
    }


def test_the_assembly_may_be_named_by_accessions_too():
    aliases = chromosome_aliases("mm10")
    found = match({"1": 195_471_971}, {"NC_000067.6": 195_471_971}, aliases=aliases)
    assert found == {"NC_000067.6": "1"}


def test_a_name_of_its_own_comes_before_another_spelling():
    assert match({"1": 7, "chr1": 1000}) == {"chr1": "chr1"}


def test_another_build_is_named():
    with pytest.raises(
        ClasterError, match=r"assembly 195,471,971 bp; its lengths are those of mm39:"
    ):
        match_mm10({"1": 195_154_279})
    with pytest.raises(ClasterError, match=r"it has NC_000067.7; its lengths are those of mm39:"):
        match_mm10({"NC_000067.7": 195_154_279})
    with pytest.raises(ClasterError, match=r"it has NC_000067.7; its names are those of mm39:"):
        match_mm10({"NC_000067.7": 0})


def test_a_wrong_build_that_agrees_by_chance_on_one_chromosome_is_refused():
    with pytest.raises(ClasterError, match=r"chr2 with 181,755,017 bp, .* bp: use"):
        match_mm10({"chr1": 195_471_971, "chr2": 181_755_017})


def test_another_mitochondrion_counts_as_lacking():
    wanted = {"chr1": 249_250_621, "chrM": 16_571}
    assert match({"1": 249_250_621, "MT": 16_569}, wanted) == {"chr1": "1"}
    with pytest.raises(ClasterError, match="MT with 16,569 bp"):
        match({"MT": 16_569}, {"chrM": 16_571})


def test_tables_take_the_names_of_the_assembly():
    table = pd.DataFrame(
        {
            "chrom": ["11", "NC_000067.6", "MT", "chr2", "NC_000067.7", "GL456210.1"],
            "start": range(6),
        },
        index=list("abcdef"),
    )
    renamed = rename_chromosomes(
        table, sizes=chromosome_sizes("mm10"), aliases=chromosome_aliases("mm10")
    )
    assert renamed["chrom"].tolist() == [
        "chr11",
        "chr1",
        "chrM",
        "chr2",
        "NC_000067.7",
        "GL456210.1",
    ]
    assert renamed["start"].tolist() == list(range(6))
    assert renamed.index.tolist() == list("abcdef")
    assert table["chrom"].iloc[0] == "11"


def test_tables_follow_a_sizes_file_without_chr():
    table = pd.DataFrame({"chrom": ["chr1", "chrM", "2"]})
    renamed = rename_chromosomes(table, sizes={"1": 10, "2": 10, "MT": 10})
    assert renamed["chrom"].tolist() == ["1", "MT", "2"]
    assert rename_chromosomes(table.iloc[:0], sizes={"1": 10}).empty
