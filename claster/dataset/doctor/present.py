"""Which files of a dataset are there, whole, and of the right kind."""

import filecmp
from collections.abc import Sequence

from claster.contacts.hic import is_hic
from claster.dataset.doctor.findings import Finding, as_fault, count_of, listed
from claster.dataset.inventory import Source, require_source
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.formats import FileFormat, is_gzip, require_whole

_FORMATS: dict[str, FileFormat] = {
    "genes": "table",
    "chromosome sizes": "table",
    "contacts": "cooler",
    "target table": "table",
    "elements": "table",
    "blacklist": "bed",
    "genome": "fasta",
}


def check_data_folder(spec: DatasetSpec, sources: Sequence[Source]) -> Finding | None:
    """Tell that the folder of the source files is missing. Check ``present``."""
    if spec.data_folder.is_dir():
        return None
    try:
        require_source(spec, sources[0])
    except ClasterError as error:
        remedy = error.remedy
    names = listed((source.file for source in sources), 3)
    evidence = (
        f"no folder {spec.data_folder}; {count_of(len(sources), 'file')} should be in it ({names})"
    )
    return Finding("data folder", str(spec.data_folder), "present", "fault", evidence, remedy)


def check_present(spec: DatasetSpec, source: Source) -> Finding | None:
    """Tell that a file is missing, not whole, or something else. Checks ``present`` and ``kind``."""
    file = str(source.path)
    try:
        require_source(spec, source)
    except ClasterError as error:
        place = spec.place(*source.location)
        seen = error.found.removeprefix(f"{place}: {source.label}: ")
        return Finding(source.label, file, "present", "fault", f"{seen} ({place})", error.remedy)
    try:
        gzipped = is_gzip(source.path)
        format = _FORMATS.get(source.label, "bigwig")
        if source.label == "contacts" and is_hic(source.path):
            format = "hic"
        require_whole(
            source.path,
            format=format,
            named=source.file,
            gzipped=gzipped and format not in ("bigwig", "cooler", "hic"),
        )
    except ClasterError as error:
        return as_fault(error, item=source.label, file=file, check="kind")
    return None


def check_twins(sources: Sequence[Source]) -> list[Finding]:
    """Tell of signal files that are named twice, or hold the same bytes. Check ``twins``."""
    results = []
    alike: dict[int, list[Source]] = {}
    for source in sources:
        if source.label.partition(" ")[0] not in ("track", "target"):
            continue
        others = alike.setdefault(source.path.stat().st_size, [])
        for other in others:
            same = source.path.samefile(other.path)
            if same or filecmp.cmp(source.path, other.path, shallow=False):
                kind = "the same file as" if same else "byte for byte the file of"
                results.append(
                    Finding(
                        source.label,
                        str(source.path),
                        "twins",
                        "warning",
                        f"{kind} {other.label}",
                        "give each its own file",
                    )
                )
                break
        others.append(source)
    return results
