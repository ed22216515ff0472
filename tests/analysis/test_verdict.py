import numpy as np
import pandas as pd
import pytest

from claster.analysis.evaluate import _compare
from claster.analysis.summary import method_in_words, verdict


def row(method, level, value, *, against="", condition="ctrl", metric="pearson", half=0.05):
    counted = {"bin": "once", "gene": "all"}[level]
    key = (method, against, condition, level, "log2(x+1)", counted, "pooled", metric, "all")
    return (*key, value, value - half, value + half)


def table(network, ridge=(0.5, 0.5), mean=(0.4, 0.4), *, share=None, half=0.05, condition="ctrl"):
    """Scores of one condition; each method's values are those over bins and over genes."""
    rows = []
    for place, level in enumerate(("bin", "gene")):
        rows.append(row("network", level, network[place], condition=condition))
        for name, values in (("ridge", ridge), ("mean_profile", mean)):
            rows.append(row(name, level, values[place], condition=condition))
            lead = network[place] - values[place]
            rows.append(row("network", level, lead, against=name, condition=condition, half=half))
        if share is not None:
            part = row("network", level, share, condition=condition, metric="share_of_attainable")
            rows.append(part)
    names = ["method", "against", "condition", "level", "scale", "counted", "how", "metric", "by"]
    return pd.DataFrame(rows, columns=[*names, "value", "low", "high"])


def comparisons(scores):
    return _compare(scores, main="network", baselines=["mean_profile", "ridge"])


def text(scores, **facts):
    facts = {"main": "network", "genes": 10, "blocks": 12, "split": "test"} | facts
    return verdict(comparisons(scores), **facts).splitlines()


def test_a_win_says_so_with_its_numbers():
    assert text(table((0.6, 0.7))) == [
        "The network beats the best simple method over bins and over genes.",
        "Bins: r 0.600 (0.550 to 0.650) against the ridge 0.500 (0.450 to 0.550), difference 0.100"
        " (0.050 to 0.150).",
        "Genes: r 0.700 (0.650 to 0.750) against the ridge 0.500 (0.450 to 0.550), difference 0.200"
        " (0.150 to 0.250).",
        "Pearson r of log2(x + 1), 95 % intervals; 10 test genes in 12 blocks, forward samples, each"
        " kilobase once.",
    ]


def test_sequences_that_nobody_compared_are_told():
    said = (
        "Whether training genes have copies of these genes' sequence is not known: the build had no"
    )
    assert any(line.startswith(said) for line in text(table((0.6, 0.7)), sequences_compared=False))
    assert said not in "".join(text(table((0.6, 0.7))))


def test_a_lead_whose_interval_holds_0_is_no_win():
    assert text(table((0.549, 0.7)))[0] == (
        "The network does not beat the best simple method over bins."
    )
    assert [entry.beats for entry in comparisons(table((0.5499, 0.5501)))] == [False, True]


def test_what_is_not_beaten_comes_first():
    lines = text(table((0.9, 0.45)))
    assert lines[0] == "The network does not beat the best simple method over genes."
    assert lines[1].startswith("Genes: r 0.450")
    assert lines[2] == "The network beats the best simple method over bins."


def test_the_best_simple_method_is_chosen_at_each_level():
    found = comparisons(table((0.9, 0.9), ridge=(0.5, np.nan), mean=(0.7, 0.1)))
    assert [entry.baseline for entry in found] == ["mean_profile", "mean_profile"]
    assert [entry.baseline_score.value for entry in found] == [0.7, 0.1]


def test_without_an_interval_there_is_no_win():
    (over_bins, _) = comparisons(table((0.9, 0.9), half=np.nan))
    assert over_bins.beats is None
    lines = text(table((0.9, 0.9), half=np.nan))
    assert lines[0].startswith("The network does not beat the best simple method over bins and")
    assert "difference 0.400 (no interval)" in lines[1]


def test_an_undefined_network_never_wins():
    lines = text(table((np.nan, 0.1)))
    assert lines[0].startswith("The network does not beat the best simple method over bins")
    assert lines[1].startswith("Bins: r undefined against the ridge 0.500")


def test_shares_and_warnings_are_said():
    lines = text(table((0.6, 0.7), share=0.8), blocks=4, split="train", shared_bp=1234)
    assert lines[3] == (
        "Share of the noise ceiling (Pearson r): 80.0% (75.0% to 85.0%) over bins and 80.0% (75.0% to"
        " 85.0%) over genes."
    )
    assert lines[4].startswith("These genes were trained on")
    assert lines[5].startswith("1,234 bp of the scored input windows lie in training windows")
    assert lines[6].startswith("There are only 4 blocks")


def test_conditions_are_named_where_there_are_several():
    both = pd.concat([table((0.6, 0.6)), table((0.4, 0.6), condition="a485")])
    lines = text(both)
    assert lines[0] == "The network does not beat the best simple method over bins in a485."
    assert lines[1].startswith("Bins in a485: r 0.400")


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("ridge", "the ridge"),
        ("boosting", "the boosted trees"),
        ("ATAC_at_bin", "ATAC at the bin"),
        ("nearest_tss", "the distance to the nearest TSS"),
    ],
)
def test_methods_in_words(method, words):
    assert method_in_words(method) == words
