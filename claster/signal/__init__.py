"""bigWig files in, landscapes and target profiles out."""
