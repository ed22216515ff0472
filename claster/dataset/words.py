"""What the words of a dataset's YAML name among its genes and chromosomes; none may name nothing."""

from collections.abc import Iterator, Mapping

import pandas as pd

from claster.dataset.spec import DatasetSpec
from claster.dataset.yaml_file import Location
from claster.errors import ClasterError, choose_among
from claster.genome.assembly import (
    MITOCHONDRION,
    chromosome_aliases,
    plain_name,
    rename_chromosomes,
)
from claster.genome.gene_names import find_gene


def excluded_chromosomes(spec: DatasetSpec, sizes: Mapping[str, int]) -> list[str]:
    """Return `genes.exclude_chromosomes` by the assembly's names; a name that it lacks stays.

    Parameters
    ----------
    sizes
        Chromosome sizes of the assembly in bp.
    """
    named = pd.DataFrame({"chrom": list(spec.genes.exclude_chromosomes)}, dtype=object)
    aliases = chromosome_aliases(spec.assembly)
    return rename_chromosomes(named, sizes=sizes, aliases=aliases)["chrom"].tolist()


def unmatched_words(
    spec: DatasetSpec, genes: pd.DataFrame, sizes: Mapping[str, int]
) -> Iterator[tuple[str, ClasterError]]:
    """Yield what is wrong with words that name nothing, each under the name of its check.

    They are chromosomes to leave out, which are of the assembly or of the gene file (the mitochondrion
    need not be), types of genes, and the example gene. `claster data check` shows all of them, a build
    stops at the first.

    Parameters
    ----------
    genes
        The whole annotation by the assembly's chromosome names: `gene_id`, `name`, `type`, `chrom`.
    sizes
        Chromosome sizes of the assembly in bp.
    """

    def fault(location: Location, found: str, remedy: str) -> ClasterError:
        return ClasterError(f"{spec.place(*location)}: {found}", remedy=remedy)

    known = dict.fromkeys([*sizes, *genes["chrom"].unique()])
    aliases = chromosome_aliases(spec.assembly)
    excluded = excluded_chromosomes(spec, sizes)
    for position, (word, chrom) in enumerate(
        zip(spec.genes.exclude_chromosomes, excluded, strict=True)
    ):
        if chrom not in known and plain_name(chrom, aliases) != MITOCHONDRION:
            yield (
                "chromosomes",
                fault(
                    ("genes", "exclude_chromosomes", position),
                    f"neither the assembly nor the genes have a chromosome {word!r}",
                    choose_among(word, known),
                ),
            )
    types = [kind for kind in genes["type"].value_counts().index if kind]
    for position, word in enumerate(spec.genes.types or ()):
        if word not in types:
            yield (
                "types",
                fault(
                    ("genes", "types", position),
                    f"no gene has the type {word!r}",
                    "leave 'recipe: paper' out of 'genes' and choose other 'types'"
                    if spec.genes.recipe == "paper"
                    else choose_among(word, types)
                    if types
                    else "write 'types: null' under 'genes' to take all",
                ),
            )
    if spec.example_gene is not None:
        try:
            find_gene(genes, spec.example_gene)
        except ClasterError as error:
            yield "example", fault(("example_gene",), error.found, error.remedy)
