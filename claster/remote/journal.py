"""What is known about a file on its way: whose bytes they are, and how many are safe."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from claster.remote.disk import replace_text
from claster.remote.patience import date_of

__all__ = ["Journal", "read_journal", "write_journal"]

_SURELY_OLD = timedelta(seconds=60)


class Journal(BaseModel):
    """The record beside a partial file (format version 1).

    `etag`, `last_modified` and `date` are the server's headers, `total` the length of the whole file in
    bytes where the server told it, `flushed` how many bytes from the start a power cut cannot take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    url: str
    etag: str | None = None
    last_modified: str | None = None
    date: str | None = None
    total: int | None = Field(default=None, ge=0)
    flushed: int = Field(default=0, ge=0)

    @property
    def validator(self) -> str | None:
        """What ``If-Range`` may carry to ask for the rest of this very file, or None.

        RFC 9110, 13.1.5: a strong entity tag; a date only where there is no entity tag at all and the
        file was at least a minute old when it was sent (8.8.2.2).
        """
        if self.etag is not None:
            return self.etag if self.etag.startswith('"') else None
        modified, sent = date_of(self.last_modified), date_of(self.date)
        if modified is None or sent is None or sent - modified < _SURELY_OLD:
            return None
        return self.last_modified

    def is_same_file(self, other: "Journal") -> bool:
        """Whether headers of another answer contradict this being the same file."""
        if None not in (self.total, other.total) and self.total != other.total:
            return False
        if self.etag is not None and other.etag is not None:
            return self.etag == other.etag
        if self.last_modified is not None and other.last_modified is not None:
            return self.last_modified == other.last_modified
        return True


def read_journal(path: Path) -> Journal | None:
    """Return the journal at `path`, or None where there is none that reads."""
    try:
        return Journal.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_journal(path: Path, journal: Journal) -> None:
    """Write a journal whole or not at all."""
    replace_text(path, journal.model_dump_json(indent=1) + "\n")
