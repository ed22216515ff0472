"""What must be true before EIR starts, because EIR keeps training through most faults.

EIR 0.25 fills a missing array with Gaussian noise, leaves out samples without a target, trains on
NaN, and names no file when shapes differ. Each fault ends here in one `ClasterError`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from claster.dataset.layout import DatasetFolders, read_ids
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import View
from claster.eir.arrays import central_bins, input_views, predicted_part, write_arrays
from claster.eir.parts import Flavour, SampleCounts
from claster.errors import ClasterError, one_line
from claster.progress import SILENT, Progress
from claster.settings import Split
from claster.text import read_table


def _array_fault(path: Path, expected: tuple[int, ...]) -> str | None:
    """Return what is wrong with an array file, None if nothing is.

    Its values are read only if its header is right.
    """
    with path.open("rb") as handle:
        try:
            shape, fortran, dtype = _read_header(handle)
        except (ValueError, EOFError, SyntaxError) as error:
            return f"is not an array file or is damaged ({one_line(error)})"
        if dtype.kind != "f":
            return f"holds {dtype} and not floating-point numbers"
        if shape != expected:
            return f"has shape {shape} where {expected} is expected"
        size = int(np.prod(shape))
        values = np.fromfile(handle, dtype=dtype, count=size)
    if values.size < size:
        return f"is cut off: {values.size} of {size} values"
    # One sum over the array costs a tenth of `isfinite`; NaN and infinities survive it.
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum(dtype=np.float64)
    if np.isfinite(total):
        return None
    faulty = np.flatnonzero(~np.isfinite(values))
    if not faulty.size:
        return None
    first = np.unravel_index(faulty[0], shape, order="F" if fortran else "C")
    where = tuple(int(index) for index in first)
    return f"holds {_values(faulty.size)} not finite, the first at {where}"


def _read_header(handle: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(handle)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(handle)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(handle)
    raise ValueError(f"array file version {version[0]}.{version[1]}")


_EXAMPLES = 3


def prepare_training(
    flavour: Flavour,
    spec: DatasetSpec,
    *,
    progress: Progress = SILENT,
) -> SampleCounts:
    """Write what a flavour reads beside a dataset's arrays, and return how many samples it has.

    Refused is a dataset on which EIR would fail or, worse, train on: samples differ between arrays, targets
    and ID files; an array or target is damaged, of another shape, or not finite; the dataset lacks what the
    flavour needs; or there are too few samples for any batch.
    """
    folders = DatasetFolders.of(spec)
    counts = sample_counts(folders)
    ids = _ids(folders, "train") + _ids(folders, "valid")
    _refuse(_repeated(ids, f"{folders.ids('train')} and {folders.ids('valid')}"), spec.name)
    _refuse(_target_fault(spec, folders.target_table("train"), ids), spec.name)
    write_arrays(flavour, spec, progress=progress)
    for view in input_views(flavour, spec).values():
        folder = folders.arrays(view.folder, "train_valid")
        _require_arrays(spec, folder, view.shape(spec), ids, progress=progress)
    if flavour.output.output_type == "array":
        target = predicted_part(flavour, spec).require_target()
        folder = folders.profiles("train_valid", bins=central_bins(flavour, spec))
        shape = (len(target.groups), 1, target.bins)
        _require_arrays(spec, folder, shape, ids, progress=progress)
    return counts


def require_predictable(
    views: Iterable[View],
    spec: DatasetSpec,
    split: Split,
    *,
    progress: Progress = SILENT,
) -> list[str]:
    """Return the sample names of a split, in file order; refuse one that EIR would predict wrongly.

    That is where samples differ between the arrays and the ID file, or an array is damaged, of another shape,
    or not finite.
    """
    folders = DatasetFolders.of(spec)
    ids = _ids(folders, split)
    _refuse(_repeated(ids, str(folders.ids(split))), spec.name)
    for view in views:
        folder = folders.arrays(view.folder, split)
        _require_arrays(spec, folder, view.shape(spec), ids, progress=progress)
    return ids


def sample_counts(folders: DatasetFolders) -> SampleCounts:
    """Return how many samples there are to train and to validate on.

    EIR needs a batch, so 2, of either.
    """
    counts = SampleCounts(train=len(_ids(folders, "train")), valid=len(_ids(folders, "valid")))
    for split, count in (("train", counts.train), ("valid", counts.valid)):
        if count < 2:
            raise ClasterError(
                f"{folders.ids(split)} names {count} samples and EIR needs at least 2",
                remedy=f"correct 'splits' in the YAML of dataset {folders.name!r} and build it again",
            )
    return counts


def _target_fault(spec: DatasetSpec, table: Path, ids: Sequence[str]) -> str | None:
    """Return what is wrong with a target table, None if it holds one finite row for each sample."""
    columns = spec.require_target().columns
    if not table.is_file():
        return f"no target table at {table}"
    rows = read_table(table, remedy=_rebuild(spec.name), low_memory=False)
    if fault := _difference(["ID", *columns], rows.columns, "column", "the dataset's YAML"):
        return f"{table} {fault}"
    doubled = rows["ID"][rows["ID"].duplicated()]
    if len(doubled):
        return f"{table} holds {_count(doubled, 'sample')} more than once"
    if fault := _difference(ids, rows["ID"], "sample", "the ID files"):
        return f"{table} {fault}"
    values = rows[columns].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    faulty = np.argwhere(~np.isfinite(values))
    if not len(faulty):
        return None
    row, column = faulty[0]
    found = rows[columns[column]].iloc[row]
    return (
        f"{table} holds {_values(len(faulty))} not finite, the first "
        f"({found}) at sample {rows['ID'].iloc[row]}, column {columns[column]}"
    )


def _require_arrays(
    spec: DatasetSpec,
    folder: Path,
    shape: tuple[int, ...],
    ids: Sequence[str],
    *,
    progress: Progress = SILENT,
) -> None:
    """Refuse a folder of arrays unless it holds one whole, finite array for each sample."""
    if not folder.is_dir():
        _refuse(f"no folder of arrays at {folder}", spec.name)
    paths = sorted(folder.iterdir())
    strange = [path.name for path in paths if path.suffix != ".npy" or not path.is_file()]
    if strange:
        kind = "is not an array file" if len(strange) == 1 else "are not array files"
        raise ClasterError(
            f"{folder} holds {_count(strange, 'entry')} that {kind}",
            remedy="remove what does not belong there, or build the dataset again with --force",
        )
    if fault := _difference(ids, [path.stem for path in paths], "array", "the ID files"):
        _refuse(f"{folder} {fault}", spec.name)
    with progress.step(f"check {folder.parent.name}", len(paths)) as step:
        for path in paths:
            if fault := _array_fault(path, shape):
                _refuse(f"{path} {fault}", spec.name)
            step.advance()


def _ids(folders: DatasetFolders, split: Split) -> list[str]:
    path = folders.ids(split)
    if not path.is_file():
        _refuse(f"no list of samples at {path}", folders.name)
    ids = read_ids(folders, split)
    if not ids:
        raise ClasterError(
            f"{path} names no sample",
            remedy=f"correct 'splits' in the YAML of dataset {folders.name!r} and build it again",
        )
    return ids


def _repeated(ids: Sequence[str], where: str) -> str | None:
    doubled = [name for name, count in Counter(ids).items() if count > 1]
    return f"{_count(doubled, 'sample')} named more than once in {where}" if doubled else None


def _difference(
    expected: Iterable[str], found: Iterable[str], kind: str, against: str
) -> str | None:
    expected, found = list(expected), list(found)
    known, present = set(expected), set(found)
    parts = []
    if missing := [name for name in expected if name not in present]:
        parts.append(f"lacks {_count(missing, kind)}")
    if extra := [name for name in found if name not in known]:
        parts.append(f"holds {_count(extra, kind)} not in {against}")
    return " and ".join(parts) or None


def _count(names: Iterable[str], kind: str) -> str:
    """Return ``3 samples (a, b, c)``, with a few examples only."""
    names = list(names)
    examples = ", ".join(names[:_EXAMPLES]) + (", ..." if len(names) > _EXAMPLES else "")
    plural = kind.removesuffix("y") + "ies" if kind.endswith("y") else f"{kind}s"
    return f"{len(names)} {kind if len(names) == 1 else plural} ({examples})"


def _values(count: int) -> str:
    return f"{count} value{'' if count == 1 else 's'}"


def _rebuild(dataset: str) -> str:
    return f"build the dataset again with 'claster data build {dataset} --force'"


def _refuse(fault: str | None, dataset: str) -> None:
    if fault:
        raise ClasterError(fault, remedy=_rebuild(dataset))
