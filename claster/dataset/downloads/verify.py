"""Whether a file is the one that the dataset's YAML, or an earlier download, tells of."""

from dataclasses import dataclass
from pathlib import Path

from claster.dataset.downloads.receipts import Receipts
from claster.dataset.parts import DownloadSpec
from claster.errors import ClasterError
from claster.files import sha256
from claster.formats import check_whole

__all__ = ["Known", "is_settled", "known_about", "verify_file"]


@dataclass(frozen=True)
class Known:
    """Size in bytes and SHA-256 of a file where they are known, who says so, and what to do otherwise."""

    size: int | None
    sha256: str | None
    known_from: str
    remedy: str


def known_about(download: DownloadSpec, receipts: Receipts) -> Known:
    """Return what the YAML says about a file, or else what its receipt says (trust on first use)."""
    receipt = receipts.find(download.file)
    if download.sha256 is not None or receipt is None:
        return Known(
            download.size,
            download.sha256,
            "the dataset's YAML",
            f"get the file that the YAML means, or mend the entry {download.name!r} of its 'downloads'",
        )
    return Known(
        download.size or receipt.size,
        receipt.sha256,
        f"the receipt of {receipt.when:%Y-%m-%d} in {receipts.path}",
        f"restore the earlier file, or remove the entry {download.file!r} from that receipt file to accept "
        "another one",
    )


def is_settled(download: DownloadSpec, path: Path, receipts: Receipts) -> bool:
    """Whether a file is there as it was verified, by size and time, and the YAML says nothing else."""
    receipt = receipts.find(download.file)
    return (
        receipt is not None
        and receipt.matches(path)
        and download.sha256 in (None, receipt.sha256)
        and download.size in (None, receipt.size)
    )


def verify_file(path: Path, download: DownloadSpec, receipts: Receipts) -> str:
    """Read a whole file and return its SHA-256, if it is the one that is known.

    Parameters
    ----------
    path
        The file, which need not be where the dataset looks for it.
    download
        What the YAML says.
    receipts
        Of the data folder.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ClasterError
        If size, first or last bytes, or SHA-256 are others.
    """
    known = known_about(download, receipts)
    size = path.stat().st_size
    if known.size not in (None, size):
        raise ClasterError(
            f"{download.name}: {path} has {size} bytes where {known.known_from} says {known.size}",
            remedy=known.remedy,
        )
    check_whole(
        path,
        format=download.format,
        named=f"{download.name} ({path})",
        gzipped=download.file.endswith(".gz"),
        deep=known.sha256 is None,
    )
    found = sha256(path)
    if known.sha256 not in (None, found):
        raise ClasterError(
            f"{download.name}: {path} has SHA-256 {found} where {known.known_from} says {known.sha256}",
            remedy=known.remedy,
        )
    return found
