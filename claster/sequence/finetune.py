"""Fine-tuning of a sequence model together with a profile head, into a run folder like any other."""

import ctypes
import json
import os
import shutil
import signal
import sys
import time
from functools import partial
from typing import Any

from claster.dataset.embeddings import covered_bins
from claster.dataset.layout import DatasetFolders, read_ids
from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import narrowed
from claster.eir.machine import require_machine
from claster.eir.runs import RunFolder, RunRecord, now, read_run, run_path, write_run
from claster.errors import ClasterError
from claster.files import lock_folder, write_text
from claster.progress import SILENT, Progress
from claster.sequence.fit import fit, precision_on
from claster.sequence.models import find_model, find_weights
from claster.sequence.settings import FinetuneSettings, Tuning
from claster.sequence.windows import extract_windows
from claster.text import read_json
from claster.versions import versions

_PR_SET_PDEATHSIG = 1  # of Linux's prctl
_PACKAGES = ("claster", "torch", "lightning", "transformers", "enformer-pytorch", "borzoi-pytorch")


def finetune(
    spec: DatasetSpec,
    model_name: str,
    settings: FinetuneSettings | None = None,
    *,
    dataset_yaml: str,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> RunFolder:
    """Train a sequence model and a head on the sequences of a dataset, and predict with the best of it.

    The validation genes choose the model and end the training; test genes are predicted once, in the
    end. Targets have the scale of `target.transform`, standardised over the training samples, as
    CLASTER's. Both orientations are trained on, as samples of their own.

    Parameters
    ----------
    spec, model_name
        A built dataset with a `genome`, and the sequence model.
    settings, **keywords
        Lengths, rates, and where to compute: see `FinetuneSettings`. With `force` an earlier run gives way,
        with `resume` it resumes from its last epoch.
    dataset_yaml
        Name or path of the dataset's YAML, for the record.

    Returns
    -------
    RunFolder
        With predictions of the validation and the test split, `history.csv` and checkpoints.

    Raises
    ------
    ClasterError
        If the run exists or was started with other settings, weights or data are missing or damaged, or the
        loss is not finite.
    """
    asked = FinetuneSettings.of(settings, **keywords)
    folders = DatasetFolders.of(spec)
    folders.require_built()
    machine = require_machine(asked.device, devices=asked.devices, precision=asked.precision)
    model = find_model(model_name)
    files = find_weights(model, folder=asked.weights, revision=asked.revision)
    trunk = model.load(files.folder, trust_remote_code=asked.trust_remote_code)
    windows = extract_windows(spec, length=trunk.geometry.length, progress=progress)
    bins = covered_bins(trunk.geometry.bin * trunk.geometry.bins, spec.require_target().binning)
    spec = narrowed(spec, bins)
    own = run_path(spec.name, f"{model.name}_finetuned", tag=asked.tag)
    run = RunFolder(spec.project / own, spec.project)
    made_with = {
        "model": model.name,
        "weights": files.hashes,
        "geometry": vars(trunk.geometry),
        "bins": spec.require_target().bins,
        **asked.model_dump(include=set(Tuning.model_fields)),
    }
    train = partial(fit, run, spec, trunk, windows, asked, machine)
    if int(os.environ.get("LOCAL_RANK", "0")) > 0:  # Lightning started this for a further device
        _end_with_parent()
        train()
        return run
    if run.path.exists() and not _may_go_on(run, made_with, asked):
        progress.say(f"{run.path} is complete")
        return run
    with lock_folder(run.path.parent, name=f".{run.path.name}.lock"):
        write_text(run.path / "finetune.json", json.dumps(made_with, indent=2) + "\n")
        record = RunRecord(
            name=run.path.name,
            flavour=f"{model.name}_finetuned",
            dataset=dataset_yaml,
            dataset_name=spec.name,
            tag=asked.tag,
            seed=asked.seed,
            device=machine.device,
            devices=machine.devices,
            precision=precision_on(machine),
            status="running",
            command=("claster", "sequence", "finetune", dataset_yaml, "--model", model.name),
            environment={},
            versions=versions(_PACKAGES),
            configurations={},
            training_samples=len(read_ids(folders, "train")),
            validation_samples=len(read_ids(folders, "valid")),
            batch_size=asked.batch_size * asked.accumulate * machine.devices,
            steps=0,
            output="array",
            started=now(),
            trained_on=spec,
        )
        write_run(run, record)
        start = time.monotonic()
        try:
            changes = train(progress=progress)
        except BaseException as error:
            status = "failed" if isinstance(error, ClasterError) else "interrupted"
            ended = {"status": status, "ended": now(), "error": str(error)}
            write_run(run, record.model_copy(update=ended))
            raise
        done = {"status": "complete", "ended": now(), "seconds": round(time.monotonic() - start, 1)}
        write_run(run, record.model_copy(update=done | changes))
    return run


def _may_go_on(run: RunFolder, made_with: dict[str, Any], asked: FinetuneSettings) -> bool:
    """Make way for a training; False where it is complete already."""
    if asked.force:
        shutil.rmtree(run.path)
        return True
    if not asked.resume:
        raise ClasterError(
            f"{run.path} exists already",
            remedy="choose another --tag, pass --resume to resume it or --force to replace it",
        )
    begun = run.path / "finetune.json"
    there = read_json(begun) if begun.is_file() else {}
    wanted = json.loads(json.dumps(made_with))
    other = sorted(key for key in wanted if there.get(key) != wanted[key] and key != "epochs")
    if other:
        raise ClasterError(
            f"{run.path} was started with another {', '.join(other)}",
            remedy="resume it with its own settings, or pass --force to start again",
        )
    complete = read_run(run.path).status == "complete"
    return not complete or wanted["epochs"] > there["epochs"]


def _end_with_parent() -> None:
    """Have the kernel end this process once the one that started it is gone, SIGKILL included; on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
