"""Whole screens with a made model: identities, both centres, kills, shards, files."""

import itertools
import json
import re
import time

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from scipy.stats import t

from claster.analysis.perturbation.measure import Measured
from claster.analysis.perturbation.plan import count_edits
from claster.analysis.perturbation.screen import _tell_time
from claster.analysis.perturbation.settings import PerturbSettings
from claster.cost import machine
from claster.dataset.gene_settings import ElementsSpec
from claster.dataset.layout import read_genes_table
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError
from claster.progress import SILENT

BED = """\
chr2\t58570\t58905\tnear
chr2\t61200\t61470\tfar
chr2\t101000\t101300\tempty
chr2\t158050\t158349\tother
chr2\t158100\t158500\toverlapping
"""


def read(files):
    return pd.read_parquet(files.effects)


def landscape_of(world, gene):
    return read_landscapes(world.folders, world.spec, [gene], split="test")[0].astype(np.float64)


def test_silencing_one_element_by_hand(world, screen, model):
    table = read(screen(world.bed(BED), tracks=("H3K27ac",)))
    row = table[(table["gene_name"] == "name8") & (table["element_id"] == "near")].iloc[0]
    assert (row["tss"], row["strand"], row["distance_bp"]) == (58_000, "+", 737)
    stored = np.load(world.folders.arrays("landscape", "test") / "G8_forward.npy").reshape(3, 401)
    edited = stored.copy()
    # Bin 200 begins at the TSS - 50: the element covers bins 206 (80 of 100 bp) to 209 (55 of 100).
    edited[1, 206:210] *= 1 - np.array([0.8, 1, 1, 0.55])
    before, after = (model({"landscape": array})[0] for array in (stored, edited))
    shares = np.array([0.5, 1, 1])  # the gene: 2.5 kb from the TSS on, target bin 10 centred on it
    np.testing.assert_allclose(row["baseline"], (before[10:13] * shares).sum() / 2.5, rtol=1e-6)
    np.testing.assert_allclose(row["perturbed"], (after[10:13] * shares).sum() / 2.5, rtol=1e-6)
    effect = np.log2((row["perturbed"] + 1) / (row["baseline"] + 1))
    assert row["effect"] == pytest.approx(effect, rel=1e-12)
    assert effect < -0.01
    assert row["measured_bp"] == 2500


def test_effects_of_an_ensemble_have_an_interval_over_its_members(world, screen, model):
    bed = world.bed(BED)
    members = [lambda w, a=a: model(w) ** a for a in (1.0, 1.3, 0.8)]
    alone = [
        read(screen(bed, name=f"m{n}", predict=lambda ws, m=m: map(m, ws)))
        for n, m in enumerate(members)
    ]
    assert "effect_low" not in alone[0]
    table = read(
        screen(bed, predict=lambda ws: (np.stack([m(w) for m in members]) for w in ws), controls=5)
    )
    each = np.stack([one["effect"] for one in alone], axis=1)
    arm = t.ppf(0.975, 2) * each.std(axis=1, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(table["effect_low"], table["effect"] - arm, atol=1e-9)
    np.testing.assert_allclose(table["effect_high"], table["effect"] + arm, atol=1e-9)
    mean = np.mean([one["perturbed"] for one in alone], axis=0)
    np.testing.assert_allclose(table["perturbed"], mean, rtol=1e-6)
    assert list(table)[list(table).index("effect") + 1] == "effect_low"


def test_factor_one_changes_no_bit_and_is_not_predicted(world, screen):
    predicted = []

    def predict(windows):
        for window in windows:
            predicted.append(window)
            yield np.random.default_rng(len(predicted)).random((1, 21))

    table = read(screen(world.bed(BED), verb="scale", doses=(1.0,), predict=predict, controls=5))
    assert (table["effect"] == 0).all()
    assert (table["p"].dropna() == 1).all()
    assert table["p"].isna().tolist() == (table["n_controls"] == 0).tolist()
    windows = read_genes_table(world.folders, split="test")
    assert len(predicted) <= len(windows)


def test_an_empty_element_has_no_effect_and_p_of_one(world, screen):
    table = read(screen(world.bed(BED), controls=30))
    empty = table[table["element_id"] == "empty"]
    assert len(empty)
    assert (empty["effect"] == 0).all()
    assert (empty["p"] == 1).all()
    assert (empty["signal_class"] == -99).all()
    assert (table.loc[table["element_id"] == "far", "p"] < 1).any()
    near = table[table["element_id"] == "near"].iloc[0]
    assert (near["gene_distance_bp"], near["n_controls"]) == (737, 0)
    assert np.isnan(near["p"])


def test_flip_twice_is_the_identity(world, model):
    from claster.analysis.perturbation.editor import Editor, Place, SignalWindow, edit_window
    from claster.analysis.perturbation.settings import EditSettings

    signal = landscape_of(world, "G8")
    edit = EditSettings(verb="flip", tracks=("ATAC", "H3K27ac", "H3K27me3"))
    places = (Place("e", 430, 1207),)
    once = signal
    for turned in (False, True):
        window = SignalWindow(once, np.zeros(401, bool))
        once = edit_window(window, places, Editor(world.spec, edit), dose=None)
        assert np.array_equal(once, signal) == turned


def test_gene_and_element_centred_effects_agree(world, screen):
    # Middles of the elements are whole bins of the target away from the TSS of name8 (58,000).
    bed = world.bed("chr2\t59850\t60150\ta\nchr2\t55890\t56110\tb\n")
    tables = [
        read(screen(bed, centre=centre, name=centre)).set_index(["gene_id", "element_id"])
        for centre in ("gene", "element")
    ]
    both = [table.loc["G8"][["distance_bp", "baseline", "perturbed", "effect"]] for table in tables]
    assert both[0].loc["a", "distance_bp"] == 2000
    assert (both[0]["effect"].abs() > 1e-3).all()
    pd.testing.assert_frame_equal(both[0], both[1], rtol=1e-5)
    assert set(tables[0].index) == set(tables[1].index)


def test_dose_curve_is_monotonous_and_ends_in_silence(world, screen):
    bed = world.bed(BED)
    doses = read(screen(bed, verb="scale", doses=(0.0, 0.5, 1.0, 2.0), tracks=("H3K27ac",)))
    curve = doses[(doses["gene_id"] == "G8") & (doses["element_id"] == "near")]
    assert curve["dose"].tolist() == [0.0, 0.5, 1.0, 2.0]
    assert (np.diff(curve["effect"]) > 0).all()
    silent = read(screen(bed, name="silent", tracks=("H3K27ac",)))
    ends = doses[doses["dose"] == 0].reset_index(drop=True)
    pd.testing.assert_series_equal(ends["effect"], silent["effect"])


def test_epistasis_is_what_the_logarithm_of_a_linear_model_makes(world, screen):
    table = read(screen(world.bed(BED), combine="all"))
    pair = table[(table["gene_id"] == "G8") & (table["partner_id"] == "far")].iloc[0]
    alone = table[(table["gene_id"] == "G8") & (table["partner_id"] == "")].set_index("element_id")
    assert pair["element_id"] == "near"
    together = alone["perturbed"]["near"] + alone["perturbed"]["far"] - pair["baseline"]
    assert pair["perturbed"] == pytest.approx(together, rel=1e-6)
    total = alone["effect"]["near"] + alone["effect"]["far"]
    assert pair["sum_of_effects"] == pytest.approx(total, rel=1e-12)
    assert pair["epistasis"] == pytest.approx(pair["effect"] - total, rel=1e-9)
    assert pd.isna(pair["fdr"])


def test_listed_pairs_swapped(world, screen, tmp_path):
    listed = tmp_path / "pairs.tsv"
    listed.write_text("far\tnear\nother overlapping\n")
    table = read(screen(world.bed(BED), verb="swap", combine="listed", pairs=listed))
    assert set(zip(table["element_id"], table["partner_id"], strict=True)) == {("near", "far")}
    assert (table["effect"] != 0).any()
    listed.write_text("far nowhere\n")
    with pytest.raises(ClasterError, match=r"line 1: 'far nowhere' does not name two elements"):
        screen(world.bed(BED), name="b", verb="swap", combine="listed", pairs=listed)


@pytest.mark.parametrize("centre", ["gene", "element"])
def test_killed_and_sharded_screens_give_the_same_files(world, screen, model, monkeypatch, centre):
    monkeypatch.setattr("claster.analysis.perturbation.plan._WINDOWS_A_PART", 5)
    options = {"centre": centre, "controls": 5, "profiles": True}
    whole = screen(world.bed(BED), name="whole", **options)

    passes = itertools.count()

    def dying(windows):
        for window in windows:
            if next(passes) == 30:
                raise KeyboardInterrupt
            yield model(window)

    with pytest.raises(KeyboardInterrupt):
        screen(world.bed(BED), name="killed", predict=dying, **options)
    parts = whole.folder.with_name("killed") / "parts"
    assert (
        1
        <= len(list(parts.glob("*.effects.parquet")))
        < json.loads((parts / "counts.json").read_text())["parts"]
    )
    killed = screen(world.bed(BED), name="killed", **options)
    for shard in ("3/3", "1/3", "2/3"):
        sharded = screen(world.bed(BED), name="sharded", shard=shard, **options)
        assert not sharded.manifest.exists()
    sharded = screen(
        world.bed(BED), name="sharded", predict=lambda _: pytest.fail("predicted again"), **options
    )
    for name in ("effects.parquet", "controls.parquet", "profiles.parquet", "change.ctrl.bw"):
        wanted = (whole.folder / name).read_bytes()
        assert (killed.folder / name).read_bytes() == wanted, name
        assert (sharded.folder / name).read_bytes() == wanted, name
    assert not (whole.folder / "parts").exists()


def test_skipped_when_nothing_has_changed_and_refused_when_something_has(world, screen):
    bed = world.bed(BED)
    with pytest.raises(ClasterError, match="is more than half a window"):
        screen(bed, reach=30_000)
    files = screen(bed)  # what failed before it began does not stand in the way
    before = files.manifest.stat().st_mtime_ns
    screen(bed, predict=lambda _: pytest.fail("predicted again"))
    assert files.manifest.stat().st_mtime_ns == before
    with pytest.raises(ClasterError, match=r"holds another screen \(pseudocount differ\)"):
        screen(bed, pseudocount=2.0)
    screen(bed, pseudocount=2.0, force=True)
    record = json.loads(files.manifest.read_text())
    assert record["identity"]["settings"]["pseudocount"] == 2.0
    assert set(read(files).columns) == set(record["units"])
    with pytest.raises(ClasterError, match="a shard cannot replace"):
        screen(bed, shard="1/2", force=True)


def test_links_and_track_of_change(world, screen, model):
    files = screen(world.bed("chr2\t58570\t58905\tnear\nchr2\t61200\t61470\tfar\n"), profiles=True)
    table = read(files)
    links = pd.read_csv(files.folder / "links.ctrl.bedpe", sep="\t")
    assert list(links.columns[:6]) == ["#chrom1", "start1", "end1", "chrom2", "start2", "end2"]
    np.testing.assert_allclose(links["score"], table["effect"], rtol=1e-5)
    assert links.loc[0, "name"].startswith("near|name")
    profiles = pd.read_parquet(files.profiles)
    here = profiles[profiles["window"] == "G8"].set_index("element_id")
    bins = [str(k) for k in range(-10, 11)]
    change = here.loc[["near", "far"], bins].to_numpy() - here.loc[[""], bins].to_numpy()
    largest = change[np.abs(change).argmax(axis=0), np.arange(21)]
    with pyBigWig.open(str(files.folder / "change.ctrl.bw")) as track:
        # Bins around the TSS of G8 are nearer to it than to those of its neighbours 14 kb away.
        for k in range(-6, 7):
            low = 58_000 + 1000 * k - 500
            seen = track.values("chr2", low, low + 1000)
            np.testing.assert_allclose(seen, largest[k + 10], rtol=1e-4, atol=1e-5)


def test_inactive_elements_are_counted_not_tried(world, screen):
    files = screen(world.bed(BED), min_activity=0.5)
    counts = json.loads(files.manifest.read_text())["counts"]
    table = read(files)
    assert "empty" not in set(table["element_id"])
    assert counts["inactive_pairs"] == counts["pairs"] - counts["tested_pairs"] > 0
    row = table[(table["gene_id"] == "G8") & (table["element_id"] == "near")].iloc[0]
    bins = landscape_of(world, "G8")[1, 206:210]
    shares = np.array([0.8, 1, 1, 0.55])
    assert row["activity"] == pytest.approx((bins * shares).sum() / shares.sum(), rel=1e-6)
    half = read(screen(world.bed(BED), name="half", activity_quantile=0.5))
    assert len(half) == counts["pairs"] // 2
    with pytest.raises(ClasterError, match="has a mean H3K27ac above 1000; the largest is"):
        screen(world.bed(BED), name="none", min_activity=1000)


def test_mirrored_windows_of_a_symmetric_model_change_nothing(world, screen):
    one, both = (
        read(screen(world.bed(BED), name=str(average), average=average))
        for average in (False, True)
    )
    pd.testing.assert_frame_equal(one, both, rtol=1e-9)


@pytest.mark.parametrize(
    ("verb", "more"),
    [
        ("background", {}),
        ("repress", {"gain_track": "H3K27me3", "gain": 30.0}),
        ("shift", {"doses": (3000.0,)}),
        ("flip", {}),
        ("shuffle", {}),
        ("insert", {"locus": "chr1:50,000-51,200"}),
    ],
)
def test_every_verb_runs_and_changes_something(world, screen, verb, more):
    from claster.analysis.perturbation.settings import EditSettings

    tracks = ("ATAC", "H3K27ac")
    edit = EditSettings(verb=verb, tracks=tracks, **more)
    table = read(screen(world.bed(BED), edit=edit, controls=3))
    near = table[(table["gene_id"] == "G8") & (table["element_id"] == "near")]
    assert len(near) == 1
    assert near["effect"].iloc[0] != 0
    if verb == "repress":
        assert near["effect"].iloc[0] < 0


def test_element_centred_windows_stay_on_the_chromosome(world, screen):
    # Windows of 40.1 kb: the first middle that has one is 20,050.
    bed = world.bed("chr2\t19750\t20050\tout\nchr2\t20000\t20300\tin\n", "edge.bed")
    files = screen(bed, centre="element", reach=12_000, controls=4)
    table = read(files)
    assert table["element_id"].tolist() == ["in"]
    counts = json.loads(files.manifest.read_text())["counts"]
    assert counts["window_leaves_chromosome_or_gene"] == 1
    both = pd.concat([table, pd.read_parquet(files.controls)])
    assert ((both["element_start"] + both["element_end"]) // 2 >= 20_050).all()


def test_predictions_below_zero_count_as_zero(world, screen):
    def predict(windows):
        for number, _ in enumerate(windows):
            yield np.full((1, 21), -5.0 if number % 2 else 3.0)

    bed = world.bed("chr2\t61200\t61470\tfar\n", "one.bed")
    table = read(screen(bed, predict=predict, reach=4000))
    assert (table["baseline"] == 3).all()
    assert (table["perturbed"] == 0).all()
    assert (table["effect"] == -2).all()


def test_a_part_counts_once_its_effects_are_there(world, screen, model, monkeypatch):
    def no_effects(frame, path, **options):
        if "baseline" in frame:
            raise KeyboardInterrupt
        return to_parquet(frame, path, **options)

    to_parquet = pd.DataFrame.to_parquet
    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", no_effects)
        with pytest.raises(KeyboardInterrupt):
            screen(world.bed(BED), name="half")
    again = screen(world.bed(BED), name="half")
    assert again.effects.read_bytes() == screen(world.bed(BED), name="w").effects.read_bytes()


def test_edits_without_a_place_are_counted(world, screen):
    bed = world.bed("chr2\t61200\t61470\tfar\nchr2\t52000\t52300\tleft\n", "two.bed")
    shifts = {"verb": "shift", "reach": 6500, "tracks": ("ATAC",)}
    files = screen(bed, doses=(-15_000.0, 1000.0), **shifts)
    table = read(files)
    kept = table[table["gene_id"] == "G8"].set_index("element_id")["dose"]
    assert sorted(kept["far"]) == [-15_000, 1000]  # 3.3 kb right of the TSS, 20.05 kb a side
    assert kept["left"] == 1000
    counts = json.loads(files.manifest.read_text())["counts"]
    assert counts["rows_without_place"] == 2 * counts["tested_pairs"] - len(table) > 0
    with pytest.raises(ClasterError, match="none of the edits has a place"):
        screen(bed, name="away", doses=(40_000.0,), **shifts)


def test_the_expected_time_is_that_of_a_few_edits_of_one_window():
    plan = pd.DataFrame({"window": ["a"] * 300 + ["b"] * 300})
    asked = []

    def measure(some, *, step):
        asked.append(some)
        time.sleep(0.05)
        effects = pd.DataFrame({"row": some.index, "dose": np.nan, "condition": "ctrl"})
        return Measured(pd.concat([effects] * 2), [], np.empty(0), pd.DataFrame())

    told = _tell_time(plan, measure, 255 * 200, 10)
    assert [len(some) for some in asked] == [255, 255]
    assert {*asked[0]["window"]} == {"a"}
    seconds = float(re.search(r"in about (\S+) s; a smaller --reach", told)[1])
    assert 10 <= seconds < 100
    assert "fewer --controls" in _tell_time(plan, measure, 100, 90)


def test_edits_are_counted_anew_for_other_elements_and_not_for_a_spoilt_file(
    world, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    small = PerturbSettings(reach=10_000, controls=0)
    monkeypatch.setattr(machine, "count_edits", lambda spec: count_edits(spec, small))
    bed = world.spec.source("counted.bed")
    spec = world.spec.model_copy(update={"elements": ElementsSpec(file=bed.name)})
    told = []
    lines = [f"chr2\t{start}\t{start + 600}\te{start}\n" for start in range(20_000, 300_000, 9000)]
    for text in ("".join(lines), "".join(lines[:5]), "not a BED\n", "".join(lines)):
        bed.write_text(text)
        told.append(machine.known_edits(spec, machine.Measured(), progress=SILENT))
    assert told[0] == told[3] > told[1] > 0
    assert told[2] is None
