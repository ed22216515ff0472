"""The doctor: what is wrong with the files of a dataset, how one sees it, and what to do."""
