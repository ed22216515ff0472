"""An earlier run of the same name: out of the way while another is trained, back if that fails."""

import shutil
import tempfile
from pathlib import Path

from claster.eir.runs import RunFolder

__all__ = ["bring_back", "set_aside"]


def set_aside(run: RunFolder) -> Path | None:
    """Move an existing run into a hidden folder beside it; return where it is now."""
    if not run.path.exists():
        return None
    hidden = Path(tempfile.mkdtemp(prefix=f".{run.path.name}.old-", dir=run.path.parent))
    return run.path.replace(hidden / run.path.name)


def bring_back(run: RunFolder, retired: Path) -> RunFolder:
    """Put the earlier run back; return where the failed one is kept."""
    kept = RunFolder(run.path.with_name(f"{run.path.name}.failed"))
    if kept.path.exists():
        shutil.rmtree(kept.path)
    run.path.replace(kept.path)
    retired.replace(run.path)
    retired.parent.rmdir()
    return kept
