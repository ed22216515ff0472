import numpy as np
import pandas as pd
import pytest

from claster.dataset.choice import _copies_between
from claster.errors import ClasterError
from claster.genome.kernels import sample_kmers

LETTERS = np.frombuffer(b"ACGT", dtype=np.uint8)
GENES = {"a": ("chr1", 30_000), "b": ("chr2", 40_000), "c": ("chr2", 80_000)}
SIZES = {"chr1": 100_000, "chr2": 100_000}


def table(places=GENES, split=("train", "test", "test")):
    genes = pd.DataFrame([(g, *p) for g, p in places.items()], columns=["gene_id", "chrom", "tss"])
    return genes.assign(split=list(split))


@pytest.fixture
def genome():
    rng = np.random.default_rng(5)
    return {chrom: rng.choice(LETTERS, size) for chrom, size in SIZES.items()}


def write(path, genome):
    text = "".join(f">{chrom}\n{letters.tobytes().decode()}\n" for chrom, letters in genome.items())
    path.write_text(text)
    return path


def found(tmp_path, genome, genes=None, **options):
    path = write(tmp_path / "genome.fa", genome)
    genes = table() if genes is None else genes
    return _copies_between(genes, path, **{"sizes": SIZES, "aliases": {}} | options)[0]


def mutated(letters, share):
    rng = np.random.default_rng(1)
    changed = letters.copy()
    hit = rng.random(len(letters)) < share
    changed[hit] = LETTERS[
        (np.searchsorted(LETTERS, letters[hit]) + rng.integers(1, 4, hit.sum())) % 4
    ]
    return changed


def complement(letters):
    return np.frombuffer(
        letters.tobytes()[::-1].translate(bytes.maketrans(b"ACGT", b"TGCA")), np.uint8
    )


def test_random_sequence_has_no_copies(tmp_path, genome):
    assert found(tmp_path, genome).empty


@pytest.mark.parametrize("change", [lambda x: x, complement, lambda x: mutated(x, 0.03)])
def test_a_planted_copy_is_found(tmp_path, genome, change):
    genome["chr2"][35_000:45_000] = change(genome["chr1"][25_000:35_000])
    pairs = found(tmp_path, genome)
    assert pairs[["gene_id", "twin"]].to_numpy().tolist() == [["a", "b"]]


def test_small_letters_alone_mask_nothing(tmp_path, genome):
    genome["chr2"][35_000:45_000] = genome["chr1"][25_000:35_000]
    small = {chrom: letters | 0x20 for chrom, letters in genome.items()}
    pairs, uncompared = _copies_between(
        table(), write(tmp_path / "small.fa", small), sizes=SIZES, aliases={}
    )
    assert pairs["twin"].tolist() == ["b"]
    assert uncompared == ()


def test_genes_without_sequence_are_told(tmp_path, genome):
    genome["chr2"][75_000:85_000] |= 0x20
    path = write(tmp_path / "genome.fa", {"chr2": genome["chr2"]})
    pairs, uncompared = _copies_between(table(), path, sizes=SIZES, aliases={})
    assert pairs.empty
    assert uncompared == ("a", "c")


def test_half_of_the_sequence_suffices_and_a_tenth_does_not(tmp_path, genome):
    genome["chr2"][40_000:45_000] = genome["chr1"][30_000:35_000]
    genome["chr2"][80_000:81_000] = genome["chr1"][30_000:31_000]
    pairs = found(tmp_path, genome)
    assert pairs["twin"].tolist() == ["b"]
    assert pairs["share"].iloc[0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("kmers", "twins", "alone"), [(60, ["b"], ()), (59, [], ("a", "b"))])
def test_sixty_kmers_are_compared_and_fewer_are_not(tmp_path, genome, kmers, twins, alone):
    letters = genome["chr1"][30_000:35_000].copy()
    sampled = [np.unique(sample_kmers(letters[:end])).size for end in range(2_000)]
    end = sampled.index(kmers)
    for chrom, tss in (GENES["a"], GENES["b"]):
        genome[chrom][tss - 5_000 : tss + 5_000] = ord("N")
        genome[chrom][tss : tss + end] = letters[:end]
    path = write(tmp_path / "genome.fa", genome)
    pairs, uncompared = _copies_between(table(), path, sizes=SIZES, aliases={})
    assert pairs["twin"].tolist() == twins
    assert pairs["share"].tolist() == [1.0] * len(twins)
    assert uncompared == alone


def test_old_relatives_are_no_copies(tmp_path, genome):
    genome["chr2"][35_000:45_000] = mutated(genome["chr1"][25_000:35_000], 0.15)
    assert found(tmp_path, genome).empty


def test_copies_in_one_split_are_nobodys_business(tmp_path, genome):
    genome["chr2"][75_000:85_000] = genome["chr2"][35_000:45_000]
    assert found(tmp_path, genome).empty


def test_neighbours_share_bases_and_are_no_copies(tmp_path, genome):
    genes = table({"a": ("chr1", 30_000), "b": ("chr1", 30_500)}, split=["train", "test"])
    assert found(tmp_path, genome, genes).empty


@pytest.mark.parametrize("unit", [b"N", b"A", b"CA", b"TTAGGG", b"acgttgcagtcatgcatgcatg"])
def test_holes_repeats_and_masked_bases_make_no_copies(tmp_path, genome, unit):
    spoilt = np.resize(np.frombuffer(unit, np.uint8), 9_500)
    for chrom, tss in GENES.values():
        genome[chrom][tss - 4_750 : tss + 4_750] = spoilt
    assert found(tmp_path, genome).empty


def test_a_family_of_repeats_makes_no_copies(tmp_path):
    rng = np.random.default_rng(2)
    size = 3_600_000
    genome = {chrom: rng.choice(LETTERS, size) for chrom in SIZES}
    repeat = rng.choice(LETTERS, 8_000)
    places = {}
    for number in range(120):
        chrom, tss = f"chr{1 + number % 2}", 10_000 + 30_000 * (number // 2)
        genome[chrom][tss - 4_000 : tss + 4_000] = repeat
        places[str(number)] = chrom, tss
    genes = table(places, split=["train", "test"] * 60)
    assert found(tmp_path, genome, genes, sizes=dict.fromkeys(SIZES, size)).empty


def test_names_in_the_fasta_may_be_spelled_otherwise(tmp_path, genome):
    genome["chr2"][35_000:45_000] = genome["chr1"][25_000:35_000]
    plain = {chrom.removeprefix("chr"): letters for chrom, letters in genome.items()}
    assert len(found(tmp_path, plain)) == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [(("x", "y"), "none of the chromosomes"), (("chr2", "x"), "chr2 has 100,000 bp and 200,000")],
)
def test_a_fasta_of_something_else(tmp_path, genome, names, message):
    sizes = SIZES | {"chr2": 200_000}
    genes = table({"a": ("chr2", 90_000)}, split=["train"])
    with pytest.raises(ClasterError, match=message):
        found(tmp_path, dict(zip(names, genome.values(), strict=True)), genes, sizes=sizes)


def test_a_sequence_holds_the_samples_of_its_20_mers():
    letters = np.random.default_rng(2).choice(np.frombuffer(b"ACGT", dtype=np.uint8), 600)
    found = [kmer for at in range(581) for kmer in sample_kmers(letters[at : at + 20]).tolist()]
    assert 20 < len(found) < 60
    assert sample_kmers(letters).tolist() == found
    assert sample_kmers(letters[:19]).size == 0
