import pytest

from claster.errors import ClasterError
from claster.genome.assembly import alias_of, chromosome_sizes, match_chromosomes, read_chrom_sizes

SIZES = {"chr1": 1000, "chr2": 500}


def match(found, wanted=SIZES):
    return match_chromosomes(wanted, found, file="x.bw", named="track ATAC")


def test_known_assembly_comes_with_the_library():
    assert chromosome_sizes("hg19")["chr21"] == 48_129_895
    assert chromosome_sizes("mm10")["chr11"] == 122_082_543


def test_unknown_assembly_asks_for_a_file():
    with pytest.raises(ClasterError, match="chrom_sizes"):
        chromosome_sizes("toy")


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


@pytest.mark.parametrize("chrom", ["chr1", "1", "chrX", "X", "chrM", "MT"])
def test_alias_of_alias_is_the_name(chrom):
    assert alias_of(alias_of(chrom)) == chrom
    assert alias_of(chrom) != chrom


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
