"""Which weights of a contact matrix are meant."""

from collections.abc import Sequence

__all__ = ["Balance", "hic_normalisation", "weight_column"]

Balance = bool | str
"""False for counts as they are, True for the file's usual weights, or the name of weights."""

_BALANCED = ("SCALE", "KR", "ICE", "weight")
"""Normalisations that balance a matrix, first choice first: Juicer's new one, its old one, cooler's."""


def weight_column(balance: Balance) -> str:
    """Return the name of weights in a cooler, ``weight`` unless said otherwise."""
    return balance if isinstance(balance, str) else "weight"


def hic_normalisation(balance: Balance, available: Sequence[str]) -> str:
    """Return the name of a `.hic`'s normalisation; "" if none of those that are there balances.

    Examples
    --------
    >>> hic_normalisation(True, ["VC", "KR"]), hic_normalisation("VC", ["VC", "KR"])
    ('KR', 'VC')
    """
    if isinstance(balance, str):
        return balance
    return next((name for name in _BALANCED if name in available), "")
