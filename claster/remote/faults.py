"""What can go wrong between a server and a file."""

from claster.errors import ClasterError

__all__ = [
    "NoAnswerError",
    "SetbackError",
    "StartOverError",
    "StoppedError",
    "TooSlowError",
    "UnreachableError",
]


class SetbackError(Exception):
    """A fault that may pass: the transfer is tried again, after `wait` seconds where that is given."""

    def __init__(self, reason: str, *, wait: float | None = None) -> None:
        self.reason = reason
        self.wait = wait
        super().__init__(reason)


class NoAnswerError(SetbackError):
    """There is no connection, or it ended before an answer."""


class TooSlowError(SetbackError):
    """Bytes arrive, but so slowly that another connection may be better."""


class StartOverError(Exception):
    """The server's answer does not fit the bytes that are here."""


class StoppedError(Exception):
    """The transfer was told to stop; what has arrived is kept."""


class UnreachableError(ClasterError):
    """The server has never answered.

    Parameters
    ----------
    host
        The server.
    reason
        What the last attempt met.
    """

    def __init__(self, host: str, *, reason: str) -> None:
        self.host = host
        self.reason = reason
        super().__init__(f"no answer from {host} ({reason})", remedy="check the network")
