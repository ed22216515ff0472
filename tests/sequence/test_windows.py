import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from pyfaidx import Fasta
from typer.testing import CliRunner

from claster.cli import app
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.errors import ClasterError
from claster.sequence.windows import (
    SequenceWindows,
    extract_windows,
    reverse_complement,
    write_windows_fasta,
)


def text(letters):
    return np.asarray(letters).tobytes().decode()


def test_windows_are_pyfaidx_s(spec, tmp_path):
    windows = extract_windows(spec, length=600)
    genome = Fasta(str(tmp_path / "source" / "genome.fa"), as_raw=True)
    genes = read_genes_table(DatasetFolders.of(spec))
    assert windows.letters.shape == (len(genes), 600)
    for row, gene in enumerate(genes.itertuples()):
        wanted = genome[gene.chrom][gene.tss - 300 : gene.tss + 300]
        assert text(windows.sample(row, rev=False)) == wanted
        assert text(windows.sample(row, rev=True)) == text(
            reverse_complement(np.frombuffer(wanted.encode(), dtype=np.uint8))
        )
    assert (windows.table["padded"] == 0).all()


def test_the_tss_is_the_first_base_of_the_right_half(spec, tmp_path):
    windows = extract_windows(spec, length=10)
    raw = (tmp_path / "source" / "genome.fa").read_text().split(">")[1].split("\n", 1)[1]
    sequence = raw.replace("\n", "")
    tss = windows.table["tss"][0]
    assert text(windows.letters[0])[5] == sequence[tss]
    assert (windows.table["start"][0], windows.table["end"][0]) == (tss - 5, tss + 5)


def test_what_lies_beyond_the_ends_is_n_and_counted(spec, tmp_path):
    windows = extract_windows(spec, length=4_000)
    first = text(windows.letters[0])  # TSS 1,000: a thousand bases are missing
    assert windows.table["padded"][0] == 1_000
    assert first[:1_000] == "N" * 1_000
    assert first[1_000:] == Fasta(str(tmp_path / "source" / "genome.fa"))["chr1"][:3_000].seq


def test_they_are_bedtools_getfasta_s(spec, tmp_path):
    if shutil.which("bedtools") is None:
        pytest.skip("no bedtools program here")
    from pybedtools import BedTool

    windows = extract_windows(spec, length=600)
    bed = BedTool.from_dataframe(windows.table[["chrom", "start", "end", "gene_id"]])
    found = bed.sequence(fi=str(tmp_path / "source" / "genome.fa"), name=True, tab=True)
    lines = Path(found.seqfn).read_text().splitlines()
    assert [line.split("\t")[1] for line in lines] == [text(row) for row in windows.letters]


def test_one_fasta_holds_them_all(spec, tmp_path):
    windows = extract_windows(spec, length=150)
    write_windows_fasta(windows, tmp_path / "windows.fa")
    written = Fasta(str(tmp_path / "windows.fa"))
    assert list(written.keys()) == [f"{gene}_forward" for gene in windows.table["gene_id"]]
    assert written["valid2_forward"][:].seq == text(
        windows.letters[windows.table["gene_id"].tolist().index("valid2")]
    )


def test_unchanged_windows_are_left_and_a_changed_genome_is_cut_anew(spec, tmp_path):
    path = extract_windows(spec, length=100).path / "sequence.npy"
    before = path.stat().st_ino
    extract_windows(spec, length=100)
    assert path.stat().st_ino == before
    os.utime(tmp_path / "source" / "genome.fa", ns=(1, 1))
    extract_windows(spec, length=100)
    assert path.stat().st_ino != before


def test_no_index_is_written_beside_the_genome(spec, tmp_path):
    index = tmp_path / "source" / "genome.fa.fai"
    with_index = text(extract_windows(spec, length=100).letters[3])
    index.unlink()
    windows = extract_windows(spec, length=100, force=True)
    assert text(windows.letters[3]) == with_index
    assert not index.exists()


@pytest.mark.parametrize(
    ("change", "length", "message"),
    [
        ({}, 101, "a window of 101 bp has no middle"),
        ({"genome": None}, 100, "names no genome sequence"),
        ({"genome": "other.fa"}, 100, "genome: no file at"),
        ({"chrom_sizes": "wrong.sizes"}, 100, "has chr1 with 60,000 bp, the assembly 61,000 bp"),
    ],
)
def test_what_cannot_be_cut(spec, tmp_path, change, length, message):
    sizes = (tmp_path / "source" / "chrom.sizes").read_text()
    (tmp_path / "source" / "wrong.sizes").write_text(sizes.replace("60000", "61000"))
    with pytest.raises(ClasterError, match=message):
        extract_windows(spec.model_copy(update=change), length=length)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ragged_lines_packing_and_line_ends_make_no_difference(spec, tmp_path, packed, end):
    usual = extract_windows(spec, length=100).letters.copy()
    fasta = tmp_path / "source" / "genome.fa"
    rng = np.random.default_rng(0)
    ragged = []
    for line in fasta.read_text().splitlines():
        cut = 0 if line.startswith(">") else int(rng.integers(0, len(line) + 1))
        ragged += [part for part in (line[:cut], line[cut:]) if part]
    content = end.join(ragged).encode()
    fasta.write_bytes(gzip.compress(content) if packed else content)
    found = extract_windows(spec, length=100, force=True).letters
    np.testing.assert_array_equal(found, usual)


def test_an_index_that_is_older_or_of_another_genome_is_not_used(spec, tmp_path):
    usual = extract_windows(spec, length=100).letters.copy()
    index = tmp_path / "source" / "genome.fa.fai"
    index.write_text(index.read_text().replace("\t60\t61", "\t50\t51"))
    found = extract_windows(spec, length=100, force=True).letters
    np.testing.assert_array_equal(found, usual)


def test_command(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["sequence", "extract", "small", "--length", "100", "--fasta", "w.fa"]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 0, found.output
    assert "(22 genes)" in found.output
    assert (tmp_path / "w.fa").is_file()
    assert SequenceWindows(tmp_path / "inputs/sequence/small/windows_100").letters.shape == (
        22,
        100,
    )
