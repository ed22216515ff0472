"""The dataset YAML, its source files, and the arrays and tables built from them."""
