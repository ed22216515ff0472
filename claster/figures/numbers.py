"""Tables behind figures."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from claster.analysis.metrics import correlations, fitted_slope
from claster.genome.windows import Binning

__all__ = ["agreement_rows", "profile_table"]


def agreement_rows(observed: np.ndarray, predicted: np.ndarray, **labels: str) -> pd.DataFrame:
    """Return r, slope and number of points on log2(x + 1), as the corner of a density tells them.

    Returns
    -------
    pandas.DataFrame
        The labels, then `quantity` (pearson, spearman, slope, points) and `value`.
    """
    found = correlations(observed, predicted)
    numbers = {
        "pearson": found.pearson,
        "spearman": found.spearman,
        "slope": fitted_slope(observed, predicted),
        "points": float(found.n),
    }
    table = pd.DataFrame({"quantity": list(numbers), "value": list(numbers.values())})
    return table.assign(**labels)[[*labels, "quantity", "value"]]


def profile_table(binning: Binning, profiles: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return profiles as columns beside `offset_bp`, the middle of each bin from the TSS."""
    return pd.DataFrame({"offset_bp": binning.offsets * binning.size, **profiles})
