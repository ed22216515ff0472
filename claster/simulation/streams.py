"""Independent random streams: one for each purpose, chromosome, track and condition."""

from enum import IntEnum, auto

import numpy as np


class Purpose(IntEnum):
    """What a random stream is for; the number is part of the stream's key."""

    SIZES = auto()
    GENES = auto()
    DOMAINS = auto()
    PROMOTERS = auto()
    ELEMENTS = auto()
    CONTACTS = auto()
    SEQUENCE = auto()
    TRANSCRIPTS = auto()
    REGISTRY = auto()
    LANDSCAPE = auto()
    NOISE = auto()
    CLASSES = auto()
    CELL = auto()


def stream(seed: int, purpose: Purpose, *keys: int) -> np.random.Generator:
    """Return the generator of one purpose, the same whatever was drawn elsewhere before.

    Parameters
    ----------
    *keys
        Numbers that tell apart streams of one purpose: chromosome, track, condition.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(purpose), *keys)))
