"""Scores of enhancer-gene links: activity by contact, and a model trained on CRISPR interference."""
