import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.errors import ClasterError
from claster.sequence.trunk import one_hot, tokens
from claster.sequence.windows import _require_nucleotides, reverse_complement


def letters(text):
    return np.frombuffer(text.encode(), dtype=np.uint8)


def test_one_hot_of_each_letter():
    wanted = {
        "A": [1, 0, 0, 0],
        "C": [0, 1, 0, 0],
        "G": [0, 0, 1, 0],
        "T": [0, 0, 0, 1],
    }
    for letter, vector in wanted.items():
        assert one_hot(letters(letter + letter.lower())).tolist() == [vector, vector]
    assert not one_hot(letters("NnRYSWKMBDHVr")).any()


def test_one_hot_is_enformers_own():
    from enformer_pytorch.data import str_to_one_hot

    text = "ACGTNacgtn"
    np.testing.assert_array_equal(one_hot(letters(text)), str_to_one_hot(text).numpy())


def test_tokens_of_each_letter():
    assert tokens(letters("ACGTN")).tolist() == [7, 8, 9, 10, 11]
    assert tokens(letters("acgtn")).tolist() == [7, 8, 9, 10, 11]
    assert tokens(letters("RYSWKMBDHV")).tolist() == [11] * 10


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("ACGT", "ACGT"),
        ("AACGNtt", "aaNCGTT"),
        ("RYSWKMBDHVN", "NBDHVKMWSRY"),
        ("ryswkmbdhvn", "nbdhvkmwsry"),
    ],
)
def test_reverse_complement_of(text, other):
    assert reverse_complement(letters(text)).tobytes().decode() == other


@given(st.text(alphabet="ACGTRYSWKMBDHVNacgtryswkmbdhvn"))
def test_twice_is_the_same(text):
    twice = reverse_complement(reverse_complement(letters(text)))
    assert twice.tobytes().decode() == text


def test_one_hot_of_the_other_strand_is_turned_both_ways():
    sequence = letters("ACCGTNa")
    np.testing.assert_array_equal(
        one_hot(reverse_complement(sequence)), one_hot(sequence)[::-1, ::-1]
    )


def test_letters_of_a_protein_are_refused():
    _require_nucleotides(letters("ACGTNryk"), named="x")
    with pytest.raises(ClasterError, match=r"genome\.fa: 'E' at position 3 is not a letter of DNA"):
        _require_nucleotides(letters("ACEF"), named="genome.fa")
