"""Which genes of a dataset get a window."""

from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.genome.assembly import chromosome_aliases
from claster.genome.regions import read_regions
from claster.genome.selection import GeneSelection, select_genes
from claster.signal.target import target_reach

__all__ = ["choose_genes"]


def choose_genes(spec: DatasetSpec, sources: Sources) -> GeneSelection:
    """Keep or drop every gene of the annotation, and give those that stay a split.

    Parameters
    ----------
    spec
        The dataset.
    sources
        Its open files.

    Returns
    -------
    GeneSelection
        Every gene, kept with its split or dropped with its reason; contact maps that are mostly
        unknown are found later, when they are read.
    """
    sizes, folder = sources.sizes, spec.data_folder
    aliases = chromosome_aliases(spec.assembly)
    reach = spec.window.binning.half
    if spec.target:
        reach = max(reach, target_reach(spec.target.binning, smoothing=spec.target.smoothing))
    return select_genes(
        sources.genes,
        sizes=sizes,
        landscape=spec.window.binning,
        reach=reach,
        types=spec.genes.types,
        exclude_chromosomes=spec.genes.exclude_chromosomes,
        without_signal=sources.without_signal,
        without_contacts=sources.without_contacts,
        regions=read_regions(spec.regions, sizes=sizes, folder=folder, aliases=aliases)
        if spec.regions
        else None,
        held_out={
            "valid": read_regions(spec.splits.valid, sizes=sizes, folder=folder, aliases=aliases),
            "test": read_regions(spec.splits.test, sizes=sizes, folder=folder, aliases=aliases),
        },
        allow_shared_windows=spec.splits.allow_shared_windows,
    )
