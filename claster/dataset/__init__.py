"""The dataset YAML, its source files, the genes chosen, and the arrays and tables built from them."""
