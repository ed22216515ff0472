"""Effects of a run against CRISPR interference screens."""
