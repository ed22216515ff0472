"""Which runs hold a model, and its weights as EIR's own programs read them."""

import shutil
from pathlib import Path

from claster.eir.runs import RunFolder, RunRecord, best_checkpoint, read_run
from claster.errors import ClasterError
from claster.quoting import pasteable

__all__ = ["program_checkpoint", "require_model"]


def require_model(run: RunFolder) -> RunRecord:
    """Return the record of a run that holds a model of EIR.

    Raises
    ------
    ClasterError
        If there is no run, it only holds predictions (of several runs, or of a fine-tuned model of the
        sequence), or it lacks a file of its configuration.
    """
    record = read_run(run.path)
    if record.members:
        raise ClasterError(
            f"{run.path} holds the predictions of several runs, no model",
            remedy=f"give its members: {pasteable(record.members)}",
        )
    if record.command[:3] == ("claster", "sequence", "finetune"):
        command = pasteable(["claster", "evaluate", run.path])
        raise ClasterError(
            f"{run.path} holds no model of EIR: its fine-tuning has predicted validation and test genes",
            remedy=f"run '{command}', with --split for the validation genes",
        )
    missing = [name for name in record.configurations if not (run.configurations / name).is_file()]
    if missing:
        raise ClasterError(
            f"{run.path} lacks {', '.join(missing)} in its folder {run.configurations.name!r}",
            remedy="bring it back from a copy of the run, or train again",
        )
    return record


def program_checkpoint(run: RunFolder, scratch: Path) -> Path:
    """Return a checkpoint of the best model that `eirpredict` and `eirserve` read.

    They read torch's format only, from a folder ``saved_models`` beside EIR's configurations. Exported
    weights are written so, and what EIR needs is copied beside them.

    Parameters
    ----------
    run
        A run, exported or not.
    scratch
        An empty folder for what is made of exported weights. It must stay while EIR starts.

    Raises
    ------
    ClasterError
        If there is no model, or its file is damaged.
    """
    if not run.exported_weights.is_file():
        return best_checkpoint(run)[0]
    import torch  # seconds

    from claster.eir.trained_network import read_weights

    shutil.copytree(run.eir, scratch, dirs_exist_ok=True)
    checkpoint = scratch / "saved_models" / "exported.pt"
    checkpoint.parent.mkdir()
    torch.save(read_weights(run.exported_weights), checkpoint)
    return checkpoint
