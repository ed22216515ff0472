"""Chromosomes, genes, regions, windows and splits."""
