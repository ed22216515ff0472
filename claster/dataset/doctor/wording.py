"""Numbers and names in the words of findings."""

from collections.abc import Iterable, Sequence

__all__ = ["base_pairs", "count_of", "listed", "number", "percent", "region_line", "times"]


def number(value: float) -> str:
    """Return a value with three digits.

    Examples
    --------
    >>> number(0.12345), number(12345.6), number(16.0), number(-2.5)
    ('0.123', '12,346', '16', '-2.5')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percent(share: float) -> str:
    """Return a share as per cent; neither 'none' nor 'all' unless it is.

    Examples
    --------
    >>> percent(0.613), percent(0.0042), percent(0.99999), percent(0.05), percent(1e-5)
    ('61 %', '0.4 %', 'over 99.9 %', '5 %', 'under 0.1 %')
    """
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    digits = 1 if 0 < share < 0.1 or 0.95 < share < 1 else 0
    return f"{100 * share:.{digits}f} %".replace(".0 ", " ")


def base_pairs(length: float) -> str:
    """Return a length in the unit that reads best.

    Examples
    --------
    >>> base_pairs(200), base_pairs(12_500), base_pairs(122_082_543)
    ('200 bp', '12.5 kb', '122.1 Mb')
    """
    if length >= 1_000_000:
        return f"{length / 1e6:,.1f} Mb"
    if length >= 10_000:
        return f"{length / 1e3:.1f} kb".replace(".0 ", " ")
    return f"{length:,.0f} bp"


def listed(names: Iterable[str], most: int = 4) -> str:
    """Return names with commas, the first `most` of them.

    Examples
    --------
    >>> listed(["chr1", "chr2", "chr3"], 2)
    'chr1, chr2 and 1 more'
    """
    names = list(names)
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def count_of(count: int, kind: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> count_of(1, "gene"), count_of(1620, "window")
    ('1 gene', '1,620 windows')
    """
    return f"{count:,} {kind}" if count == 1 else f"{count:,} {kind}s"


def times(ratio: float) -> str:
    """Return how many times larger or smaller something is.

    Examples
    --------
    >>> times(10.2), times(0.1), times(1.04)
    ('10 times larger', '10 times smaller', 'as large')
    """
    if 0.95 < ratio < 1.05:
        return "as large"
    factor = ratio if ratio > 1 else 1 / ratio
    return (
        f"{factor:.2g} times {'larger' if ratio > 1 else 'smaller'}"
        if factor < 100
        else (f"{factor:,.0f} times {'larger' if ratio > 1 else 'smaller'}")
    )


def region_line(regions: Sequence[tuple[str, int, int]], sizes: dict[str, int]) -> str:
    """Return the line of the YAML that keeps windows inside `regions` (0-based half-open).

    Examples
    --------
    >>> region_line([("chr11", 77_000_000, 80_000_000), ("chr2", 0, 500)], {"chr11": 10**8, "chr2": 500})
    'regions: ["chr11:77,000,000-80,000,000", chr2]'
    """
    rules = [
        chrom if (start, end) == (0, sizes.get(chrom)) else f'"{chrom}:{start:,}-{end:,}"'
        for chrom, start, end in regions
    ]
    return f"regions: [{', '.join(rules)}]"
