"""Chromosomes, genes, elements, regions, sequences and windows."""
