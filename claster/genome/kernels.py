"""The loop that samples k-mers, compiled by numba on first use and kept on disk."""

import numpy as np

from claster.compiled import compiled

_K = 20
_LIMIT = np.uint64(2**60)  # of 2**64: one in 16
_LONGEST_PERIOD = 6
_CODES = np.full(256, 4, dtype=np.uint8)
_CODES[np.frombuffer(b"ACGT", dtype=np.uint8)] = range(4)


@compiled
def sample_kmers(letters: np.ndarray) -> np.ndarray:
    """Return the hashes of the sampled 20-mers of a sequence, one in 16, whichever strand it is read from.

    Parameters
    ----------
    letters
        uint8, ASCII codes; k-mers with anything but ACGT in capitals are left out, and those that are
        mostly repeats of up to 6 letters.

    Returns
    -------
    numpy.ndarray
        uint64, in the order of the sequence, not unique.
    """
    mask = np.uint64((1 << (2 * _K)) - 1)
    two, last = np.uint64(2), np.uint64(2 * (_K - 1))
    found = np.empty(len(letters), dtype=np.uint64)
    count, run = 0, 0
    forward = backward = np.uint64(0)
    for i in range(len(letters)):
        code = _CODES[letters[i]]
        if code > 3:
            run = 0
            continue
        forward = ((forward << two) | np.uint64(code)) & mask
        backward = (backward >> two) | (np.uint64(3 - code) << last)
        run += 1
        if run < _K:
            continue
        value = min(forward, backward)
        # The finaliser of splitmix64 (Steele et al. 2014).
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        value = value ^ (value >> np.uint64(31))
        if value >= _LIMIT:
            continue
        simple = False
        for period in range(1, _LONGEST_PERIOD + 1):
            other = forward ^ (forward >> np.uint64(2 * period))
            same = 0
            for place in range(_K - period):
                if (other >> np.uint64(2 * place)) & np.uint64(3) == 0:
                    same += 1
            simple |= same * 5 >= (_K - period) * 4
        if not simple:
            found[count] = value
            count += 1
    return found[:count]
