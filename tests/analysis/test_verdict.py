import json

import numpy as np
import pandas as pd
import pytest

from claster.analysis.verdict import compare, outcome, verdict


def table(*, network, ridge=(0.5, 0.5), mean=(0.4, 0.4), attainable=None, spearman=None):
    """Metrics of one condition; each method's values are those over bins and over genes."""
    methods = {"network": network, "mean_profile": mean, "ridge": ridge}
    methods |= {} if attainable is None else {"attainable": attainable}
    rows = [
        (method, "ctrl", level, statistic, value, n)
        for method, values in methods.items()
        for level, value, n in zip(("bin", "gene"), values, (4010, 10), strict=True)
        for statistic in ("pearson", "spearman")
    ]
    metrics = pd.DataFrame(
        rows, columns=["method", "condition", "level", "statistic", "value", "n"]
    )
    for method, value in (spearman or {}).items():
        chosen = (metrics["method"] == method) & (metrics["statistic"] == "spearman")
        metrics.loc[chosen, "value"] = value
    return metrics


def text(metrics, genes=10):
    return verdict(compare(metrics), genes=genes, split="test")


def test_a_clear_win_says_so_with_its_numbers():
    found = text(table(network=(0.6, 0.7)))
    assert found == (
        "The network beats the ridge clearly: Pearson r of the network 0.600 against 0.500 over "
        "bins and 0.700 against 0.500 over genes. The network beats the mean profile clearly: "
        "Pearson r of the network 0.600 against 0.400 over bins and 0.700 against 0.400 over "
        "genes. Scored on 10 test genes, forward samples, log2(x+1), without confidence intervals."
    )


def test_where_the_ridge_wins_the_first_sentence_says_so():
    found = text(table(network=(0.45, 0.45)))
    assert found.startswith("The ridge beats the network: Pearson r of the network 0.450 against")
    assert "The network beats the mean profile clearly" in found


def test_where_the_ridge_wins_at_one_level_the_first_sentence_says_so():
    found = text(table(network=(0.6, 0.45), mean=(0.7, 0.7)))
    assert found.startswith(
        "The ridge beats the network over genes; the network is ahead over bins: "
    )
    assert "The mean profile beats the network: " in found


def test_where_only_the_mean_profile_wins_it_comes_first():
    found = text(table(network=(0.6, 0.6), mean=(0.7, 0.7)))
    assert found.startswith("The mean profile beats the network: ")


@pytest.mark.parametrize("network", [(0.415, 0.419), (0.415, 0.9), (0.9, 0.4001)])
def test_a_lead_below_two_hundredths_is_never_clear(network):
    metrics = table(network=network, ridge=(0.1, 0.1))
    assert outcome(compare(metrics), "mean_profile") == "narrow win"
    found = text(metrics)
    assert found.startswith("The network is ahead of the mean profile by less than 0.02 over ")
    assert "mean profile clearly" not in found
    assert "beats the mean profile" not in found


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ((0.42, 0.42), "clear win"),
        ((0.41, 0.5), "narrow win"),
        ((0.4, 0.4), "tie"),
        ((0.4, 0.5), "mixed"),
        ((0.3, 0.5), "mixed"),
        ((0.3, 0.4), "loss"),
        ((np.nan, np.nan), "loss"),
    ],
)
def test_outcomes(network, expected):
    assert outcome(compare(table(network=network)), "mean_profile") == expected


def test_a_lead_at_one_level_only_is_named():
    found = text(table(network=(0.4, 0.6), ridge=(0.1, 0.1)))
    assert found.startswith("The network is ahead of the mean profile over genes only: ")


def test_a_network_without_correlation_never_wins():
    metrics = table(network=(0.01, np.nan), ridge=(-0.2, -0.3), mean=(np.nan, np.nan))
    comparisons = compare(metrics)
    assert outcome(comparisons, "ridge") == "mixed"  # a negative r counts as 0
    assert outcome(comparisons, "mean_profile") == "narrow win"
    assert "clearly" not in text(metrics)


def test_nothing_to_compare_is_said():
    nothing = (np.nan, np.nan)
    metrics = table(network=nothing, ridge=nothing, mean=nothing, attainable=nothing)
    found = text(metrics, genes=1)
    assert found.startswith("The network cannot be compared with the ridge: ")
    assert found.endswith(
        "Scored on 1 test gene, forward samples, log2(x+1), without confidence intervals."
    )


def test_a_spearman_that_contradicts_is_said():
    found = text(table(network=(0.6, 0.6), spearman={"ridge": 0.7}))
    assert (
        "By Spearman r the ridge is ahead: 0.600 against 0.700 over bins and 0.600 against 0.700"
        " over genes." in found
    )


def test_the_share_of_the_attainable_is_said():
    metrics = table(network=(0.6, 0.7), attainable=(0.8, 0.875))
    assert "It reaches 75.0% over bins and 80.0% over genes of the attainable Pearson r" in text(
        metrics
    )
    assert [entry["share_of_attainable"] for entry in compare(metrics)] == [0.75, 0.75, 0.8, 0.8]


def test_conditions_are_named_where_there_are_several():
    metrics = table(network=(0.6, 0.6))
    both = pd.concat([metrics, metrics.assign(condition="a485")])
    both.loc[(both["condition"] == "a485") & (both["method"] == "ridge"), "value"] = 0.9
    found = text(both)
    assert found.startswith(
        "The ridge beats the network over bins in a485 and over genes in a485; the network is"
        " ahead over bins in ctrl and over genes in ctrl: "
    )


def test_comparisons_hold_what_json_holds():
    metrics = table(network=(0.6, np.nan), attainable=(0.8, 0.9))
    first, *_, last = compare(metrics)
    assert first == {
        "condition": "ctrl",
        "level": "bin",
        "statistic": "pearson",
        "n": 4010,
        "network": 0.6,
        "mean_profile": 0.4,
        "ridge": 0.5,
        "attainable": 0.8,
        "over_ridge": 0.1,
        "over_mean_profile": 0.2,
        "share_of_attainable": 0.75,
    }
    assert last["network"] is None
    assert last["share_of_attainable"] is None
    json.dumps(compare(metrics), allow_nan=False)
