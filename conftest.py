"""Examples in docstrings are tests as well."""

from pathlib import Path

PACKAGE = Path(__file__).parent / "claster"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Pass over modules without an example: to look for one imports PyTorch and Lightning.

    A package is collected before its modules, or pytest puts a module in the place of a function of its name.
    """
    if (
        collection_path.suffix == ".py"
        and collection_path.name != "__init__.py"
        and collection_path.is_relative_to(PACKAGE)
        and ">>>" not in collection_path.read_text(encoding="utf-8")
    ):
        return True
    return None
