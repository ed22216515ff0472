"""Words of users, files and servers, put into the language of another program: one function each."""

import os
import shlex
import unicodedata
from collections.abc import Iterable, Mapping


def printable(text: str) -> str:
    r"""Return text for a terminal or a log: what is not to be seen, or steers the terminal, written out.

    Line ends and tabs stay; escape sequences, carriage returns, backspaces and marks that turn the direction
    of writing do not.

    Examples
    --------
    >>> printable("a\x1b[31mred\r b\u202ec\n")
    'a\\u001b[31mred\\u000d b\\u202ec\n'
    """
    return text if text.isascii() and text.isprintable() else text.translate(_SEEN)


def pasteable(
    command: Iterable[str | os.PathLike[str]], variables: Mapping[str, str] | None = None
) -> str:
    """Return a command line that a shell understands.

    Examples
    --------
    >>> pasteable(["eirtrain", "--global_configs", "a b.yaml"], {"EIR_SEED": "1"})
    "EIR_SEED=1 eirtrain --global_configs 'a b.yaml'"
    """
    settings = [f"{name}={shlex.quote(value)}" for name, value in (variables or {}).items()]
    return " ".join([*settings, shlex.join(os.fspath(word) for word in command)])


class _Seen(dict[int, str]):
    """What stands for each character: itself, or its number where it is a control or a format mark."""

    def __missing__(self, code: int) -> str:
        category = unicodedata.category(chr(code))
        is_unseen = category.startswith("C") or category in ("Zl", "Zp")
        written = f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
        self[code] = written if is_unseen else chr(code)
        return self[code]


_SEEN = _Seen({ord("\n"): "\n", ord("\t"): "\t"})
