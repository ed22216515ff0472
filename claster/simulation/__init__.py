"""A toy genome with planted rules, written as real bigWig, mcool, GTF, BED and FASTA files."""

from claster.simulation.genome import (
    GenomeSettings,
    ToyGenome,
    ensure_genome,
    simulate_genome,
)

__all__ = [
    "GenomeSettings",
    "ToyGenome",
    "ensure_genome",
    "simulate_genome",
]
