"""Which gene is meant: by its ID, with or without version, as a pseudoautosomal twin, or by its symbol."""

from collections.abc import Iterable

import pandas as pd

from claster.errors import ClasterError, choose_among

_VERSION = r"\.\d+(?=(?:_PAR_Y)?$)"
_ENSEMBL = r"^(ENS[A-Z]*?G)R?(\d{10,})(?:\.\d+)?(?:_PAR_Y)?$"
_ALTERNATE = r"_(?:alt|fix|hap\d+)$|^(?:CHR_)?HS?CHR|^CHR_"
_MOST_CANDIDATES = 4


def genes_called(genes: pd.DataFrame, names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the IDs of the genes that each name may mean: none where it is unknown, several where ambiguous.

    The first of these rules that finds a gene decides: the ID as it is written; the ID without its version,
    that of an Ensembl ID on both sides; the same Ensembl gene (`one_gene`); the symbol.

    Parameters
    ----------
    genes
        A table with `gene_id` and `name`.
    names
        Such as ``ENSMUSG00000030142.10``, ``ENSMUSG00000030142`` or ``Clec4e``; blanks around them do not
        count.

    Returns
    -------
    list of tuple of str
        One a name, in the order of the table.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "gene_id": ["ENSG00000002586.20", "ENSG00000002586.20_PAR_Y", "G3", "G4"],
    ...     "name": ["CD99", "CD99", "Sox2", "Y_RNA"],
    ... })
    >>> genes_called(table, ["ENSG00000002586.19", "CD99", "Sox2", "Sox3"])
    [('ENSG00000002586.20',), ('ENSG00000002586.20', 'ENSG00000002586.20_PAR_Y'), ('G3',), ()]
    """
    asked = pd.Series(["" if pd.isna(name) else str(name).strip() for name in names], dtype=str)
    ids = genes["gene_id"].astype(str)
    plain_ids, plain = (of.str.replace(_VERSION, "", regex=True) for of in (ids, asked))
    ensembl = asked.str.match(_ENSEMBL)
    keys = one_gene(pd.DataFrame({"gene_id": asked})).where(ensembl, "")
    rules = (
        (ids, asked),
        (plain_ids, plain.where(ensembl, asked)),
        (one_gene(pd.DataFrame({"gene_id": ids})), keys),
        (genes["name"].fillna("").astype(str), asked),
    )
    found: list[tuple[str, ...]] = [()] * len(asked)
    for known, wanted in rules:
        here = known.isin(set(wanted) - {""})
        called = {
            word: tuple(dict.fromkeys(those)) for word, those in ids[here].groupby(known[here])
        }
        found = [those or called.get(word, ()) for those, word in zip(found, wanted, strict=True)]
    return found


def find_gene(genes: pd.DataFrame, named: str | None) -> pd.Series:
    """Return the row of the one gene that a name means (`genes_called`); None: the middle one.

    Parameters
    ----------
    genes
        A table with `gene_id` and `name`; of rows with one ID the first counts.
    named
        Its ID, with or without version, or its symbol.

    Raises
    ------
    ClasterError
        If no gene or more than one is called so.
    """
    if named is None:
        return genes.iloc[len(genes) // 2]
    (found,) = genes_called(genes, [named])
    if len(found) == 1:
        return genes[genes["gene_id"] == found[0]].iloc[0]
    if found:
        more = f" and {len(found) - _MOST_CANDIDATES} more" if len(found) > _MOST_CANDIDATES else ""
        raise ClasterError(
            f"{len(found)} genes are called {named!r}: {', '.join(found[:_MOST_CANDIDATES])}{more}",
            remedy="give the gene ID",
        )
    if not isinstance(named, str):
        raise ClasterError(f"a gene is named by {named!r}", remedy="give its ID or its symbol")
    known = [*genes["name"].dropna(), *genes["gene_id"]]
    raise ClasterError(f"no gene {named!r} among {len(genes):,}", remedy=choose_among(named, known))


def one_gene(genes: pd.DataFrame) -> pd.Series:
    """Return a name for each gene that all rows of the same gene share.

    Ensembl IDs are one gene without their version, ``_PAR_Y`` and the R of the older ``ENSGR`` IDs. By
    name and type, rows are one gene where one lies on an alternate sequence (``chr6_GL000250v2_alt``), or
    on chrY as long and on the same strand as on chrX: the pseudoautosomal genes of annotations without
    Ensembl IDs.

    Parameters
    ----------
    genes
        Gene table with `gene_id`, and `name`, `type`, `chrom`, `start`, `end`, `strand` where it has them.

    Returns
    -------
    pandas.Series
        str, with the table's index.

    Examples
    --------
    >>> ids = ["ENSG00000002586.20", "ENSG00000002586.20_PAR_Y", "ENSGR0000002586.3", "RP11-34P13.7"]
    >>> one_gene(pd.DataFrame({"gene_id": ids})).tolist()
    ['ENSG00000002586', 'ENSG00000002586', 'ENSG00000002586', 'RP11-34P13.7']
    """
    ids = genes["gene_id"].astype(str)
    stable = ids.str.extract(_ENSEMBL)
    keys = (stable[0] + stable[1].str.zfill(11)).fillna(ids)
    if not {"name", "type", "chrom", "start", "end", "strand"} <= set(genes.columns):
        return keys
    named = genes[(genes["name"] != "") & genes.duplicated(["name", "type"], keep=False)]
    places = named["chrom"].str.removeprefix("chr")
    alternate = named["chrom"].str.contains(_ALTERNATE)
    length = named["end"] - named["start"]
    labels = named.assign(length=length, key=keys[named.index])
    for here, there, columns in (
        (alternate, ~alternate, ["name", "type"]),
        (places == "Y", places == "X", ["name", "type", "strand", "length"]),
    ):
        first = labels[there].drop_duplicates(columns).set_index(columns)["key"]
        index = pd.MultiIndex.from_frame(labels.loc[here, columns])
        twins = pd.Series(first.reindex(index).to_numpy(), index=labels.index[here]).dropna()
        keys.loc[twins.index] = twins
    return keys
