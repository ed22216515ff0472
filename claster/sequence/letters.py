"""Letters of DNA: reverse complement, one-hot vectors, tokens.

Letters are ASCII codes (uint8) as they stand in the FASTA, soft-masked ones in lower case included.
"""

import numpy as np

from claster.errors import ClasterError

_NUCLEOTIDES = "ACGT"
"""Order of the channels of `one_hot`."""

_IUPAC = "ACGTRYSWKMBDHVN"
_PAIRED = "TGCAYRSWMKVHDBN"
_FIRST_TOKEN = 7  # of A; C, G, T and N follow
_UNKNOWN = 4

_COMPLEMENT = np.arange(256, dtype=np.uint8)
_INDEX = np.full(256, _UNKNOWN, dtype=np.uint8)
for _case in (str.upper, str.lower):
    _COMPLEMENT[[ord(_case(letter)) for letter in _IUPAC]] = [ord(_case(p)) for p in _PAIRED]
    _INDEX[[ord(_case(letter)) for letter in _NUCLEOTIDES]] = range(4)
_KNOWN = np.zeros(256, dtype=bool)
_KNOWN[[ord(letter) for letter in _IUPAC + _IUPAC.lower()]] = True


def reverse_complement(letters: np.ndarray) -> np.ndarray:
    """Return the other strand of letters, shape (..., length), read in its own direction.

    Ambiguous letters (IUPAC) become those of the complementary bases; upper and lower case stay.

    Examples
    --------
    >>> reverse_complement(np.frombuffer(b"ACgtNR", dtype=np.uint8)).tobytes()
    b'YNacGT'
    """
    return np.ascontiguousarray(_COMPLEMENT[letters][..., ::-1])


def one_hot(letters: np.ndarray) -> np.ndarray:
    """Return one channel a nucleotide, float32, shape (..., length, 4), in the order A, C, G, T.

    Every other letter is all zeros; case does not count.

    Examples
    --------
    >>> one_hot(np.frombuffer(b"cN", dtype=np.uint8)).tolist()
    [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    return np.eye(_UNKNOWN + 1, 4, dtype=np.float32)[_INDEX[letters]]


def tokens(letters: np.ndarray) -> np.ndarray:
    """Return HyenaDNA's tokens of single letters, int64: A 7, C 8, G 9, T 10, all others N 11.

    Case does not count; no token for beginning or end is added. The published benchmark dropped letters
    other than A, C, G, T and N, which moves all that follow.

    References
    ----------
    Nguyen et al., HyenaDNA, NeurIPS 2023 (arXiv:2306.15794), character tokenizer.

    Examples
    --------
    >>> tokens(np.frombuffer(b"AcGtNR", dtype=np.uint8)).tolist()
    [7, 8, 9, 10, 11, 11]
    """
    return _INDEX[letters].astype(np.int64) + _FIRST_TOKEN


def require_nucleotides(letters: np.ndarray, *, named: str) -> None:
    """Raise `ClasterError` if a sequence, shape (length,), holds anything but IUPAC letters of DNA."""
    strange = np.flatnonzero(~_KNOWN[letters])
    if strange.size:
        raise ClasterError(
            f"{named}: {chr(letters[strange[0]])!r} at position {strange[0] + 1:,} is not a letter of DNA",
            remedy="provide a nucleotide FASTA",
        )
