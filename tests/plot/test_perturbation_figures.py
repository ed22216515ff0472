import numpy as np
import pandas as pd
import pytest

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.plot import edited_profiles, effect_by_distance, most_affected_genes, save


def table(count, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "element_id": rng.integers(0, count // 3, count).astype(str),
            "distance_bp": rng.choice([-1, 1], count) * rng.integers(100, 200_000, count),
            "effect": rng.normal(0, 0.2, count),
            "fdr": rng.random(count),
            "genes_between": rng.integers(0, 14, count),
        }
    )


def test_effects_of_far_elements_are_drawn_with_their_controls(tmp_path):
    effects, controls = table(300, 1), table(500, 2)
    fig, ax = effect_by_distance(effects, controls, proximal=5000)
    drawn = np.concatenate(
        [dots.get_offsets() for dots in ax.collections if len(dots.get_offsets())]
    )
    far = effects[effects["distance_bp"].abs() >= 5000]
    wanted = np.stack([far["distance_bp"].abs() / 1000, far["effect"]], axis=1)
    got = drawn[np.isin(drawn[:, 1], far["effect"])]
    np.testing.assert_allclose(np.sort(got, axis=0), np.sort(wanted, axis=0))
    assert ax.get_xscale() == "log"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"element, FDR ≤ 0.1 (n = {(far['fdr'] <= 0.1).sum()})" in labels
    assert save(fig, tmp_path / "a.png").stat().st_size > 5000
    with pytest.raises(ClasterError, match="none of 300 elements is 300,000 bp or more"):
        effect_by_distance(effects, proximal=300_000)


def test_a_line_an_edited_element(tmp_path):
    binning = Binning(21, 1000)
    baseline = np.linspace(1, 5, 21)
    edited = baseline * np.array([[0.5], [0.9]])
    fig, ax = edited_profiles(baseline, edited, np.array([-4000, 8000]), binning)
    lines = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == 21]
    np.testing.assert_allclose(lines, [baseline, *edited])
    marks = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    assert marks == [-4, 8]
    save(fig, tmp_path / "b.png")
    with pytest.raises(ValueError, match="one an element"):
        edited_profiles(baseline, edited, np.array([1]), binning)


def test_shares_of_genes_between(tmp_path):
    effects = pd.DataFrame(
        {
            "element_id": ["a", "a", "b", "b", "c"],
            "effect": [-2.0, 1.0, 0.1, -0.3, 9.0],
            "genes_between": [0, 3, 12, 1, 5],
        }
    )
    fig, ax = most_affected_genes(effects)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [0.5, 0.5] + [0] * 8
    assert ax.lines[0].get_ydata().tolist() == [0.25, 0.25, 0, 0.25, 0, 0, 0, 0, 0, 0.25]
    save(fig, tmp_path / "c.png")
    with pytest.raises(ClasterError, match="tried on two genes"):
        most_affected_genes(effects.iloc[[4]])
