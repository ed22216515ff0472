"""The public files of a dataset: planned, fetched, verified, adopted."""
