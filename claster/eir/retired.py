"""An earlier run of the same name: out of the way while another is trained, back if that fails."""

import glob
import shutil
import tempfile
from pathlib import Path

from claster.eir.runs import RunFolder, read_run

__all__ = ["bring_back", "forget_earlier", "set_aside"]


def set_aside(run: RunFolder) -> Path | None:
    """Move an existing run into a hidden folder beside it; return where it is now.

    Where a training was killed, which can bring nothing back, the run before it is still hidden: it takes
    its name back first, so that a run that is complete only gives way to another one that is.
    """
    for earlier in _hidden(run):
        if not run.path.exists():
            earlier.replace(run.path)
            earlier.parent.rmdir()
        elif run.record.is_file() and read_run(run.path).status == "complete":
            shutil.rmtree(earlier.parent)
        else:
            bring_back(run, earlier)
    if not run.path.exists():
        return None
    hidden = Path(tempfile.mkdtemp(prefix=f".{run.path.name}.old-", dir=run.path.parent))
    return run.path.replace(hidden / run.path.name)


def forget_earlier(run: RunFolder) -> None:
    """Remove what was set aside for a run that is complete now."""
    for earlier in _hidden(run):
        shutil.rmtree(earlier.parent)


def bring_back(run: RunFolder, retired: Path) -> RunFolder:
    """Put the earlier run back; return where the failed one is kept."""
    kept = RunFolder(run.path.with_name(f"{run.path.name}.failed"))
    if kept.path.exists():
        shutil.rmtree(kept.path)
    run.path.replace(kept.path)
    retired.replace(run.path)
    retired.parent.rmdir()
    return kept


def _hidden(run: RunFolder) -> list[Path]:
    name = glob.escape(run.path.name)
    return sorted(run.path.parent.glob(f".{name}.old-*/{name}"))
