"""What is known of an element and a gene: activity, distance, and what competes with the pair."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from claster.analysis.abc import REACH, power_law_contact

FEATURES = {
    "distance": -1,
    "activity": 1,
    "accessibility": 1,
    "h3k27ac": 1,
    "h3k27ac_5kb": 0,
    "abc": 1,
    "abc_rank": -1,
    "activity_20kb": 0,
    "activity_100kb": 0,
    "promoter_activity": 0,
    "promoter_accessibility": 0,
    "promoter_h3k27ac": 0,
    "gene_activity": 0,
    "gene_activity_20kb": 0,
    "genes_between": -1,
    "nearer_genes": -1,
    "activity_between": -1,
    "nearest_tss": 0,
    "gene_share": 1,
    "gene_density": 0,
    "element_density": 0,
}
"""Names of features, and the sign of what each may do to a score: 0 where it may do both."""

OPTIONAL = {"ubiquitous": -1, "effect": 1}
"""Features that may be unknown: whether all cells have the gene active; a predicted loss (log2)."""

MARKS = ["activity", "accessibility", "h3k27ac"]

_PROMOTER = ["promoter_activity", "promoter_accessibility", "promoter_h3k27ac"]
_AT_TSS = 1_000
_FLOOR = 0.1


def with_marks(places: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
    """Return places with the summed `MARKS` of the candidates that overlap each.

    Parameters
    ----------
    places
        `chrom`, `start`, `end`, such as the elements of a screen.
    """
    found = np.zeros((len(places), len(MARKS)))
    for chrom, rows in places.groupby("chrom", sort=False).indices.items():
        here = candidates[candidates["chrom"] == chrom].sort_values("start")
        total = _running(here[MARKS].to_numpy())
        starts, ends = (places[name].to_numpy()[rows] for name in ("start", "end"))
        first = np.searchsorted(np.maximum.accumulate(here["end"].to_numpy()), starts, "right")
        last = np.searchsorted(here["start"].to_numpy(), ends)
        found[rows] = total[np.maximum(last, first)] - total[first]
    return places.assign(**dict(zip(MARKS, np.maximum(found, 0.0).T, strict=True)))


def pairs_within(
    candidates: pd.DataFrame, genes: pd.DataFrame, *, reach: int = REACH
) -> Iterator[pd.DataFrame]:
    """Yield all pairs of an element and a gene less than `reach` bp apart, middle to TSS, by chromosome.

    Parameters
    ----------
    genes
        `gene_id`, `name`, `chrom`, `tss`.

    Yields
    ------
    pandas.DataFrame
        `element_id`, `chrom`, `start`, `end`, `gene_id`, `name`, `tss`, `middle`, `distance` (bp),
        `promoter` and `MARKS`; gene by gene.
    """
    for chrom, some in genes.sort_values(["chrom", "tss", "gene_id"]).groupby("chrom"):
        here = candidates[candidates["chrom"] == chrom].reset_index(drop=True)
        middle = ((here["start"] + here["end"]) / 2).to_numpy()
        order = np.argsort(middle, kind="stable")
        tss = some["tss"].to_numpy()
        first = np.searchsorted(middle[order], tss - reach, "right")
        last = np.searchsorted(middle[order], tss + reach)
        gene = np.repeat(np.arange(len(tss)), last - first)
        if not gene.size:
            continue
        at = np.concatenate([order[a:b] for a, b in zip(first, last, strict=True)])
        columns = ["element_id", "chrom", "start", "end", "promoter", *MARKS]
        pairs = here[columns].iloc[at].reset_index(drop=True)
        named = some[["gene_id", "name", "tss"]].iloc[gene].reset_index(drop=True)
        pairs = pd.concat([pairs, named], axis=1).assign(middle=middle[at])
        yield pairs.assign(distance=np.abs(pairs["middle"] - pairs["tss"]))


def link_features(
    pairs: pd.DataFrame, candidates: pd.DataFrame, genes: pd.DataFrame
) -> pd.DataFrame:
    """Describe pairs by numbers that mean the same in every cell.

    Parameters
    ----------
    pairs
        `chrom`, `middle` (of the element), `tss`, `MARKS` (of the element); `ubiquitous` (0 or 1)
        and `effect` (log2 change that silencing predicts) where they are known.
    genes
        `chrom` and `tss` of all genes.

    Returns
    -------
    pandas.DataFrame
        The columns of `FEATURES` and `OPTIONAL` (NaN where unknown), in the order of `pairs`. Activities,
        densities and distances are natural logarithms; `abc` is that of the pair's share by power law.
    """
    tables = []
    for chrom, rows in pairs.groupby("chrom", sort=False).indices.items():
        surroundings = _Surroundings(
            candidates[candidates["chrom"] == chrom], genes[genes["chrom"] == chrom]
        )
        some = pairs.iloc[rows]
        tables.append(pd.DataFrame(surroundings.describe(some)).set_index(rows))
    features = pd.concat(tables).sort_index().set_index(pairs.index)
    for name in OPTIONAL:
        features[name] = pairs[name].astype(float) if name in pairs else np.nan
    features["effect"] = -features["effect"]
    return features[[*FEATURES, *OPTIONAL]]


class _Surroundings:
    """A chromosome: its elements by `middle`, their `MARKS` and running sums, its TSSs and activity there."""

    def __init__(self, candidates: pd.DataFrame, genes: pd.DataFrame) -> None:
        middle = ((candidates["start"] + candidates["end"]) / 2).to_numpy(dtype=float)
        order = np.argsort(middle, kind="stable")
        self.middle = middle[order]
        self.marks = candidates[MARKS].to_numpy(dtype=float)[order]
        self.running = _running(self.marks)
        self.tss = np.unique(genes["tss"].to_numpy(dtype=float))
        self.at_tss = self._sum(self.tss, _AT_TSS)[:, 0]

    def _sum(self, places: np.ndarray, within: int) -> np.ndarray:
        """Return the summed marks of elements whose middle is nearer than some bp, shape (places, marks)."""
        return self._between(places - within, places + within)

    def _between(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        first, last = np.searchsorted(self.middle, low), np.searchsorted(self.middle, high)
        return np.maximum(self.running[np.maximum(last, first)] - self.running[first], 0.0)

    def _count(self, places: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        between = np.searchsorted(places, high) - np.searchsorted(places, low, "right")
        return np.maximum(between, 0)

    def describe(self, pairs: pd.DataFrame) -> dict[str, np.ndarray]:
        middle, tss = pairs["middle"].to_numpy(dtype=float), pairs["tss"].to_numpy(dtype=float)
        activity, accessibility, h3k27ac = pairs[MARKS].to_numpy(dtype=float).T
        distance = np.abs(middle - tss)
        low, high = np.minimum(middle, tss) + _AT_TSS / 2, np.maximum(middle, tss) - _AT_TSS / 2
        product = activity * power_law_contact(distance)
        starts, of_gene = np.unique(tss, return_inverse=True)
        total, near, rank = self._of_genes(starts, of_gene, product)
        places, of_element = np.unique(middle, return_inverse=True)
        competition, density = self._of_elements(places)
        at_tss = self._sum(tss, _AT_TSS)
        own = at_tss[:, 0] * power_law_contact(distance)
        nearest = np.abs(middle - self._nearest(middle))
        return {
            "distance": np.log(np.maximum(distance, _AT_TSS)),
            "activity": _log(activity),
            "accessibility": _log(accessibility),
            "h3k27ac": _log(h3k27ac),
            "h3k27ac_5kb": _log(self._sum(middle, 5_000)[:, 2]),
            "abc": np.log(
                np.divide(product, total, out=np.zeros_like(total), where=total > 0) + 1e-4
            ),
            "abc_rank": np.log1p(rank),
            "activity_20kb": _log(self._sum(middle, 20_000)[:, 0]),
            "activity_100kb": _log(self._sum(middle, 100_000)[:, 0]),
            **dict(zip(_PROMOTER, _log(at_tss).T, strict=True)),
            "gene_activity": np.log(total + 1e-3),
            "gene_activity_20kb": np.log(near + 1e-3),
            "genes_between": np.log1p(self._count(self.tss, low, high)),
            "nearer_genes": np.log1p(
                self._count(self.tss, middle - distance + 200, middle + distance - 200)
            ),
            "activity_between": _log(self._between(low, high)[:, 0]),
            "nearest_tss": np.log(nearest + 300),
            "gene_share": np.log(own / (competition[of_element] + own + 1e-9) + 1e-4),
            "gene_density": np.log(density[of_element] + 1e-3),
            "element_density": np.log1p(
                self._count(self.middle, middle - 100_000, middle + 100_000)
            ),
        }

    def _nearest(self, middle: np.ndarray) -> np.ndarray:
        """Return the TSS nearest to each place; 5 Mb away where there is none."""
        if not len(self.tss):
            return middle + REACH
        after = np.searchsorted(self.tss, middle).clip(max=len(self.tss) - 1)
        before = (after - 1).clip(min=0)
        closer = np.abs(self.tss[after] - middle) < np.abs(self.tss[before] - middle)
        return np.where(closer, self.tss[after], self.tss[before])

    def _of_genes(
        self, starts: np.ndarray, of_gene: np.ndarray, product: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return of each pair activity by contact of its gene: sum, sum within 20 kb, the pair's rank."""
        total, near, rank = np.zeros(len(product)), np.zeros(len(product)), np.zeros(len(product))
        first = np.searchsorted(self.middle, starts - REACH, "right")
        last = np.searchsorted(self.middle, starts + REACH)
        by_gene = np.split(np.argsort(of_gene, kind="stable"), np.cumsum(np.bincount(of_gene))[:-1])
        for start, a, b, rows in zip(starts, first, last, by_gene, strict=True):
            distance = np.abs(self.middle[a:b] - start)
            values = self.marks[a:b, 0] * power_law_contact(distance)
            total[rows], near[rows] = values.sum(), values[distance < 20_000].sum()
            # Its own candidates are among them: what lies above a pair by rounding is the pair itself.
            above = np.searchsorted(np.sort(values), product[rows] * (1 + 1e-9), "right")
            rank[rows] = len(values) - above
        return total, near, rank

    def _of_elements(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return of each place the contact with all TSSs, weighed by their activity and not."""
        weighed, plain = np.zeros(len(places)), np.zeros(len(places))
        first = np.searchsorted(self.tss, places - REACH, "right")
        last = np.searchsorted(self.tss, places + REACH)
        for number, (place, a, b) in enumerate(zip(places, first, last, strict=True)):
            contact = power_law_contact(self.tss[a:b] - place)
            weighed[number], plain[number] = (contact * self.at_tss[a:b]).sum(), contact.sum()
        return weighed, plain


def _running(marks: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((1, marks.shape[1])), np.cumsum(marks, axis=0)])


def _log(activity: np.ndarray) -> np.ndarray:
    return np.log(activity + _FLOOR)
