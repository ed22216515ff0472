"""The one error that a user can act on."""

__all__ = ["ClasterError", "DamagedFileError", "one_line"]


class ClasterError(Exception):
    """What was found, where, and what to do about it.

    Every fault that a user can cause and mend ends in this error: the command line prints it as one
    line and exits with a status other than 0.

    Parameters
    ----------
    found
        What was found and where, as one sentence without a final full stop.
    remedy
        What to do, as one sentence without a final full stop.

    Examples
    --------
    >>> raise ClasterError("no file at ATAC.bw", remedy="check 'tracks' in toy.yaml")
    Traceback (most recent call last):
    ...
    claster.errors.ClasterError: no file at ATAC.bw: check 'tracks' in toy.yaml
    """

    def __init__(self, found: str, *, remedy: str) -> None:
        self.found = found
        self.remedy = remedy
        super().__init__(f"{found}: {remedy}")


class DamagedFileError(ClasterError):
    """A file whose data do not read at some place; elsewhere they may."""


def one_line(error: BaseException) -> str:
    r"""Return what another library's error says, on one line.

    Examples
    --------
    >>> one_line(ValueError("bad\n  value"))
    'bad value'
    """
    return " ".join(str(error).split())
