"""One command at a time that writes to a data folder."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from claster.errors import ClasterError

__all__ = ["lock_folder"]

_LOCK = ".downloads.lock"
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold a data folder while files are downloaded or adopted into it.

    The lock goes with the process, however that ends. On file systems that have no locks (some
    clusters') there is none.

    Parameters
    ----------
    folder
        The data folder; it is made when missing.

    Raises
    ------
    ClasterError
        If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
            raise ClasterError(
                f"another command is writing to {folder}" + (f" ({holder})" if holder else ""),
                remedy="wait until it has ended",
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
