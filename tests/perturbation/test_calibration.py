"""Control regions keep their rule; p-values of regions like them are uniform."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from claster.analysis.perturbation.candidates import (
    annotated_stretches,
    describe_pairs,
    pair_elements,
)
from claster.analysis.perturbation.controls import (
    STRATUM,
    EditedSignal,
    draw_controls,
    measure_signal,
    regions_of,
    stratify,
    track_means,
)
from claster.analysis.perturbation.editor import Editor, _find_background
from claster.analysis.perturbation.edits import Span, covered_bins, span_mean
from claster.analysis.perturbation.effects import (
    _calibrate,
    _percentile,
    assemble_effects,
    empirical_p,
)
from claster.analysis.perturbation.measure import measure_windows
from claster.analysis.perturbation.plan import Screen, _plan_screen
from claster.analysis.perturbation.settings import EditSettings, ScreenSettings
from claster.dataset.layout import read_genes_table
from claster.dataset.track_scales import read_landscapes
from claster.genome.windows import Binning
from claster.progress import SILENT

BINS = Binning(401, 100)


def random_elements(count, *, seed, width=300):
    starts = np.sort(np.random.default_rng(seed).integers(22_000, 360_000, count))
    return pd.DataFrame(
        {
            "element_id": [f"e{n}" for n in range(count)],
            "chrom": "chr2",
            "start": starts,
            "end": starts + width,
        }
    )


@pytest.fixture(scope="module")
def setting(world):
    """What controls are drawn from, and tested pairs with their strata."""
    genes = read_genes_table(world.folders, split="test")
    elements = random_elements(80, seed=1)

    def read(gene):
        return read_landscapes(world.folders, world.spec, [gene], split="test")[0]

    means = track_means(genes["gene_id"].tolist(), read)
    pairs = describe_pairs(pair_elements(genes, elements, reach=10_000), genes)
    edited = EditedSignal(world.spec, read, [0, 1], means)
    pairs = measure_signal(pairs, edited, activity_row=1, edges="exact")
    return {
        "genes": genes,
        "elements": elements,
        "read": read,
        "edited": edited,
        "pairs": stratify(pairs, size=100),
        "annotated": annotated_stretches(elements, read_genes_table(world.folders)),
    }


def draw(setting, *, genes=None, seed=4):
    settings = ScreenSettings(
        edit=EditSettings(verb="silence", tracks=("ATAC", "H3K27ac")),
        reach=10_000,
        controls=20,
        seed=seed,
    )
    return draw_controls(
        setting["genes"] if genes is None else genes,
        setting["pairs"],
        setting["edited"],
        settings=settings,
        annotated=setting["annotated"],
    )


def test_controls_keep_their_rule(world, setting):
    controls = draw(setting)
    pairs, genes = setting["pairs"], setting["genes"].set_index("gene_id")
    highest = pairs.groupby(STRATUM[:2])["signal_class"].max()
    places = pd.MultiIndex.from_frame(controls[STRATUM[:2]])
    assert (controls["signal_class"].to_numpy() <= highest.loc[places].to_numpy()).all()
    assert controls.groupby(STRATUM).size().max() == 20
    assert not controls.duplicated(["gene_id", "start"]).any()
    landscapes = {gene: setting["read"](gene) for gene in genes.index}
    blocked = np.zeros(400_000, bool)
    for start, end in setting["elements"][["start", "end"]].itertuples(index=False):
        blocked[start:end] = True
    for tss in genes["tss"]:
        blocked[max(tss - 1000, 0) : tss + 1001] = True
    for row in controls.itertuples():
        tss, strand = genes.loc[row.gene_id, ["tss", "strand"]]
        assert row.end - row.start == row.width_class
        assert not blocked[row.start : row.end].any()
        assert tss - 10_000 <= row.start < row.end <= tss + 10_000
        distance = (row.start + row.end) // 2 - tss
        distance = distance if strand == "+" else -distance
        number = 1 + sum(abs(distance) >= edge for edge in (1000, 2000, 5000, 10_000))
        assert row.distance_class == (number if distance >= 0 else -number)
        span = covered_bins(row.start - tss, row.end - tss, BINS)
        shares = span_mean(landscapes[row.gene_id][:2], span) / setting["edited"].means[:2]
        assert row.signal == pytest.approx(shares.mean(), rel=1e-5, abs=1e-9)
        if row.signal > 0:
            assert 2**row.signal_class <= row.signal * (1 + 1e-9) < 2 ** (row.signal_class + 1)


def test_controls_depend_on_the_seed_alone(world, setting, monkeypatch):
    once = draw(setting)
    pd.testing.assert_frame_equal(once, draw(setting))
    monkeypatch.setattr("claster.analysis.perturbation.controls._MOST_HELD", 50)
    pd.testing.assert_frame_equal(once, draw(setting))
    turned = draw(setting, genes=setting["genes"].iloc[::-1])
    pd.testing.assert_frame_equal(once, turned)
    assert not once["start"].equals(draw(setting, seed=5)["start"])


def random_regions(world, model, *, seed):
    """Effects of random regions, one around each of 120 genes with a chromosome of its own, and controls."""
    spec, settings = (
        world.spec,
        ScreenSettings(
            edit=EditSettings(verb="silence", tracks=("ATAC", "H3K27ac")),
            reach=10_000,
            controls=100,
        ),
    )
    rng = np.random.default_rng(seed)
    names = [f"g{n}" for n in range(120)]
    signal = {name: rng.gamma(0.5, 6.0, (3, 401)).astype(np.float32) for name in names}
    genes = pd.DataFrame({"gene_id": names, "name": names, "chrom": names, "tss": 50_000})
    genes = genes.assign(start=50_000, end=52_500, strand="+")
    starts = 50_000 + rng.choice([-1, 1], 120) * rng.integers(1500, 9500, 120)
    elements = pd.DataFrame({"element_id": names, "chrom": names, "start": starts})
    elements["end"] = starts + 300
    annotated = annotated_stretches(elements, genes)
    screen = Screen(spec, settings, elements, {}, genes, genes, annotated, None)
    plan, counts = _plan_screen(screen, signal.__getitem__)
    assert counts["tested_pairs"] == 120

    def read(name, chrom, centre):
        stored = signal[name].copy()
        stored[0] = np.log1p(stored[0])
        return {"landscape": stored}

    with SILENT.step("") as step:
        measured = measure_windows(
            plan,
            read,
            lambda windows: map(model, windows),
            Editor(spec, settings.edit),
            annotated=annotated,
            divisors=(1.0, 1.0, 1.0),
            step=step,
        )
    return assemble_effects(plan, measured.effects, settings=settings, spec=spec)


def test_p_of_regions_like_controls_is_uniform(world, model):
    # Regions at random places are controls by another name.
    table, controls = random_regions(world, model, seed=2)
    assert (table["n_matched"] == 100).mean() > 0.9
    assert kstest(table["p"].dropna(), "uniform").pvalue > 0.01
    assert (table["fdr"] >= table["p"]).all()
    # Regions that do more than regions like them are found.
    numbers = controls["element_id"].str.removeprefix("control_").astype(int)
    columns = [*STRATUM, "condition", "dose", "effect"]
    more = _calibrate(
        table[columns].assign(effect=8 * table["effect"]), controls.assign(number=numbers), most=100
    )
    assert kstest(more["p"], "uniform").pvalue < 1e-6
    assert (more["fdr"] < 0.05).sum() > 20 > 2 > (table["fdr"] < 0.05).sum()


def test_p_percentile_and_fdr_by_hand():
    controls = np.array([-2.0, -1.0, 1.0, 3.0])
    effects = np.array([-5.0, 1.0, 0.0])
    assert empirical_p(effects, controls).tolist() == [1 / 5, 5 / 5, 5 / 5]
    assert _percentile(effects, controls).tolist() == [0.0, 62.5, 50.0]
    table = pd.DataFrame(
        {"condition": "c", "dose": np.nan, "effect": [-5.0, 2.5, 9.0], "signal_class": [0, 0, 7]}
    ).assign(width_class=50)
    null = pd.DataFrame({"condition": "c", "dose": np.nan, "effect": controls}).assign(
        width_class=50, distance_class=1, signal_class=[0, 0, 0, -1], signal=1.5, number=range(4)
    )
    done = _calibrate(table.assign(distance_class=[1, 1, 2]), null, most=9)
    assert done["n_controls"].tolist() == [4, 4, 0]
    assert done["n_matched"].tolist() == [3, 3, 0]
    assert done["p"].tolist()[:2] == [0.2, 0.4]
    assert done["fdr"].tolist()[:2] == [0.4, 0.4]
    assert done[["percentile", "p", "fdr", "control_signal"]].iloc[2].isna().all()


def test_a_stratum_is_filled_up_from_below():
    regions = pd.DataFrame(
        {
            "width_class": 50,
            "distance_class": [1, 1, 1, 1, 1, 2],
            "signal_class": [-99, 0, 0, 1, 2, 1],
            "number": range(6),
        }
    )
    of = {
        (signal, most): regions_of((50, 1, signal), regions, most=most)["number"].tolist()
        for signal, most in [(2, 2), (1, 9), (7, 3), (0, 1), (-3, 9), (-99, 9)]
    }
    assert of == {
        (2, 2): [4, 3],
        (1, 9): [3, 1, 2, 0],
        (7, 3): [4, 3, 1],
        (0, 1): [1],
        (-3, 9): [0],
        (-99, 9): [0],
    }


def test_background_is_the_nearest_quiet_free_block():
    signal = np.array([[0, 0, 5, 1, 9, 9, 1, 5, 0, 0.0], [0] * 10])
    annotated = np.zeros(10, bool)
    span = Span(4, np.ones(2))
    # Blocks that touch neither bin 4 nor 5 sum to 0, 5, 6 | 6, 5, 0: the median is 5.
    assert _find_background(signal, [0], span, annotated=annotated) == 1
    annotated[2] = True
    assert _find_background(signal, [0], span, annotated=annotated) == 0
    annotated[1] = True
    assert _find_background(signal, [0], span, annotated=annotated) == 7
    assert _find_background(signal, [0, 1], span, annotated=annotated) == 7
    annotated[:] = True
    assert _find_background(signal, [0], span, annotated=annotated) is None


def test_background_is_quiet_for_its_surroundings_not_for_the_window():
    """The 200 nearest blocks lie in a body of about 10; the rest of the window holds 0."""
    bins, first = 2001, 1000
    body = 10 + np.abs(np.arange(bins) - first) % 7 / 10.0
    signal = np.where(np.abs(np.arange(bins) - first) <= 101, body, 0.0)[np.newaxis]
    annotated = np.zeros(bins, bool)
    begins = _find_background(signal, [0], Span(first, np.ones(1)), annotated=annotated)
    # Half of the 200 are at most 10.3, bins 1 to 3 left of the element among them; the window's median is 0.
    assert begins == first - 1
    assert signal[0, begins] == pytest.approx(10.1)


def test_background_looks_twice_as_far_where_no_block_is_quiet_in_every_track():
    bins, first = 2001, 1000
    near = np.abs(np.arange(bins) - first) <= 150
    high = np.arange(bins) % 2 == 0
    # Within 150 bins each block is above the median of one of both tracks; beyond it both hold 0.
    signal = np.where(near, np.stack([high, ~high]).astype(float), 0.0)
    begins = _find_background(
        signal, [0, 1], Span(first, np.ones(1)), annotated=np.zeros(bins, bool)
    )
    assert begins == first - 151


def test_the_surroundings_are_200_blocks():
    """50 bins on either side hold 3 and the next 50 hold 1: the median of 200 is 2, of 199 or 201 3."""
    distance = np.abs(np.arange(401) - 200)
    signal = np.where((distance > 50) & (distance <= 100), 1.0, 3.0)[np.newaxis]
    span = Span(200, np.ones(1))
    assert _find_background(signal, [0], span, annotated=np.zeros(401, bool)) == 200 - 51
