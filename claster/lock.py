"""One command at a time that writes to a folder."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from claster.errors import ClasterError

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}


@contextmanager
def lock_folder(folder: Path, *, name: str) -> Iterator[None]:
    """Hold a folder while a command writes to it.

    The lock goes with the process, however that ends. On file systems that have no locks (some
    clusters') there is none.

    Parameters
    ----------
    folder
        The folder; it is made when missing.
    name
        Name of the hidden lock file in it; it is removed at the end.

    Raises
    ------
    ClasterError
        If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    descriptor = _locked(path)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path) -> int:
    """Open and lock the file at `path`; once more where another command has just removed it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
            os.close(descriptor)
            raise ClasterError(
                f"another command is writing to {path.parent}" + (f" ({holder})" if holder else ""),
                remedy="wait until it has ended",
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise
        if path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor)):
            return descriptor
        os.close(descriptor)
