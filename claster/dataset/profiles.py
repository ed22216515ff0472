"""Targets as arrays, one file a sample, for networks that predict a profile."""

from pathlib import Path

import numpy as np

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.files import atomic_folder, require_disk
from claster.progress import SILENT, Progress
from claster.text import read_table

__all__ = ["write_profiles"]


def write_profiles(
    spec: DatasetSpec,
    *,
    bins: int | None = None,
    project: Path | str = ".",
    progress: Progress = SILENT,
) -> None:
    """Write the targets of training and validation as arrays, unless they are there.

    The files are float32, (groups of columns, 1, bins), on the scale of `target.transform`, in
    ``DatasetFolders.profiles("train_valid", bins=bins)``, named as the samples.

    Parameters
    ----------
    spec
        A built dataset with a target.
    bins
        How many bins around the TSS; None: all.
    project
        The project's folder.
    progress
        Where to report to.

    Raises
    ------
    ClasterError
        If the disk is too small.
    """
    folders = DatasetFolders.of(spec, project=project)
    final = folders.profiles("train_valid", bins=bins).parent
    if final.is_dir():
        return
    target = spec.require_target()
    target = target.model_copy(update={"bins": bins or target.bins})
    table = read_table(folders.target_table("train"), index_col="ID")
    shape = (len(table), len(target.groups), 1, target.bins)
    profiles = table[target.columns].to_numpy(np.float32).reshape(shape)
    require_disk(folders.targets, needed=profiles.nbytes, named="targets as arrays")
    with atomic_folder(final) as folder, progress.step("write profiles", len(table)) as step:
        part = folder / "train_valid"
        part.mkdir()
        for sample, profile in zip(table.index, profiles, strict=True):
            np.save(part / f"{sample}.npy", profile, allow_pickle=False)
            step.advance()
