"""The annotation of a toy genome and the tables of its truth, written into its folder."""

from pathlib import Path

import pandas as pd

from claster.simulation import truth
from claster.simulation.annotation import CCRE_COLUMNS, accessions, registry, write_gtf
from claster.simulation.chromosome import Chromosome
from claster.simulation.streams import Purpose, stream


def write_tables(folder: Path, planted: list[Chromosome], *, seed: int) -> None:
    """Write chrom.sizes, blacklist.bed, genes.gtf.gz, ccres.tsv, truth/genes.tsv, elements.tsv.

    Parameters
    ----------
    folder
        The folder of the toy genome.
    planted
        Its chromosomes in order.
    seed
        The user's seed.
    """
    (folder / "chrom.sizes").write_text(
        "".join(f"{c.name}\t{c.size}\n" for c in planted), encoding="ascii"
    )
    pd.concat([c.blacklist for c in planted]).assign(name="High Signal Region").to_csv(
        folder / "blacklist.bed", sep="\t", header=False, index=False
    )
    genes = pd.concat([c.genes for c in planted], ignore_index=True)
    write_gtf(folder / "genes.gtf.gz", genes, stream(seed, Purpose.TRANSCRIPTS))
    ccres = _registry(planted, seed=seed)
    ccres[list(CCRE_COLUMNS)].to_csv(folder / "ccres.tsv", sep="\t", index=False)

    (folder / "truth").mkdir()
    truth.gene_table(genes).to_csv(
        folder / "truth" / "genes.tsv", sep="\t", index=False, float_format="%.8g"
    )
    tables = []
    for c in planted:
        listed = ccres[(ccres["chr"] == c.name) & (ccres["element"] >= 0)]
        ids = listed.set_index("element")["cCRE_accession"].sort_index().to_numpy()
        tables.append(truth.element_table(c.genes, c.elements.assign(element_id=ids), c.links))
    pd.concat(tables, ignore_index=True).to_csv(
        folder / "truth" / "elements.tsv", sep="\t", index=False, float_format="%.8g"
    )


def _registry(planted: list[Chromosome], *, seed: int) -> pd.DataFrame:
    ccres = pd.concat(
        [
            registry(
                stream(seed, Purpose.REGISTRY, c.number),
                chrom=c.name,
                size=c.size,
                genes=c.genes,
                elements=c.elements,
                ctcf=c.ctcf,
            )
            for c in planted
        ],
        ignore_index=True,
    )
    ccres["rDHS_accession"] = accessions(len(ccres), prefix="EM10D")
    ccres["cCRE_accession"] = accessions(len(ccres), prefix="EM10E")
    return ccres
