"""The public files of a dataset: planned, fetched so that they resume, verified, adopted."""
