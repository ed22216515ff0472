"""An example of every figure of `claster.plot`, drawn from toy arrays into a page of the documentation.

`conf.py` calls `write_gallery`; an example is a function named after the one that it shows.
"""

import inspect
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd

import claster.plot as plot
from claster.analysis.validation.linked import distance_names
from claster.genome.windows import Binning

rng = np.random.default_rng(0)
window, target = Binning(2001, 100), Binning(81, 1000)
genes = pd.DataFrame(
    [
        ("g1", "Nanog", "chr1", 130_000, 152_000, "+", 130_000),
        ("g2", "Sox2", "chr1", 180_000, 200_001, "-", 200_000),
        ("g3", "Klf4", "chr1", 238_000, 262_000, "+", 238_000),
        ("g4", "Myc", "chr1", 274_000, 288_001, "-", 288_000),
    ],
    columns=["gene_id", "name", "chrom", "start", "end", "strand", "tss"],
)
peaks = {"ATAC": (-40_000, 0, 38_000), "H3K27ac": (-40_000, 1500, 60_000)}
places = window.offsets * window.size
landscape = np.stack(
    [
        rng.gamma(1, 0.6, window.bins)
        + sum(30 * np.exp(-(((places - peak) / 900) ** 2)) for peak in where)
        for where in peaks.values()
    ]
)
bins = target.offsets * target.size
truth = 40 * ((bins > -20_000) & (bins <= 0)) + 18 * (bins > 38_000) * np.exp(-bins / 30_000)
observed = rng.poisson(truth + 0.3).astype(float)
predicted = np.convolve(truth, np.ones(3) / 3, "same") * 0.9
separation, midpoint = np.mgrid[:40, -62:63]
contacts = rng.normal(0, 0.5, (40, 125)) + 2 * np.exp(
    -((separation - 24) ** 2 + (midpoint + 1) ** 2) / 20
)
many_observed = rng.gamma(0.6, 20, (60, target.bins))
many_predicted = many_observed * rng.lognormal(0, 0.4, many_observed.shape)
elements = pd.DataFrame(
    {
        "element_id": [f"E{number}" for number in range(14)],
        "chrom": "chr1",
        "start": np.sort(rng.integers(110_000, 290_000, 14)),
        "group": rng.choice(["dELS", "pELS", "CTCF-only"], 14),
    }
).assign(end=lambda table: table["start"] + 700)
effects = elements.merge(genes[["gene_id", "chrom", "tss"]], on="chrom").assign(
    element_start=lambda table: table["start"],
    element_end=lambda table: table["end"],
    distance_bp=lambda table: table["start"] + 350 - table["tss"],
    effect=lambda table: rng.normal(0, 9000 / (9000 + table["distance_bp"].abs())),
    fdr=lambda table: np.where(table["effect"].abs() > 0.5, 0.01, 0.6),
    genes_between=lambda table: table["distance_bp"].abs() // 40_000,
)
methods = ("network", "boosting", "ridge", "mean_profile")
scores = pd.DataFrame(
    {
        "method": methods,
        "metric": "pearson",
        "scale": "log2(x+1)",
        "unit": "1",
        "value": (0.91, 0.84, 0.78, 0.31),
    }
).assign(low=lambda table: table["value"] - 0.04, high=lambda table: table["value"] + 0.03)
compared = pd.DataFrame(
    [
        (model, level, metric, value - drop, own, value - drop + 0.02)
        for model, drop, own in (("CLASTER", 0.0, 401), ("Enformer head", 0.1, 113))
        for level in ("bin", "paper")
        for metric, value in (("pearson", 0.88), ("spearman", 0.8))
    ],
    columns=["method", "level", "metric", "common", "own_bins", "published"],
).assign(
    own=lambda table: table["common"] - 0.01,
    common_low=lambda table: table["common"] - 0.03,
    common_high=lambda table: table["common"] + 0.03,
    own_low=lambda table: table["own"] - 0.03,
    own_high=lambda table: table["own"] + 0.03,
)


def calibration_curve():
    level = np.linspace(0.1, 5, 12)
    table = pd.DataFrame({"method": "network", "predicted": level, "observed": level**0.95})
    table = table.assign(low=table["observed"] - 0.2, high=table["observed"] + 0.2)
    return plot.calibration_curve(table)


def contact_map():
    return plot.contact_map(contacts, 1600, value="log_oe")


def density():
    return plot.density(many_observed, many_predicted, points="bins of 1 kb")


def edited_profiles():
    distances = np.array([-30_000, -8_000, 12_000, 34_000])
    edited = predicted * np.array([[0.9], [0.5], [0.7], [1.1]])
    return plot.edited_profiles(predicted, edited, distances, target)


def effect_by_distance():
    return plot.effect_by_distance(effects, effects.assign(effect=effects["effect"] / 3))


def element_arcs():
    return plot.element_arcs(effects, genes, chrom="chr1", start=100_000, end=300_000)


def element_map():
    return plot.element_map(elements, genes, "g2", window)


def gene_scatter():
    return plot.gene_scatter(many_observed[:, 0], many_predicted[:, 0], named={7: "Sox2"})


def gene_tracks():
    gene = plot.GeneArrays(
        landscape=landscape,
        names=list(peaks),
        window=window,
        observed=observed,
        predicted=predicted,
        target=target,
        contacts=contacts,
        resolution=1600,
    )
    return plot.gene_tracks(gene, genes=plot.genes_around(genes, "g2", window))


def landscape_tracks():
    near = plot.genes_around(genes, "g2", window)
    return plot.landscape_tracks(landscape, list(peaks), window, genes=near, zoom_bp=20_000)


def learning_curve():
    steps = np.arange(1, 401)
    train = pd.DataFrame({"split": "train", "step": steps, "loss": 2 / np.sqrt(steps)})
    valid = pd.DataFrame({"split": "valid", "step": steps[19::20]})
    valid["loss"] = 2 / np.sqrt(valid["step"]) + valid["step"] / 4000
    valid["performance"] = 1 - valid["loss"] / 2
    return plot.learning_curve(pd.concat([train, valid]), best=240)


def most_affected_genes():
    return plot.most_affected_genes(effects)


def overview():
    gene = plot.GeneArrays(
        landscape=landscape,
        names=list(peaks),
        window=window,
        observed=observed,
        predicted=predicted,
        target=target,
        contacts=contacts,
        resolution=1600,
    )
    return plot.overview(gene, gene_span=(-20_000, 1, "-"))


def profile():
    return plot.profile(observed, predicted, target, truth=truth, gene_span=(-20_000, 1, "-"))


def score_bars():
    return plot.score_bars(scores)


def score_by_bin():
    table = pd.concat([pd.DataFrame({"method": name, "offset": bins}) for name in methods[:2]])
    value = 0.9 - np.abs(table["offset"]) / 2e5 - 0.1 * (table["method"] == "boosting")
    return plot.score_by_bin(table.assign(value=value, low=value - 0.05, high=value + 0.05))


def score_by_stratum():
    quarters = ["1 of 4 (0 to 2 reads)", "2 of 4 (2 to 9 reads)", "3 of 4 (9 to 20 reads)"]
    parts = [scores.assign(by="expression", stratum=quarter) for quarter in quarters]
    return plot.score_by_stratum(pd.concat(parts))


def attribution_by_distance():
    far = np.arange(-200, 201) * 1000
    parts = [
        pd.DataFrame({"track": name, "distance": far}).assign(
            mean_absolute=lambda table, w=width: np.exp(-table["distance"].abs() / w) + 0.02
        )
        for name, width in (("ATAC", 4000), ("H3K27ac", 12_000))
    ]
    table = pd.concat(parts)
    low, high = 0.8 * table["mean_absolute"], 1.2 * table["mean_absolute"]
    return plot.attribution_by_distance(table.assign(absolute_low=low, absolute_high=high))


def attribution_locality():
    rows = [
        ("ATAC", 0.5, 4000, 3000, 5500),
        ("ATAC", 0.9, 15_000, 11_000, 21_000),
        ("H3K27ac", 0.5, 7000, 6000, 8000),
        ("H3K27ac", 0.9, 22_000, 17_000, 30_000),
    ]
    table = pd.DataFrame(rows, columns=["track", "share", "half_width", "low", "high"])
    return plot.attribution_locality(table.assign(above="zero"))


def attribution_map():
    return plot.attribution_map(contacts / 100, 1600, value="signed")


def change_of_genes():
    change = rng.normal(-0.4, 0.6, 80)
    table = pd.DataFrame({"predicted_change": 0.6 * change, "measured_change": change})
    noise = rng.normal(0, 0.3, 80)
    table = table.assign(
        predicted_change=table["predicted_change"] + noise, measured_baseline=many_observed[0, :80]
    )
    return plot.change_of_genes(table)


def comparison_bars():
    return plot.comparison_bars(compared.query("level == 'bin' and metric == 'pearson'"))


def control_p_values():
    return plot.control_p_values(rng.uniform(0, 1, 200))


def filter_images():
    return plot.filter_images({"first layer": rng.normal(0, 1, (8, 12, 40))})


def learning_curves():
    steps = np.arange(20, 401, 20)
    curves = {
        name: pd.concat(
            pd.DataFrame({"split": split, "step": steps, "loss": scale / np.sqrt(steps)})
            for split, scale in (("train", 2.0), ("valid", 2.6))
        )
        for name in ("CLASTER", "Enformer head")
    }
    return plot.learning_curves(curves)


def lifted_repression():
    repressed = np.arange(120) < 35
    planted = np.where(repressed, rng.gamma(2, 0.2, 120), 0)
    seen = 0.8 * planted + rng.normal(0, 0.1, 120)
    genes = pd.DataFrame({"repressed": repressed, "planted_effect": planted, "effect": seen})
    return plot.lifted_repression(genes)


def link_curves():
    threshold = np.linspace(0, 1, 40)
    parts = [
        pd.DataFrame(
            {
                "predictor": name,
                "recall": threshold,
                "precision": np.maximum(1 - threshold**power, 0.08),
                "false_positive_rate": threshold ** (3 * power),
            }
        )
        for name, power in (("perturbation", 2.0), ("distance", 0.6))
    ]
    areas = pd.DataFrame(
        [
            (name, metric, value, 40, 500)
            for name, pair in (("perturbation", (0.9, 0.6)), ("distance", (0.8, 0.3)))
            for metric, value in zip(("auroc", "auprc"), pair, strict=True)
        ],
        columns=["predictor", "metric", "value", "links", "n"],
    )
    return plot.link_curves(pd.concat(parts), areas)


def measured_against_predicted():
    size = rng.uniform(-0.8, 0.2, 90)
    table = pd.DataFrame({"effect_size": size, "effect": 0.5 * size + rng.normal(0, 0.1, 90)})
    return plot.measured_against_predicted(table.assign(regulated=size < -0.5))


def model_densities():
    levels = {"bins": many_observed, "genes": many_observed.mean(axis=1)}
    predicted_by = {
        name: {
            level: values * rng.lognormal(0, width, values.shape)
            for level, values in levels.items()
        }
        for name, width in (("CLASTER", 0.3), ("Enformer head", 0.6))
    }
    return plot.model_densities(levels, predicted_by)


def pearson_spearman():
    return plot.pearson_spearman(compared)


def planted_against_predicted():
    kind = np.array(["none"] * 60 + ["contact"] * 15 + ["proximal"] * 25)
    size = np.where(kind == "none", 0, -rng.gamma(2, 0.3, kind.size))
    seen = np.where(kind == "proximal", 0.8 * size, 0) + rng.normal(0, 0.05, kind.size)
    pairs = pd.DataFrame({"planted": kind, "planted_effect": size, "effect": seen})
    return plot.planted_against_predicted(pairs)


def profile_panels():
    narrow = Binning(41, 1000)
    models = {"CLASTER": (predicted, target), "Enformer head": (0.7 * predicted[20:61], narrow)}
    return plot.profile_panels(models, observed, target, common=narrow, title="Sox2")


def recovered_by_distance():
    names = distance_names()
    share = np.linspace(0.9, 0.05, len(names))
    table = pd.DataFrame({"group": names, "share": share, "n": np.arange(len(names), 0, -1) * 9})
    table = table.assign(share_low=share - 0.04, share_high=share + 0.05)
    return plot.recovered_by_distance(table)


def state_cloud():
    marks = rng.gamma(0.5, 8, (6, 3, 400))
    before = rng.gamma(4, 8, (5, 3))
    return plot.state_cloud(marks, ["ATAC", "H3K4me3", "H3K27ac"], before, before * [0.1, 0.9, 0.1])


WITHOUT_PICTURE = {"GeneArrays", "genes_around", "save", "style"}


def shown():
    """Names of the public functions of `claster.plot` that draw."""
    functions = {name for name in plot.__all__ if inspect.isfunction(getattr(plot, name))}
    return sorted(functions - WITHOUT_PICTURE)


def examples():
    """Every example by the name of the function that it shows."""
    return {name: globals()[name] for name in shown()}


_HEAD = """\
# Figures

Every function of `claster.plot` returns `(fig, axes)` and draws in one style, whose colours colour-blind
readers can tell apart. `save(fig, path)` writes PNG, SVG or PDF, the same figure as the same bytes;
`style()` is the style as a context, for artists of your own; `genes_around` gives the genes of a window to
those functions that draw them. The notebooks and `claster report` draw with the same functions.

The pictures are drawn from toy arrays (`docs/gallery.py`): `landscape` (tracks x bins of `window`),
`contacts`, `observed` and `predicted` (bins of `target`), `genes`, `elements`, `effects` and `scores`.
"""


def write_gallery(folder):
    """Draw every example into `<folder>/_figures` and write `<folder>/figures.md`."""
    parts = [_HEAD]
    for name, example in examples().items():
        about = inspect.getdoc(getattr(plot, name)).partition("\n")[0]
        lines, _ = inspect.getsourcelines(example)
        code = textwrap.dedent("".join(lines[1:])).replace("return plot.", "fig, axes = plot.")
        fig, _ = example()
        plot.save(fig, folder / "_figures" / f"{name}.png", 110)
        parts.append(
            f"## {name}\n\n{about}\n\n```{{image}} _figures/{name}.png\n:alt: {about}\n```\n\n"
            f"```python\n{code}```\n"
        )
    (folder / "figures.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    write_gallery(Path(__file__).parent)
