"""A dataset with `recipe: paper` holds the published numbers: against the published steps, written out."""

import numpy as np
import pandas as pd
import pyBigWig
import pytest
import yaml
from scipy.ndimage import gaussian_filter1d

from claster.dataset.build import build_dataset
from claster.dataset.choice import choose_genes
from claster.dataset.layout import read_arrays, read_genes_table, read_targets
from claster.dataset.load import load_dataset
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.genome.gene_names import find_gene

SIZES = {"chr1": 1_250_000, "chr2": 1_100_000}
ROWS = [
    ("chr1", "gene", 600_001, 620_000, "+", "GA.1", "protein_coding"),
    ("chr1", "gene", 640_123, 700_007, "-", "GB.1", "protein_coding"),
    ("chr1", "gene", 499_000, 500_000, "-", "GC.1", "protein_coding"),
    ("chr2", "gene", 550_077, 560_000, "+", "GD.1", "protein_coding"),
    ("chr2", "gene", 550_000, 551_000, "+", "GN.1", "lincRNA"),
]


def gtf_line(chrom, feature, start, end, strand, gene, kind):
    attributes = f'gene_id "{gene}"; gene_type "{kind}"; gene_name "{gene[:2]}";'
    return "\t".join([chrom, "HAVANA", feature, str(start), str(end), ".", strand, ".", attributes])


def write_gappy(path, seed):
    """Intervals of 1 to 2000 bp with gaps between some of them, a few values below 0."""
    rng = np.random.default_rng(seed)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(SIZES.items()))
        for chrom, size in SIZES.items():
            widths = rng.choice([1, 20, 110, 300, 2000], size=3000)
            gaps = np.where(rng.random(3000) < 0.3, rng.integers(1, 800, 3000), 0)
            ends = np.cumsum(widths + gaps)
            ends = ends[ends < size]
            starts = ends - widths[: ends.size]
            values = rng.gamma(0.5, 20.0, ends.size) * np.where(rng.random(ends.size) < 0.02, -1, 1)
            file.addEntries(
                [chrom] * ends.size, starts.tolist(), ends=ends.tolist(), values=values.tolist()
            )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("paper")
    (root / "chrom.sizes").write_text("".join(f"{c}\t{n}\n" for c, n in SIZES.items()))
    (root / "genes.gtf").write_text("".join(f"{gtf_line(*row)}\n" for row in ROWS))
    for seed, name in enumerate(("ATAC.bw", "H3K27ac.bw", "EU.bw")):
        write_gappy(root / name, seed)
    return root


def content(project, **changes):
    return {
        "recipe": "paper",
        "name": "published",
        "assembly": "made",
        "data": str(project),
        "chrom_sizes": "chrom.sizes",
        "tracks": [{"name": "ATAC", "file": "ATAC.bw"}, {"name": "H3K27ac", "file": "H3K27ac.bw"}],
        "genes": {"file": "genes.gtf"},
        "target": {"conditions": [{"name": "ctrl", "file": "EU.bw"}]},
        "splits": {"test": ["chr2"]},
    } | changes


def published_means(path, chrom, start, end, bins):
    with pyBigWig.open(str(path)) as file:
        means = file.stats(chrom, start, end, type="mean", nBins=bins)
    return np.maximum(np.array([0.0 if mean is None else mean for mean in means]), 0.0)


def published_target(path, chrom, tss):
    smooth = gaussian_filter1d(
        published_means(path, chrom, tss - 200_010, tss + 200_010, 20_001), 50
    )
    return np.mean([np.roll(smooth, -ahead) for ahead in range(50)], axis=0)[::50]


@pytest.fixture(scope="module")
def built(project):
    path = project / "published.yaml"
    path.write_text(yaml.safe_dump(content(project), sort_keys=False))
    return build_dataset(load_dataset(str(path)).within(project)).folders


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gene", "split"), [("GB.1", "train"), ("GA.1", "train"), ("GD.1", "test")]
)
def test_inputs_and_targets_are_the_published_numbers(project, built, gene, split, cut_window):
    row = next(row for row in ROWS if row[5] == gene)
    chrom, tss = row[0], row[2] if row[4] == "+" else row[3]
    landscape = published_means(project / "H3K27ac.bw", chrom, tss - 500_050, tss + 500_050, 10_001)
    forward = read_arrays(built, [gene], split=split)[0]
    np.testing.assert_allclose(forward[1], landscape, rtol=1e-6, atol=1e-6)
    rev = read_arrays(built, [gene], split=split, rev=True)[0]
    np.testing.assert_array_equal(rev, np.flip(forward, axis=1))
    target = published_target(project / "EU.bw", chrom, tss)
    spec = DatasetSpec.model_validate(content(project))
    with open_sources(spec) as sources:
        found = cut_window(spec, sources, find_gene(sources.genes, gene)).targets["ctrl"]
    np.testing.assert_allclose(found, target, rtol=0, atol=1e-6)
    table = read_targets(built.target_table(split))
    assert table.columns.tolist() == [f"{k}_ctrl" for k in range(-200, 201)]
    np.testing.assert_allclose(
        table.loc[f"{gene}_forward"], target, rtol=1e-5
    )  # 6 digits in the table
    np.testing.assert_array_equal(table.loc[f"{gene}_rev"], table.loc[f"{gene}_forward"][::-1])


def test_the_published_tss_lies_1_bp_downstream_on_both_strands(project, built):
    exact = DatasetSpec.model_validate(content(project, recipe="exact"))
    with open_sources(exact) as sources:
        tss = sources.genes.set_index("gene_id")["tss"]
    published = read_genes_table(built).set_index("gene_id")["tss"]
    assert published.to_dict() == {"GA.1": 600_001, "GB.1": 700_007, "GD.1": 550_077}
    assert set(published - tss[published.index]) == {1}


def test_genes_beside_the_end_are_dropped_as_published(built):
    dropped = pd.read_csv(built.dropped, sep="\t").set_index("gene_id")["reason"]
    assert dropped.to_dict() == {"GC.1": "window_leaves_chromosome", "GN.1": "type_not_selected"}


def test_parts_take_the_recipe_one_by_one(project):
    plain = content(
        project, recipe="exact", target={"recipe": "paper"} | content(project)["target"]
    )
    spec = DatasetSpec.model_validate(plain)
    assert (spec.recipe, spec.summary, spec.genes.recipe) == ("exact", "mean_all", "exact")
    assert spec.require_target().recipe == "paper"
    with open_sources(spec) as sources:
        kept = choose_genes(spec, sources).kept["gene_id"].tolist()
    assert kept == ["GA.1", "GB.1", "GD.1"]
    whole = DatasetSpec.model_validate(content(project))
    assert (whole.summary, whole.genes.recipe, whole.require_target().recipe) == (
        "mean_covered",
        "paper",
        "paper",
    )
    assert DatasetSpec.model_validate_json(whole.model_dump_json()) == whole


CONTACTS = {"file": "x.mcool", "map": "paper_rotated"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"summary": "mean_all"}, "sets 'summary' to mean_covered; leave 'summary' out"),
        ({"edges": "pad"}, "sets 'edges' to drop"),
        ({"window": {"bins": 101}}, r"sets 'window\.bins' to 10001"),
        ({"genes": {"file": "g", "recipe": "exact"}}, r"sets 'genes\.recipe' to paper"),
        ({"genes": {"file": "g", "types": None}}, r"sets 'types' to \['protein_coding'\]"),
        ({"tracks": [{"name": "A", "file": "a", "transform": "log1p"}]}, r"'tracks\.0\.transform'"),
        (
            {"contacts": CONTACTS | {"map": "diagonal"}},
            r"needs 'contacts\.map', one of paper_square",
        ),
        ({"contacts": {"file": "x.mcool"}}, r"needs 'contacts\.map'"),
        ({"contacts": CONTACTS | {"resolution": 5000}}, r"sets 'contacts\.resolution' to 1600"),
        *(
            (
                {"target": {"conditions": [{"name": "c", "file": "c"}], key: value}},
                f"sets '{key}' to",
            )
            for key, value in {
                "bin": 500,
                "bins": 201,
                "smoothing": 0,
                "statistic": "sum",
                "strands": "apart",
                "transform": "log1p",
                "clip": 5.0,
            }.items()
        ),
    ],
)
def test_choices_that_contradict_the_recipe_are_refused(project, changes, said):
    with pytest.raises(ValueError, match=said):
        DatasetSpec.model_validate(content(project, **changes))


def test_a_refused_choice_is_shown_with_its_line(tmp_path, project):
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(content(project, window={"bin": 200}), sort_keys=False))
    line = path.read_text().splitlines().index("  bin: 200") + 1
    with pytest.raises(Exception, match=rf"p\.yaml, line {line}: .*'window\.bin' to 100; leave"):
        load_dataset(str(path))


def test_published_maps_fit_the_recipe(project):
    spec = DatasetSpec.model_validate(content(project, contacts=CONTACTS))
    assert spec.contacts is not None
    assert (spec.contacts.resolution, spec.contacts.max_missing) == (1600, 1.0)
    assert spec.contacts_shape.shape == (129, 626)
