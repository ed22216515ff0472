"""A whole dataset on a generated genome: 4 tracks, target and contact maps, files written.

`claster data build` runs as a person runs it, in a process of its own; time, largest memory (all of its
threads), bytes written and the time of a second call, which has nothing to do, are printed. With `--grow`
the number of genes and the size of the genome are varied and images/preparation_cost.png is drawn. The
generated files (some 500 MB at full size, some minutes to make) stay in `--work` for the next time.

The bar is for `--chromosomes 20 --genes 3000`: under 2 minutes on 2 cores
and under 3 GB.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cooler
import numpy as np
import pandas as pd
import yaml
from preparation import CHROMOSOME, fixed_intervals, variable_intervals, write_file

TRACKS = {
    "ATAC": variable_intervals,
    "H3K4me3": fixed_intervals,
    "H3K27ac": variable_intervals,
    "H3K27me3": fixed_intervals,
    "EU": variable_intervals,
}
RESOLUTION = 1600
REACH = 400
"""Bins of separation with contacts: some 660 a bin, as many as 2.6 billion leave at 640 kb in the mouse."""
MARGIN = 520_000
PLAIN_FILES = 3000
GENES_GROWN = (300, 1000, 3000)
CHROMOSOMES_GROWN = (5, 10, 20)


def write_contacts(path: Path, chromosomes: int) -> None:
    names = [f"chr{n + 1}" for n in range(chromosomes)]
    bins = cooler.binnify(pd.Series(dict.fromkeys(names, CHROMOSOME)), RESOLUTION)
    each = len(bins) // chromosomes
    rng = np.random.default_rng(0)
    first = np.repeat(np.arange(each), REACH)
    second = first + np.tile(np.arange(REACH), each)
    counts = rng.poisson(100 / (1 + second - first))
    seen = (second < each) & (counts > 0)
    pixels = pd.DataFrame({"bin1_id": first[seen], "bin2_id": second[seen], "count": counts[seen]})

    def by_chromosome() -> Iterator[pd.DataFrame]:
        for n in range(chromosomes):
            yield pixels.assign(
                bin1_id=pixels["bin1_id"] + n * each, bin2_id=pixels["bin2_id"] + n * each
            )

    weight = rng.uniform(0.01, 0.1, len(bins))
    weight[rng.random(len(bins)) < 1 / 30] = np.nan
    cooler.create_cooler(
        f"{path}::/resolutions/{RESOLUTION}",
        bins.assign(weight=weight),
        by_chromosome(),
        ordered=True,
    )


def write_sources(folder: Path, chromosomes: int) -> None:
    """Make what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, intervals in TRACKS.items():
        if not (folder / f"{name}.bw").exists():
            write_file(folder / "part.bw", chromosomes, intervals)
            (folder / "part.bw").rename(folder / f"{name}.bw")
    if not (folder / "contacts.mcool").exists():
        write_contacts(folder / "part.mcool", chromosomes)
        (folder / "part.mcool").rename(folder / "contacts.mcool")


def write_project(folder: Path, sources: Path, *, chromosomes: int, genes: int) -> None:
    names = [f"chr{n + 1}" for n in range(chromosomes)]
    (folder / "chrom.sizes").write_text("".join(f"{name}\t{CHROMOSOME}\n" for name in names))
    rng = np.random.default_rng(5)
    rows = [
        f"{names[n % chromosomes]}\t{tss}\t{tss + 2000}\tgene{n}\t0\t+\tG{n}\tprotein_coding\n"
        for n, tss in enumerate(rng.integers(MARGIN, CHROMOSOME - MARGIN, genes).tolist())
    ]
    header = "#chr\tstart\tend\tname\tscore\tstrand\tgene_id\tgene_type\n"
    (folder / "genes.tsv").write_text(header + "".join(rows))
    content = {
        "name": "grown",
        "assembly": "grown",
        "data": str(sources),
        "chrom_sizes": str(folder / "chrom.sizes"),
        "tracks": [{"name": n, "file": f"{n}.bw"} for n in TRACKS if n != "EU"],
        "contacts": {"file": "contacts.mcool", "resolution": RESOLUTION},
        "genes": {"file": str(folder / "genes.tsv")},
        "target": {"conditions": [{"name": "ctrl", "file": "EU.bw"}]},
        "splits": {"valid": ["chr2"], "test": ["chr1"]},
    }
    datasets = folder / "configurations" / "datasets"
    datasets.mkdir(parents=True)
    (datasets / "grown.yaml").write_text(yaml.safe_dump(content))


def run(folder: Path, *options: str) -> tuple[float, float]:
    """Return seconds and the largest memory in GB of one `claster data build`."""
    claster = Path(sys.executable).with_name("claster")
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    start = time.perf_counter()
    process = os.posix_spawn(
        claster,
        [str(claster), "data", "build", "grown", *options],
        os.environ | {"PWD": str(folder)},
        file_actions=[(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)],
    )
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    os.close(log)
    if status:
        raise SystemExit((folder / "log.txt").read_text())
    return seconds, usage.ru_maxrss / 1e6


def build(
    work: Path, sources: Path, *, chromosomes: int, genes: int, jobs: int
) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        folder = Path(scratch)
        write_project(folder, sources, chromosomes=chromosomes, genes=genes)
        os.chdir(folder)
        seconds, memory = run(folder, "--jobs", str(jobs))
        again, _ = run(folder)
        store = folder / "inputs" / "grown"
        written = sum(path.stat().st_size for path in store.rglob("all/*.npy"))
        os.chdir(work)
        shutil.rmtree(folder / "inputs")
    return {"seconds": seconds, "memory": memory, "again": again, "written": written / 1e9}


def plain_writing(work: Path) -> float:
    """Return seconds a GB of writing arrays of a landscape's size as files, and nothing else."""
    array = np.random.default_rng(0).random((4, 10_001), dtype=np.float32)
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        start = time.perf_counter()
        for number in range(PLAIN_FILES):
            np.save(Path(scratch) / f"{number}.npy", array)
        os.sync()
        return (time.perf_counter() - start) / (PLAIN_FILES * array.nbytes / 1e9)


def say(chromosomes: int, genes: int, jobs: int, took: dict[str, float]) -> None:
    print(
        f"{chromosomes:>3} x 20 Mb {genes:>6,} genes {jobs} threads: {took['seconds']:7.1f} s, "
        f"{took['memory']:5.2f} GB of memory, {took['written']:6.2f} GB written, "
        f"again {took['again']:4.1f} s",
        flush=True,
    )


def draw(path: Path, by_genes: dict[int, float], by_size: dict[int, float]) -> None:
    import matplotlib.pyplot as plt

    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained", sharey=True)
    left.plot(list(by_genes), list(by_genes.values()), "o-")
    left.set(xlabel="genes, on 400 Mb", ylabel="seconds, 2 threads")
    megabases = [n * CHROMOSOME // 1_000_000 for n in by_size]
    right.plot(megabases, list(by_size.values()), "o-")
    right.set(xlabel=f"genome in Mb, {max(by_genes):,} genes")
    left.set_ylim(bottom=0)
    fig.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromosomes", type=int, default=4, help="of 20 Mb each, at least 3")
    parser.add_argument("--genes", type=int, default=600)
    parser.add_argument("--work", type=Path, help="folder for what is generated; kept")
    parser.add_argument("--grow", action="store_true", help="vary genes and genome, draw a figure")
    wanted = parser.parse_args()
    image = Path(__file__).parent.parent / "images" / "preparation_cost.png"
    with tempfile.TemporaryDirectory() as scratch:
        work = (wanted.work or Path(scratch)).resolve()
        sources = work / f"genome{wanted.chromosomes}"
        write_sources(sources, wanted.chromosomes)
        took = {}
        for jobs in (1, 2):
            took[jobs] = build(
                work, sources, chromosomes=wanted.chromosomes, genes=wanted.genes, jobs=jobs
            )
            say(wanted.chromosomes, wanted.genes, jobs, took[jobs])
        print(f"2 threads against 1: ratio {took[1]['seconds'] / took[2]['seconds']:.2f}")
        plain = plain_writing(work) * took[2]["written"]
        print(
            f"writing alone, one thread, as many bytes in files of that size: {plain:.1f} s, "
            f"{plain / took[2]['seconds']:.0%} of the build"
        )
        if not wanted.grow:
            return
        by_genes, by_size = {}, {}
        for genes in GENES_GROWN:
            grown = build(work, sources, chromosomes=wanted.chromosomes, genes=genes, jobs=2)
            by_genes[genes] = grown["seconds"]
            say(wanted.chromosomes, genes, 2, grown)
        for chromosomes in CHROMOSOMES_GROWN:
            grown = build(work, sources, chromosomes=chromosomes, genes=wanted.genes, jobs=2)
            by_size[chromosomes] = grown["seconds"]
            say(chromosomes, wanted.genes, 2, grown)
        draw(image, by_genes, by_size)


if __name__ == "__main__":
    main()
