"""Every figure of the paper: one function a figure, and the receipt of its numbers."""
