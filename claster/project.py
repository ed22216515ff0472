"""Where the project is."""

import os
from pathlib import Path

from claster.errors import ClasterError

__all__ = ["enter_project"]


def enter_project(start: Path | str = ".") -> Path:
    """Make the project's folder the working directory, as every command expects; for notebooks.

    Parameters
    ----------
    start
        The project's folder or any folder inside it.

    Returns
    -------
    pathlib.Path
        The project's folder: the nearest one upwards that holds `configurations/datasets`.

    Raises
    ------
    ClasterError
        If there is none.
    """
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / "configurations" / "datasets").is_dir():
            os.chdir(folder)
            return folder
    raise ClasterError(
        f"no project at or above {here}",
        remedy="start in the project's folder or in its scripts folder",
    )
