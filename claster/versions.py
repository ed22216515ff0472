"""Versions of what made a number, for manifests and run records."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

__all__ = ["versions"]


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of `packages` ("not installed" where one is missing).

    Examples
    --------
    >>> versions(["no-such-package"])["no-such-package"]
    'not installed'
    """
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
