"""The tutorial, run by papermill in a project of its own, and what comes out of it."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

PROJECT = Path(__file__).parents[1]


@pytest.mark.slow
def test_tutorial_beats_simple_methods_over_bins(tmp_path, monkeypatch):
    import papermill  # its own imports take 2 s

    monkeypatch.delenv("CLASTER_DATA", raising=False)
    shutil.copytree(PROJECT / "configurations", tmp_path / "configurations")
    (tmp_path / "claster").symlink_to(PROJECT / "claster")
    papermill.execute_notebook(
        PROJECT / "scripts" / "0_Tutorial.ipynb",
        tmp_path / "0_Tutorial.ipynb",
        cwd=tmp_path,
        progress_bar=False,
    )
    scores = pd.read_csv(tmp_path / "runs/toy/profile-tutorial/evaluation/scores.csv").query(
        "by == 'all' and how == 'pooled' and scale == 'log2(x+1)' and metric == 'pearson'"
    )
    own = scores[scores["against"].isna()].set_index(["level", "counted", "method"])["value"]
    own = own.sort_index()
    bins = own["bin", "once"]
    assert bins["network"] > 0.92
    assert bins["network"] > max(bins["boosting"], bins["ridge"], bins["mean_profile"])
    assert 0.98 < bins["attainable"] < 1
    assert own["gene", "all", "network"] > 0.85
    lead = scores.query("method == 'network' and against == 'boosting' and level == 'bin'")
    assert lead.set_index("counted").loc["once", "low"] > 0
