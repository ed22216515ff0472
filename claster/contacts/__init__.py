"""Contact matrices in, contact maps of windows out."""
