"""Scores that were published for chr4 of the mouse ESC data, to stand beside scores made here.

Pielies Avelli et al., Genome Biology 2026, doi 10.1186/s13059-026-03992-5: numbers behind the figures of
their notebook III_Data_analysis.
"""

import pandas as pd

__all__ = ["published_scores"]

_BINS = {
    "CLASTER, chromatin": (0.8852, 0.7814),
    "CLASTER, chromatin and attention": (0.8808, 0.7815),
    "CLASTER, chromatin and rotated Micro-C": (0.8690, 0.7717),
    "CLASTER, chromatin and square Micro-C": (0.8025, 0.7066),
    "Enformer, embedding and head": (0.8739, 0.8067),
    "HyenaDNA 32k, fine-tuned": (0.7403, 0.7514),
}
_GENES = {
    "CLASTER, chromatin and rotated Micro-C": (0.8859, 0.9275),
    "Enformer, embedding and head": (0.7874, 0.9093),
    "HyenaDNA 32k, fine-tuned": (0.5247, 0.8053),
}
_WINDOWS = {"CLASTER": 401, "Enformer": 115, "HyenaDNA": 31}


def published_scores() -> pd.DataFrame:
    """Return the published scores of the sequence benchmark.

    Each model was scored on its own window (`bins` of 1 kb). Over bins the signal is log2(x + 1), over
    genes it is not logarithmic (Simpson's integral over whole bins, by their number). The heads of
    Enformer and HyenaDNA took positions for channels, and HyenaDNA was chosen on the test genes.

    Returns
    -------
    pandas.DataFrame
        Columns `method`, `level` (bin, paper), `metric` (pearson, spearman), `published`, `bins`.
    """
    rows = [
        (method, level, metric, value, _WINDOWS[method.split()[0].rstrip(",")])
        for level, scores in (("bin", _BINS), ("paper", _GENES))
        for method, pair in scores.items()
        for metric, value in zip(("pearson", "spearman"), pair, strict=True)
    ]
    return pd.DataFrame(rows, columns=["method", "level", "metric", "published", "bins"])
