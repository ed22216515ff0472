"""Versions of what made a number, for manifests and run records."""

import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of `packages` ("not installed" where one is missing).

    Examples
    --------
    >>> versions(["no-such-package"])["no-such-package"]
    'not installed'
    """
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
