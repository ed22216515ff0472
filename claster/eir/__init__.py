"""EIR: flavours and their YAML, checks before a run, training, prediction, run folders."""
