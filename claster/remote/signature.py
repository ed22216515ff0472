"""What a file of each format starts and ends with, so that an error page never becomes data."""

from typing import Literal

__all__ = ["FileFormat"]

FileFormat = Literal["bigwig", "cooler", "gtf", "bed", "table", "fasta"]
