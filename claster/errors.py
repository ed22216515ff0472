"""The one error that a user can act on, and what the operating system's errors mean."""

import errno
import os
import re
from collections.abc import Iterable
from difflib import get_close_matches

_MOST_NAMED = 20

_SYSTEM = {
    errno.EACCES: ("no permission", "ask for the right to use it (ls -l shows whose it is)"),
    errno.EPERM: ("no permission", "ask for the right to use it (ls -l shows whose it is)"),
    errno.ENOENT: ("no such file or folder", "check the path"),
    errno.EEXIST: ("a file of that name is there already", "choose another name"),
    errno.EISDIR: ("a folder, not a file", "name the file in it"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "check the path"),
    errno.ELOOP: ("links that lead back to themselves", "repair the link"),
    errno.ENAMETOOLONG: ("a name that is too long for the disk", "choose a shorter one"),
    errno.EMFILE: ("too many open files", "raise the limit (ulimit -n 4096) or use fewer workers"),
    errno.ENFILE: ("too many open files on this machine", "wait, or close other programs"),
    errno.EIO: ("the disk has an input or output error", "copy the file again or use another disk"),
    errno.ESTALE: ("the network disk has lost the file", "mount the disk again, then run again"),
    errno.ENOSPC: ("the disk is full", "free disk space or choose another folder"),
    errno.EDQUOT: ("the disk quota is used up", "free disk space or choose another folder"),
    errno.EROFS: ("a disk that can only be read", "choose a folder on another disk"),
    errno.ENOMEM: ("no memory is left", "close other programs or use fewer workers"),
}

_CUT_SHORT = re.compile(r"\d+ requested and \d+ written")


_OPTION = re.compile(r"(?<!\w)'[^']*'|\bclaster [a-z]+ .*|--([a-z][a-z-]*)")
"""An option; before that quoted text and whole commands, in which options are none of Python's."""

_ARGUMENTS = {
    "baseline": "'baselines'",
    "bigwig": "'tracks'",
    "factor": "'factors'",
    "flavour": "'flavours'",
    "force": "force=True",
    "from": "'pretrained'",
    "no-average": "average=False",
    "no-memory": "memory=False",
    "resume": "resume=True",
    "shift": "'shifts'",
    "track": "'tracks'",
    "trust-remote-code": "trust_remote_code=True",
}
"""Options that are called otherwise in Python, or are given there with a value."""


def _argument(found: re.Match[str]) -> str:
    option = found[1]
    return _ARGUMENTS.get(option, f"'{option.replace('-', '_')}'") if option else found[0]


class ClasterError(Exception):
    """What was found, where, and what to do about it, a sentence each without a final full stop.

    Every fault that a user can cause and correct ends in this error: the command line prints it as one
    line and exits with a status other than 0. Options are written as there; in Python they are arguments.

    Examples
    --------
    >>> raise ClasterError("no file at ATAC.bw", remedy="check 'tracks' in toy.yaml")
    Traceback (most recent call last):
    ...
    claster.errors.ClasterError: no file at ATAC.bw: check 'tracks' in toy.yaml
    >>> raise ClasterError("run 'a' exists", remedy="choose another --tag, or pass --force to replace it")
    Traceback (most recent call last):
    ...
    claster.errors.ClasterError: run 'a' exists: choose another 'tag', or pass force=True to replace it
    """

    def __init__(self, found: str, *, remedy: str) -> None:
        self.found = found
        self.remedy = remedy
        super().__init__(f"{found}: {remedy}")

    @property
    def line(self) -> str:
        """The message as the command line prints it."""
        return f"{self.found}: {self.remedy}"

    def __str__(self) -> str:
        """Return the message for Python, where options are arguments; commands stay as they are."""
        return _OPTION.sub(_argument, self.line)


class DamagedFileError(ClasterError):
    """A file whose data cannot be read at some place; elsewhere they may."""


def damaged(place: str, what: str) -> DamagedFileError:
    """Return the error of a file, called `place`, that does not hold what its format says."""
    return DamagedFileError(f"{place} is damaged: {what}", remedy="download or make the file again")


class NothingHereError(ClasterError):
    """A whole file that holds nothing to use on one chromosome; on others it may.

    `reason` is why genes there are dropped, a key of `claster.dataset.selection.DROP_REASONS`.
    """

    def __init__(self, found: str, *, remedy: str, reason: str) -> None:
        self.reason = reason
        super().__init__(found, remedy=remedy)


def choose_among(word: str, known: Iterable[str]) -> str:
    """Return the remedy for a word that names nothing: what is spelled like it, and what there is.

    Examples
    --------
    >>> choose_among("atac", ["ATAC", "H3K27ac"])
    "did you mean 'ATAC'? choose among ATAC, H3K27ac"
    >>> choose_among("lincrna", ["protein_coding", "lncRNA"])
    "did you mean 'lncRNA'? choose among protein_coding, lncRNA"
    >>> choose_among("Sox22", [f"Sox{number}" for number in range(30, 200)])
    "did you mean 'Sox122'?"
    >>> choose_among("chr9", [])
    'leave it out: there is none'
    """
    names = list(dict.fromkeys(known))
    if not names:
        return "leave it out: there is none"
    folded = {name.casefold(): name for name in reversed(names)}
    close = get_close_matches(word.casefold(), folded, n=1)
    hint = [f"did you mean {folded[close[0]]!r}?"] if close else []
    if len(names) > 5 * _MOST_NAMED:
        return hint[0] if hint else "check its spelling"
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return " ".join([*hint, f"choose among {', '.join(names[:_MOST_NAMED])}{more}"])


def one_line(error: BaseException) -> str:
    r"""Return what another library's error says, on one line.

    Examples
    --------
    >>> one_line(ValueError("bad\n  value"))
    'bad value'
    """
    return " ".join(str(error).split())


def os_errno(error: OSError) -> int | None:
    """Return the operating system's number of an error, None where another library made it up.

    NumPy raises one without number where an array does not fit on the disk.

    Examples
    --------
    >>> os_errno(OSError("4096 requested and 512 written")) == errno.ENOSPC
    True
    """
    return errno.ENOSPC if _CUT_SHORT.fullmatch(str(error)) else error.errno


def os_fault(error: OSError, *, named: str = "") -> ClasterError:
    """Return what an error of the operating system says about a file, with what to do.

    A file that does not open has said nothing about its content, so nobody may call it damaged or of
    another kind.

    Parameters
    ----------
    error
        The error; its path is part of the message.
    named
        What the user calls the file ("track ATAC"), for the message.

    Examples
    --------
    >>> print(os_fault(PermissionError(errno.EACCES, "", "ATAC.bw"), named="track ATAC").found)
    track ATAC: no permission: ATAC.bw
    """
    number = os_errno(error)
    unknown = os.strerror(number) if number else one_line(error) or type(error).__name__
    found, remedy = _SYSTEM.get(number or 0, (unknown, "check the file and the disk that it is on"))
    parts = [named, found, str(error.filename or "")]
    return ClasterError(": ".join(part for part in parts if part), remedy=remedy)
