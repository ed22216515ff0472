"""Keep the exact versions in pyproject.toml equal to what uv resolves.

Without an argument, compare the list with uv.lock and name each difference; with `--renew`, resolve
anew with the newest versions that `project.dependencies` and the extras admit, and write the list.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"
LOCK = ROOT / "uv.lock"
PIN_LIST = re.compile(r"^constraint-dependencies = \[.*?\]$", flags=re.MULTILINE | re.DOTALL)


def resolved() -> set[str]:
    packages = tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]
    return {
        f"{package['name']}=={package['version']}"
        for package in packages
        if "editable" not in package["source"]
    }


def pinned() -> set[str]:
    settings = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["uv"]
    return set(settings["constraint-dependencies"])


def with_pins(text: str, pins: set[str]) -> str:
    lines = "".join(f'    "{pin}",\n' for pin in sorted(pins))
    return PIN_LIST.sub(f"constraint-dependencies = [\n{lines}]", text)


def renew() -> None:
    before = PROJECT.read_text(encoding="utf-8")
    PROJECT.write_text(with_pins(before, set()), encoding="utf-8")
    try:
        subprocess.run([os.environ.get("UV", "uv"), "lock", "--upgrade"], cwd=ROOT, check=True)
    except subprocess.CalledProcessError:
        PROJECT.write_text(before, encoding="utf-8")
        raise
    PROJECT.write_text(with_pins(before, resolved()), encoding="utf-8")


def differences() -> list[str]:
    unpinned = [f"installed but not pinned: {pin}" for pin in sorted(resolved() - pinned())]
    unused = [f"pinned but not needed: {pin}" for pin in sorted(pinned() - resolved())]
    return unpinned + unused


def main(arguments: list[str]) -> int:
    if arguments == ["--renew"]:
        renew()
    found = differences()
    for line in found:
        print(line)
    if found:
        print("run 'make pins'")
        return 1
    print(f"{len(pinned())} packages, each pinned to one version")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
