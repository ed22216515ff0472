"""DNA sequence around each TSS, what sequence models make of it, and their training."""
