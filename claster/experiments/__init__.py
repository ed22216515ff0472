"""Experiments: small YAMLs that change a dataset or choose a flavour, and what runs them."""
