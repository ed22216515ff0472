"""How much there is to do for a dataset: counted where files are there, else estimated."""

from dataclasses import dataclass

from claster.dataset.build import bytes_a_gene
from claster.dataset.choice import choose_genes
from claster.dataset.inventory import list_sources
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.settings import Split

_GENES = {"mm": 21_900, "hg": 20_000}
"""Protein-coding genes of GENCODE's annotations, by the first letters of an assembly."""
_KEPT_OF_SIMULATED = 0.97


@dataclass(frozen=True)
class Amount:
    """How much there is of something, and between what bounds it lies where it is estimated."""

    value: float
    low: float
    high: float
    known_from: str

    @classmethod
    def counted(cls, value: float, known_from: str) -> "Amount":
        """Return an amount that is known."""
        return cls(value, value, value, known_from)

    @classmethod
    def about(cls, value: float, factor: float, known_from: str) -> "Amount":
        """Return an amount that is known up to a factor."""
        return cls(value, value / factor, value * factor, known_from)

    def times(self, factor: float) -> "Amount":
        """Return so many times the amount."""
        return Amount(self.value * factor, self.low * factor, self.high * factor, self.known_from)


@dataclass(frozen=True)
class Genes:
    """The genes of each split; a gene is two samples, as it is and mirrored."""

    train: Amount
    valid: Amount
    test: Amount

    @property
    def total(self) -> Amount:
        """All of them."""
        parts = (self.train, self.valid, self.test)
        return Amount(
            sum(part.value for part in parts),
            sum(part.low for part in parts),
            sum(part.high for part in parts),
            self.train.known_from,
        )


def count_genes(spec: DatasetSpec, *, told: int | None = None) -> Genes:
    """Return how many genes get a window: from the build, else the source files, else an estimate.

    Parameters
    ----------
    told
        How many genes it has, where neither tells.

    Raises
    ------
    ClasterError
        If a file has a fault that the build refuses, or nothing tells: the dataset is neither built nor
        simulated, its files are not there, the assembly is not one of mouse or human, and `told` is None.
    """
    folders = DatasetFolders.of(spec)
    if folders.is_built:
        split = read_genes_table(folders)["split"]
        return _of_splits({name: int((split == name).sum()) for name in _SPLITS}, "built dataset")
    if told is None and all(source.path.exists() for source in list_sources(spec) if source.built):
        with open_sources(spec) as sources:
            split = choose_genes(spec, sources).kept["split"]
        return _of_splits({name: int((split == name).sum()) for name in _SPLITS}, "files")
    return _estimated(spec, told)


_SPLITS: tuple[Split, ...] = ("train", "valid", "test")


def _of_splits(counts: dict[Split, int], known_from: str) -> Genes:
    return Genes(*(Amount.counted(counts[name], known_from) for name in _SPLITS))


def _estimated(spec: DatasetSpec, told: int | None) -> Genes:
    """Divide the genes of an assembly by the length of the chromosomes that are held out."""
    factor = 1.1
    if told is not None:
        genes, known_from = float(told), "--genes"
    elif spec.simulation is not None:
        genes, known_from = spec.simulation.genes * _KEPT_OF_SIMULATED, "simulation"
    elif per_assembly := _GENES.get(spec.assembly[:2]):
        genes, known_from = float(per_assembly), "genes of such an assembly"
    else:
        raise ClasterError(
            f"dataset {spec.name!r} is neither built nor are its files there, so its genes are not counted",
            remedy="say how many there are with --genes",
        )
    valid, test = (_share(spec, split) for split in ("valid", "test"))
    if max(valid, test) > 0.02:
        factor = 1.4  # genes are not spread evenly over chromosomes
    return Genes(
        train=Amount.about(genes * (1 - valid - test), 1.1, known_from),
        valid=Amount.about(genes * valid, factor, known_from),
        test=Amount.about(genes * test, factor, known_from),
    )


def _share(spec: DatasetSpec, split: str) -> float:
    """Return the share of the genome that a split's chromosomes and regions have."""
    if spec.splits.folds is not None:
        return 1 / spec.splits.folds
    rules = spec.splits.valid if split == "valid" else spec.splits.test
    if spec.simulation is not None:
        return len(rules) / spec.simulation.chromosomes
    try:
        sizes = spec.chromosome_sizes()
    except ClasterError:
        sizes = dict.fromkeys((f"chr{n}" for n in range(1, 21)), 1)
    total = sum(sizes.values())
    return sum(_length(rule, sizes) for rule in rules) / total


def _length(rule: str, sizes: dict[str, int]) -> float:
    chrom, _, span = rule.partition(":")
    if chrom not in sizes:
        return 0.0
    start, _, end = span.replace(",", "").partition("-")
    return int(end) - int(start) if start.isdecimal() and end.isdecimal() else sizes[chrom]


def array_bytes(spec: DatasetSpec, genes: Amount) -> Amount:
    """Return the bytes that a build writes: arrays of both orientations, and tables of targets."""
    return genes.times(bytes_a_gene(spec))
