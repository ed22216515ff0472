"""Links: candidates against pyBigWig, features by hand, the model against scikit-learn."""

import os
from pathlib import Path

import cooler
import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.analysis.abc import (
    _hic_contact,
    adjusted_contact,
    contact_reader,
    power_law_contact,
    score_pairs,
)
from claster.analysis.link.candidates import _interval_sums, _with_activity, read_candidates
from claster.analysis.link.features import (
    FEATURES,
    OPTIONAL,
    link_features,
    pairs_within,
    with_marks,
)
from claster.analysis.link.link import _reliability, find_links
from claster.analysis.link.model import _PENALTY, _TREES, DEFAULT_MODEL, LinkModel, fit_links
from claster.analysis.link.train import score_left_out, screen_pairs, train_links, with_effects
from claster.analysis.statistics import _link_metrics
from claster.contacts.matrix import open_contacts
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_aliases, chromosome_sizes
from claster.genome.genes import read_genes
from claster.plot.validation import draw_calibration

FILES = Path(os.environ.get("CLASTER_REAL_FILES", Path(__file__).parents[3] / "shared" / "data"))
HUMAN = FILES / "human"
CHROMOSOMES = ["chr20", "chr21", "chr22"]
SPACING = 40_000


def element(chrom, number):
    start = 20_000_000 + SPACING * number
    return chrom, start, start + 600


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    """A cell with marks, genes, and a screen: high elements within 200 kb act, others do not."""
    folder = tmp_path_factory.mktemp("cell")
    rng = np.random.default_rng(1)
    sizes = chromosome_sizes("hg38")
    places = [element(chrom, number) for chrom in CHROMOSOMES for number in range(60)]
    heights = rng.gamma(1.0, 20.0, len(places))
    for mark in ("DNase", "H3K27ac"):
        noisy = heights * rng.uniform(0.8, 1.25, len(places))
        with pyBigWig.open(str(folder / f"{mark}.bw"), "w") as track:
            track.addHeader([(chrom, sizes[chrom]) for chrom in ["chr1", *CHROMOSOMES]])
            chroms, starts, ends = (list(values) for values in zip(*places, strict=True))
            track.addEntries(chroms, starts, ends=ends, values=noisy.tolist())
    genes = [
        (chrom, 20_000_000 + SPACING * number + 20_000, f"ENSG{chrom[3:]}{number:04}")
        for chrom in CHROMOSOMES
        for number in range(0, 60, 4)
    ]
    (folder / "genes.bed").write_text(
        "".join(
            f"{chrom}\t{tss}\t{tss + 5_000}\t{gene}\t0\t+\t{gene[4:]}\n"
            for chrom, tss, gene in genes
        )
    )
    with (folder / "genes.bed").open("a") as handle:
        handle.write("chr1\t1000\t2000\tENSG1\t0\t+\tFAR\n")  # no element on its chromosome
    rows = []
    for (chrom, start, end), height in zip(places, heights, strict=True):
        for other, tss, gene in genes:
            distance = abs((start + end) / 2 - tss)
            if chrom != other or distance > 500_000:
                continue
            acts = height * 20_000 / distance > 20 and rng.random() < 0.9
            rows.append(
                [
                    chrom,
                    start,
                    end,
                    gene[4:],
                    gene,
                    chrom,
                    tss,
                    "TRUE",
                    "K562",
                    str(acts).upper(),
                    "A",
                ]
            )
    columns = ["chrom", "chromStart", "chromEnd", "measuredGeneSymbol", "measuredGeneEnsemblId"]
    columns += ["chrTSS", "startTSS", "ValidConnection", "CellType", "Regulated", "Dataset"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "screen.tsv", sep="\t", index=False)
    return folder


def asked(cell, **more):
    return {
        "elements": cell / "DNase.bw",
        "genes": cell / "genes.bed",
        "accessibility": cell / "DNase.bw",
        "h3k27ac": cell / "H3K27ac.bw",
        **more,
    }


@pytest.fixture(scope="module")
def trained(cell):
    return find_links(**asked(cell, pairs=cell / "screen.tsv", to=cell / "trained"))


def candidates_of(activity, starts, chrom="chr1"):
    return pd.DataFrame(
        {
            "element_id": [f"e{number}" for number in range(len(starts))],
            "chrom": chrom,
            "start": starts,
            "end": np.array(starts) + 500,
            "promoter": False,
            "accessibility": activity,
            "h3k27ac": activity,
            "activity": activity,
        }
    )


def abc_scores(pairs):
    contact = power_law_contact(pairs["distance"].to_numpy())
    return score_pairs(pairs["activity"].to_numpy(), contact, pairs["gene_id"].to_numpy())


def test_sums_of_intervals_are_those_of_pybigwig(cell):
    sizes = chromosome_sizes("hg38")
    rng = np.random.default_rng(2)
    starts = 20_000_000 + rng.integers(-1_000, 60 * SPACING, 200)
    places = pd.DataFrame(
        {"chrom": "chr21", "start": starts, "end": starts + rng.integers(1, 90_000, 200)}
    )
    places.loc[0, "chrom"] = "chr1"
    found = _interval_sums(
        cell / "DNase.bw", places, sizes=sizes, aliases=chromosome_aliases("hg38")
    )
    with pyBigWig.open(str(cell / "DNase.bw")) as track:
        expected = [
            np.nansum(track.values(*row)) for row in places.itertuples(index=False, name=None)
        ]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_activity_is_the_geometric_mean_of_both_marks_or_accessibility_alone():
    reference = pd.DataFrame(
        {
            "enh_class": ["nonpromoter"] * 2,
            "rank": [0, 2],
            "DHS.RPM": [8.0, 4.0],
            "H3K27ac.RPM": [2.0, 1.0],
        }
    )
    table = candidates_of([0.0, 0.0], [0, 1_000]).assign(accessibility=[5, 9], h3k27ac=[5, 9])
    both = _with_activity(table, reference)
    assert both["activity"].tolist() == pytest.approx([np.sqrt(6 * 1.5), np.sqrt(8 * 2)])
    alone = _with_activity(table.drop(columns="h3k27ac"), reference)
    assert alone["activity"].tolist() == pytest.approx([6, 8])


def test_an_element_takes_the_marks_of_all_candidates_that_it_overlaps():
    candidates = candidates_of([1.0, 2.0, 4.0], [0, 1_000, 2_000])
    places = pd.DataFrame(
        {"chrom": "chr1", "start": [400, 500, 9_000], "end": [1_001, 1_000, 9_500]}
    )
    assert with_marks(places, candidates)["activity"].tolist() == [3.0, 0.0, 0.0]


def test_features_of_a_pair_by_hand():
    candidates = candidates_of([2.0, 6.0, 1.0], [0, 49_750, 99_750])
    genes = pd.DataFrame({"chrom": "chr1", "tss": [60_000, 100_000], "gene_id": ["A", "B"]})
    pair = candidates.iloc[[0]].assign(middle=250.0, tss=100_000)
    found = link_features(pair, candidates, genes).iloc[0]
    assert list(found.index) == [*FEATURES, *OPTIONAL]
    assert found["distance"] == np.log(99_750)
    assert found["activity"] == np.log(2.1)
    assert found["genes_between"] == found["nearer_genes"] == np.log1p(1)
    assert found["activity_between"] == np.log(6.1)
    assert found["promoter_activity"] == np.log(1.1)
    assert found["nearest_tss"] == np.log(59_750 + 300)
    assert found["abc_rank"] == np.log1p(2)
    assert found[list(OPTIONAL)].isna().all()


def test_activity_around_an_element_ends_before_20_and_100_kb():
    starts = [0, 19_999, 20_000, 99_999, 100_000]
    candidates = candidates_of([2.0, 3.0, 5.0, 7.0, 11.0], starts)
    genes = pd.DataFrame({"chrom": "chr1", "tss": [60_000], "gene_id": ["A"]})
    pair = candidates.iloc[[0]].assign(middle=250.0, tss=60_000)
    found = link_features(pair, candidates, genes).iloc[0]
    assert found["activity_20kb"] == np.log(2 + 3 + 0.1)
    assert found["activity_100kb"] == np.log(2 + 3 + 5 + 7 + 0.1)


def test_activity_by_contact_is_a_share_of_all_elements_within_5_mb():
    candidates = candidates_of([3.0, 1.0, 9.0], [0, 1_000, 9_000_000])
    genes = pd.DataFrame({"gene_id": ["A"], "name": ["A"], "chrom": ["chr1"], "tss": [2_000]})
    (pairs,) = pairs_within(candidates, genes)
    assert abc_scores(pairs).tolist() == pytest.approx([0.75, 0.25])


def test_contact_of_a_map_by_a_dense_oracle(tmp_path):
    """Rows sum to 1 in the mean, a bin with itself takes its neighbour, masked bins the power law."""
    rng = np.random.default_rng(5)
    size, number = 5_000, 12
    counts = np.triu(rng.poisson(30, (number, number)))
    bins = cooler.binnify(pd.Series({"c": size * number}), size)
    weights = rng.uniform(0.04, 0.06, number)
    weights[7] = np.nan
    first, second = np.nonzero(counts)
    pixels = pd.DataFrame({"bin1_id": first, "bin2_id": second, "count": counts[first, second]})
    path = tmp_path / "map.cool"
    cooler.create_cooler(str(path), bins.assign(weight=weights), pixels)
    matrix = open_contacts(path, resolution=size, balance=True)
    weights = matrix.weights("c", balance=True)
    dense = (counts + np.triu(counts, 1).T) * np.outer(weights, weights)
    sums = np.nansum(dense, axis=0)
    dense /= sums[sums > 0].mean()
    middle = np.array([12_600.0, 12_600, 37_000, 51_000])
    tss = np.array([42_000, 13_000, 5_000, 1_000])
    expected = [dense[2, 8], max(dense[2, 1], dense[2, 3]), *power_law_contact(np.array([30_000]))]
    expected.append(dense[10, 0])
    np.testing.assert_allclose(_hic_contact(matrix, "c", middle, tss), expected, rtol=1e-5)
    read = contact_reader(path, sizes={"c": size * number, "d": 9_000}, aliases={})
    adjusted = adjusted_contact(np.array(expected), middle - tss)
    np.testing.assert_allclose(read("c", middle, tss), adjusted, rtol=1e-5)
    assert read("d", middle[:1], tss[:1]) == power_law_contact(middle[:1] - tss[:1])


def test_the_model_answers_as_scikit_learn_does(tmp_path):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    values = rng.normal(size=(400, len(FEATURES)))
    features = pd.DataFrame(values, columns=list(FEATURES)).assign(ubiquitous=np.nan, effect=np.nan)
    regulated = values[:, 1] - values[:, 0] + rng.normal(size=400) > 1
    model = fit_links(features, regulated)
    trees = HistGradientBoostingClassifier(monotonic_cst=list(FEATURES.values()), **_TREES)
    trees.fit(values, regulated)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    line = LogisticRegression(C=_PENALTY, max_iter=1_000).fit((values - mean) / spread, regulated)
    expected = (
        trees.decision_function(values) + line.decision_function((values - mean) / spread)
    ) / 2
    np.testing.assert_allclose(model.log_odds(features), expected, atol=1e-9)


def test_a_model_comes_back_from_its_file_and_a_broken_one_is_refused(trained, tmp_path):
    _, files = trained
    model = LinkModel.read(files.model)
    broken = model.model_copy(update={"weight": model.weight[1:]})
    for text in ("{}", broken.model_dump_json(), model.model_dump_json().replace("abc", "xyz")):
        (tmp_path / "model.json").write_text(text)
        with pytest.raises(ClasterError, match=r"model\.json"):
            LinkModel.read(tmp_path / "model.json")
    with pytest.raises(ClasterError, match="without the feature 'effect'"):
        model.calibration({"effect"})


def test_training_scores_each_chromosome_by_the_others(trained):
    summary, files = trained
    scores = pd.read_csv(files.scores)
    whole = scores[(scores["group"] == "all") & (scores["metric"] == "auprc")]
    whole = whole.set_index("predictor")["value"]
    assert whole["link"] > 0.75 > whole["distance"]
    pairs = pd.read_parquet(files.pairs)
    at = pairs["probability"] >= summary.threshold
    assert pairs.loc[pairs["regulated"], "probability"].ge(summary.threshold).mean() > 0.6
    assert pairs["regulated"][at].mean() == pytest.approx(summary.precision, abs=0.1)
    assert abs(pairs["probability"].mean() - pairs["regulated"].mean()) < 0.03
    calibration = _reliability(pairs["regulated"].to_numpy(), pairs["probability"].to_numpy())
    assert calibration["n"].sum() == len(pairs)
    assert draw_calibration(files).is_file()


def test_the_same_table_gives_the_same_bytes(trained, cell, tmp_path):
    _, files = trained
    _, again = find_links(**asked(cell, pairs=cell / "screen.tsv", to=tmp_path / "again"))
    for name in ("model", "pairs", "scores", "calibration"):
        assert getattr(again, name).read_bytes() == getattr(files, name).read_bytes()


def screen_of(cell):
    sizes, aliases = chromosome_sizes("hg38"), chromosome_aliases("hg38")
    genes = read_genes(cell / "genes.bed")
    tracks = {"accessibility": cell / "DNase.bw", "h3k27ac": cell / "H3K27ac.bw"}
    candidates = read_candidates(cell / "DNase.bw", genes, assembly="hg38", sizes=sizes, **tracks)
    pairs, genes = screen_pairs(
        cell / "screen.tsv", candidates, genes, sizes=sizes, aliases=aliases
    )
    return pairs, candidates, genes


def test_shuffled_labels_score_at_the_base_rate(cell):
    pairs, candidates, genes = screen_of(cell)
    rng = np.random.default_rng(4)
    pairs["regulated"] = rng.permutation(pairs["regulated"].to_numpy())
    _, scored = train_links(pairs, candidates, genes)
    regulated = scored["regulated"].to_numpy()
    found = _link_metrics(regulated, scored["link"].to_numpy(), np.ones((1, len(scored))))
    assert found["auprc"] < 1.5 * regulated.mean()


def test_an_effect_of_a_network_is_used_where_it_is_known(cell, tmp_path):
    pairs, candidates, genes = screen_of(cell)
    told = pairs[["element_id", "gene_id"]].assign(effect=np.where(pairs["regulated"], -1.0, 0.0))
    told.iloc[::2].to_csv(tmp_path / "effects.tsv", sep="\t", index=False)
    with_them = with_effects(pairs, tmp_path / "effects.tsv")
    assert with_them["effect"].isna().sum() == len(pairs) // 2
    model, scored = train_links(with_them, candidates, genes)
    scores = score_left_out(scored).query("group == 'all' and metric == 'auprc'")
    scores = scores.set_index("predictor")
    assert scores.loc["link without effect", "ratio_high"] < 1
    assert model.calibrations.keys() == {"", "effect"}


def test_links_are_written_for_browsers(trained, cell, tmp_path):
    model = trained[1].model
    summary, files = find_links(**asked(cell, model=model, to=tmp_path / "links"))
    links = pd.read_csv(files.links, sep="\t")
    assert len(links) == summary.links > 0
    assert (links["score"] >= summary.threshold - 1e-6).all()
    first = files.bedpe.read_text().splitlines()[1].split("\t")
    assert first[:3] == links.iloc[0][["chrom", "start", "end"]].astype(str).tolist()
    assert int(first[5]) - int(first[4]) == 1
    track = pd.read_csv(files.bedgraph, sep="\t", header=None)
    assert len(track) == links["element_id"].nunique()
    assert track[3].max() == pytest.approx(links["score"].max())
    with pytest.raises(ClasterError, match="or force=True"):
        find_links(**asked(cell, to=tmp_path / "links"))


def test_the_model_of_k562_answers_by_activity_alone_and_by_counts(cell, tmp_path):
    genes = read_genes(cell / "genes.bed")
    tracks = {"accessibility": cell / "DNase.bw"}
    read = read_candidates(
        cell / "DNase.bw", genes, assembly="hg38", sizes=chromosome_sizes("hg38"), **tracks
    )
    counts = read.rename(columns={"chrom": "chr", "element_id": "name"})
    counts = counts.assign(**{"class": "intergenic", "ATAC.readCount": read["activity"]})
    wanted = ["chr", "start", "end", "name", "class", "ATAC.readCount"]
    counts[wanted].to_csv(tmp_path / "counts.tsv.gz", sep="\t", index=False)
    (tmp_path / "everywhere.txt").write_text(f"{genes['name'][0]}\n")
    given = {"elements": tmp_path / "counts.tsv.gz", "genes": cell / "genes.bed"}
    found, _ = find_links(**given, ubiquitous=tmp_path / "everywhere.txt", to=tmp_path / "a")
    assert found.model == DEFAULT_MODEL.name
    assert found.threshold == LinkModel.read(DEFAULT_MODEL).calibration({"ubiquitous"}).threshold
    shares, files = find_links(**given, model="abc", threshold=0.0, to=tmp_path / "b")
    links = pd.read_csv(files.links, sep="\t")
    assert shares.links == shares.scored == len(links)
    assert links.groupby("gene_id")["score"].sum().max() <= 1 + 1e-5


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("chr\tstart\tend\tname\tDHS.readCount", "chr1\t1e3\t2000\te\t5", "line 2: start '1e3'"),
        ("chr\tstart\tend\tname\tDHS.readCount", "chr1\t1\t20\te\t", "DHS.readCount '' is not a"),
        (
            "chr\tstart\tend\tname\tATAC.readCount",
            "chr1\t1\t20\te\t-1",
            "ATAC.readCount '-1' is not",
        ),
        ("chr\tstart\tend\tDHS.readCount", "chr1\t1\t20\t5", "lack the column element_id"),
        (
            "chr\tstart\tend\tname\tDHS.readCount\tATAC.readCount",
            "chr1\t1\t20\te\t5\t6",
            "two columns",
        ),
    ],
)
def test_faults_in_a_table_of_counts_are_named(cell, tmp_path, header, row, told):
    (tmp_path / "counts.tsv").write_text(f"{header}\n{row}\n")
    with pytest.raises(ClasterError, match=told):
        find_links(elements=tmp_path / "counts.tsv", genes=cell / "genes.bed", to=tmp_path / "x")


def test_elements_without_counts_need_a_track(cell):
    with pytest.raises(ClasterError, match="no read counts"):
        find_links(elements=cell / "DNase.bw", genes=cell / "genes.bed")


needs_files = pytest.mark.skipif(
    not (HUMAN / "CRISPR").is_dir(), reason=f"no real files at {FILES} (CLASTER_REAL_FILES)"
)


@needs_files
@pytest.mark.slow
def test_all_shares_of_the_abc_repository_on_chr22():
    folder = HUMAN / "ABC_chr22"
    kept = pd.read_csv(folder / "predictions_kept_rows.tsv.gz", sep="\t")
    genes = kept.drop_duplicates("TargetGene")
    genes = pd.DataFrame(
        {
            "gene_id": genes["TargetGene"],
            "name": genes["TargetGene"],
            "chrom": "chr22",
            "tss": genes["TargetGeneTSS"],
        }
    )
    sizes = chromosome_sizes("hg38")
    candidates = read_candidates(
        folder / "elements_counts.tsv.gz", genes, assembly="hg38", sizes=sizes
    )
    (pairs,) = pairs_within(candidates, genes)
    pairs["abc"] = abc_scores(pairs)
    known = kept[kept["powerlaw.Score"].notna() & ~kept["isSelfPromoter"]]
    both = known.merge(
        pairs,
        left_on=["start", "end", "TargetGene"],
        right_on=["start", "end", "gene_id"],
        how="left",
    )
    assert len(both) == len(known) > 2_000
    np.testing.assert_allclose(both["abc"], both["powerlaw.Score"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(both["activity"], both["activity_base"], atol=1e-6, rtol=0)


@pytest.mark.slow
@needs_files
@pytest.mark.slow
def test_k562_pairs_of_chromosomes_left_out():
    folder = HUMAN / "K562_elements_hg38"
    sizes, aliases = chromosome_sizes("hg38"), chromosome_aliases("hg38")
    genes = read_genes(folder / "genes.bed")
    tracks = {"accessibility": folder / "DHS.bw", "h3k27ac": folder / "H3K27ac.bw"}
    candidates = read_candidates(folder / "DHS.bw", genes, assembly="hg38", sizes=sizes, **tracks)
    table = HUMAN / "CRISPR" / "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
    pairs, genes = screen_pairs(table, candidates, genes, sizes=sizes, aliases=aliases)
    _, pairs = train_links(pairs.drop(columns="ubiquitous"), candidates, genes)
    far = pairs["distance"].between(50_000, 150_000, inclusive="left").to_numpy()
    regulated = pairs["regulated"].to_numpy()

    def auprc(score, rows):
        return _link_metrics(regulated[rows], score[rows], np.ones((1, rows.sum())))["auprc"][0]

    whole = np.ones(len(pairs), dtype=bool)
    assert auprc(-pairs["distance"].to_numpy(), whole) == pytest.approx(0.438, abs=0.001)
    assert auprc(pairs["abc"].to_numpy(), whole) == pytest.approx(0.572, abs=0.002)
    assert auprc(pairs["link"].to_numpy(), whole) >= 0.64
    assert auprc(pairs["link"].to_numpy(), far) >= 0.48
