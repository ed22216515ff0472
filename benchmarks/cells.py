"""Other cells of one genome, whose truth is known: a network used as it is, and as a training's start.

Two cells of a genome have peaks of other heights in the same places (`cell: 2` of a dataset's `simulation`).
`proximal` is trained on the first ones; what it predicts of the second ones is scored as it is, with the
share of genes whose direction of change it tells. Then it is trained on 100, 300 and 1,000 training genes of
the second ones, from scratch and with `--from` the first run: the same steps, seeds 0 and 1, all scored on
the same test genes. Stop it and start it again: what is complete is kept.
"""

import argparse
import gzip
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
import yaml

from claster.analysis.evaluate import evaluate_runs
from claster.analysis.statistics import pearson
from claster.cli.console import console_progress
from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders, read_genes_table, read_targets
from claster.dataset.load import find_dataset, load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.predict import predict_missing
from claster.eir.run import train
from claster.eir.runs import RunFolder
from claster.files import write_text
from claster.genome.windows import FORWARD, sample_id
from claster.simulation import ensure_genome

FLAVOUR, BATCH = "proximal", 32
GENOME = {"seed": 5, "chromosomes": 6}


def dataset(project: Path, cell: int, size: dict[str, float], *, training: int = 0) -> str:
    """Simulate and build one of the cells, with some of its training genes or all; return its name."""
    name = f"cell{cell}" + (f"_{training}" if training else "")
    content = yaml.safe_load(find_dataset("demo").read_text(encoding="utf-8"))
    for key in ("contacts", "elements", "genome", "example_gene"):
        del content[key]
    content |= {
        "name": name,
        "assembly": "cells",
        "data": str((project / "data" / f"cell{cell}").resolve()),
        "simulation": {**GENOME, **size, "cell": cell},
        "window": {"bin": 100, "bins": 1001},
        "splits": {"valid": ["chr5"], "test": ["chr6"]},
    }
    content["target"]["bins"] = 41
    if training:
        whole = load_dataset(f"cell{cell}", project=project)
        content["genes"] = {**content["genes"], "file": some_genes(whole, training)}
    path = project / "configurations" / "datasets" / f"{name}.yaml"
    write_text(path, yaml.safe_dump(content, sort_keys=False))
    spec = load_dataset(name, project=project)
    assert spec.simulation is not None
    ensure_genome(spec.data_folder, spec.simulation.model_dump(), progress=console_progress())
    build_dataset(spec, progress=console_progress())
    return name


def some_genes(whole: DatasetSpec, training: int) -> str:
    """Write an annotation that lacks all training genes but some; return its name."""
    genes = read_genes_table(DatasetFolders.of(whole), split="train")["gene_id"].to_numpy()
    left_out = set(np.random.default_rng(0).permutation(genes)[training:])
    file = f"genes_{training}.gtf.gz"
    with (
        gzip.open(whole.data_folder / "genes.gtf.gz", "rt") as lines,
        gzip.open(whole.data_folder / file, "wt") as out,
    ):
        for line in lines:
            named = line.partition('gene_id "')[2].partition('"')[0]
            if named not in left_out:
                out.write(line)
    return file


def score(run: RunFolder, name: str, where: DatasetFolders, spec: DatasetSpec) -> float:
    """Return Pearson r of log2(x + 1) over the bins of the test genes of a dataset."""
    own = run.path.parent.name == name
    table = run.predictions("test" if own else f"{name}_test")
    given = None if own else name
    predict_missing(run, table, split="test", dataset=given, device="cpu", tracks="none")
    predicted = pd.read_parquet(table)
    targets = read_targets(where.target_table("test"), transform=spec.require_target().transform)
    genes = read_genes_table(where, split="test")["gene_id"]
    samples = [sample_id(gene, FORWARD) for gene in genes]
    ends = (np.log2(t.loc[samples, predicted.columns].to_numpy() + 1) for t in (predicted, targets))
    return pearson(*(values.ravel() for values in ends))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, default=Path("benchmarks/cells"))
    parser.add_argument("--genes", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=600, help="of each training")
    parser.add_argument("--megabases", type=float, default=130)
    parser.add_argument("--all-genes", type=int, default=1650, help="of the genome")
    options = parser.parse_args()
    project = options.project.resolve()
    size = {"megabases": options.megabases, "genes": options.all_genes}

    def trained(
        name: str, genes: int, tag: str, seed: int, start: RunFolder | None = None
    ) -> RunFolder:
        return train(
            FLAVOUR, load_dataset(name, project=project), dataset_yaml=name, tag=tag, seed=seed,
            epochs=max(1, options.steps * BATCH // (2 * genes)), device="cpu", resume=True,
            pretrained=start and start.path, progress=console_progress(),
        )  # fmt: skip

    first, second = (dataset(project, cell, size) for cell in (1, 2))
    spec = load_dataset(second, project=project)
    where = DatasetFolders.of(spec)
    genes = len(
        read_genes_table(DatasetFolders.of(load_dataset(first, project=project)), split="train")
    )
    runs = [trained(first, genes, f"seed{seed}", seed) for seed in range(options.seeds)]
    evaluation, _ = evaluate_runs(runs[:1], dataset=second, progress=console_progress())
    print(evaluation.summary.verdict)
    as_it_is = [score(run, second, where, spec) for run in runs]
    print(f"\ntest genes of {second}, r over bins; {options.seeds} seeds, {options.steps} steps\n")
    print("| training genes | from scratch | `--from` the first cells |\n| ---: | --- | --- |")
    print(f"| 0 | | {told(as_it_is)} |")
    for count in options.genes:
        name = dataset(project, 2, size, training=count)
        scores: list[list[float]] = [[], []]
        for seed, run in enumerate(runs):
            alone = trained(name, count, f"alone{seed}", seed)
            started = trained(name, count, f"from{seed}", seed, start=run)
            for found, one in zip(scores, (alone, started), strict=True):
                found.append(score(one, name, where, spec))
        print(f"| {count:,} | {told(scores[0])} | {told(scores[1])} |", flush=True)


def told(scores: list[float]) -> str:
    return f"{mean(scores):.3f} ({', '.join(f'{score:.3f}' for score in scores)})"


if __name__ == "__main__":
    main()
