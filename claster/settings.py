"""What records and settings share: known fields that do not change; what to write instead of others."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from claster.errors import ClasterError, choose_among
from claster.files import is_below

Split = Literal["train", "valid", "test"]
Device = Literal["auto", "cpu", "cuda"]

SPLIT: Any = Field("test", description="Split whose genes are used.")
DEVICE: Any = Field("auto", description="Where to compute; auto uses a GPU if there is one.")
BATCH_SIZE: Any = Field(
    None, ge=1, le=100_000, description="Windows in a batch; default: as many as fit in memory."
)
FORCE: Any = Field(
    default=False,
    description="Replace what already exists.",
    json_schema_extra={"flags": ["--force"]},
)


_Location = tuple[int | str, ...]

_KINDS = {
    "a list": ("tuple_type", "list_type"),
    "keys": ("model_type", "model_attributes_type", "dict_type"),
    "a word": ("string_type",),
    "a path": ("path_type",),
    "a whole number": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
    "a number": ("float_type", "float_parsing"),
    "a finite number": ("finite_number",),
    "true or false": ("bool_type", "bool_parsing"),
}
_WANTED = {kind: wanted for wanted, kinds in _KINDS.items() for kind in kinds}
_LIMITS = {
    "greater_than": "more than {gt:.12g}",
    "greater_than_equal": "{ge:.12g} or more",
    "less_than": "less than {lt:.12g}",
    "less_than_equal": "{le:.12g} or less",
}
_LONGEST = 60


def _require_below(name: str) -> str:
    if not is_below(name):
        raise ValueError(f"{name!r} is not the name of a folder below the run's own")
    return name


FolderName = Annotated[str, AfterValidator(_require_below)]
"""A folder of results below the one that is the verb's own."""


class Record(BaseModel):
    """What a file holds: its fields, nothing else, and they do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(BaseModel):
    """Settings of a verb; `claster.cli.options.takes` makes the options of its command from them."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def of(cls, settings: Self | None, /, **keywords: Any) -> Self:  # noqa: ANN401
        """Return settings with some fields changed.

        Parameters
        ----------
        settings
            What keywords do not name is taken from here; None takes the defaults.
        keywords
            Fields and their values.

        Raises
        ------
        ClasterError
            If there is no such field, a field without a default is missing, or a value is not possible.
        """
        for name in keywords:
            if name not in cls.model_fields:
                raise ClasterError(
                    f"{cls.__name__} has no {name!r}", remedy=choose_among(name, cls.model_fields)
                )
        given = {} if settings is None else dict(settings)
        try:
            return cls.model_validate(given | keywords)
        except ValidationError as error:
            field = next(map(str, error.errors()[0]["loc"]), cls.__name__)
            raise explained(error, cls, named=field) from None


_SHARD = re.compile(r"(?P<number>\d+)/(?P<of>\d+)")


def parse_shard(shard: str) -> tuple[int, int]:
    """Return number and count of a shard ``i/n``.

    Raises
    ------
    ClasterError
        If it is none.

    Examples
    --------
    >>> parse_shard("2/4")
    (2, 4)
    """
    found = _SHARD.fullmatch(shard)
    if not found or not 1 <= int(found["number"]) <= int(found["of"]):
        raise ClasterError(
            f"--shard must be I/N, not {shard!r}",
            remedy="write 2/4 for the second of four commands",
        )
    return int(found["number"]), int(found["of"])


def explained(error: ValidationError, model: type[BaseModel], *, named: str = "") -> ClasterError:
    """Return the first fault of what was given for a model, and what to write instead.

    Parameters
    ----------
    named
        What the person calls the faulty one; default: the keys that lead to it, joined by dots.

    Examples
    --------
    >>> class Track(BaseModel):
    ...     name: str
    ...     file: str
    >>> class Tracks(BaseModel):
    ...     tracks: tuple[Track, ...]
    >>> try:
    ...     Tracks(tracks=["ATAC.bw"])
    ... except ValidationError as error:
    ...     print(explained(error, Tracks))
    tracks.0 must be keys, not 'ATAC.bw': write {'name': 'ATAC', 'file': 'ATAC.bw'}
    """
    faults: list[Any] = error.errors()
    # A list counts as too short where its items have faults of their own.
    whole = [f for f in faults if f["type"] != "too_short" or not f["input"]] or faults
    first = whole[0]
    unknown = first["loc"][-1:] if first["type"] == "extra_forbidden" else ()
    location, at = _place(model, first["loc"][: len(first["loc"]) - len(unknown)])
    key = named or ".".join(map(str, location + unknown)) or "the file"
    found, remedy = _words(first, key, at)
    more = f" (and {len(whole) - 1} more)" if len(whole) > 1 else ""
    return ClasterError(f"{found}{more}", remedy=remedy)


def _words(fault: Mapping[str, Any], key: str, at: type[BaseModel] | None) -> tuple[str, str]:
    """Return what was found and the remedy; `at` is the model that the key holds, or whose key it is."""
    kind, given, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind in _WANTED:
        found = f"{key} must be {_WANTED[kind]}, not {_shown(given)}"
        return found, _instead(_WANTED[kind], given, at)
    if kind in _LIMITS:
        return f"{key} must be {_LIMITS[kind].format(**context)}, not {given}", "correct it"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        return f"{key} has no choice {_shown(given)}", choose_among(str(given), choices)
    if kind == "missing":
        return f"'{key}' is missing", "add it"
    if kind == "too_short":
        return f"{key} has too few items", f"give {context['min_length']} or more"
    if kind == "extra_forbidden":
        return f"unknown key '{key}'", _spelled(str(fault["loc"][-1]), given, key, at)
    return f"{key}: {fault['msg'].removeprefix('Value error, ')}", "correct it"


def _place(model: type[BaseModel], location: _Location) -> tuple[_Location, type[BaseModel] | None]:
    """Return the keys of a location, without pydantic's words for types, and the deepest model there."""
    at: type[BaseModel] | None = model
    for position, part in enumerate(location):
        if isinstance(part, str):
            if at is None or part not in at.model_fields:
                return location[:position], at
            at = _held(at.model_fields[part].annotation)
    return location, at


def _held(annotation: object) -> type[BaseModel] | None:
    """Return the model that a field holds, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((held for part in get_args(annotation) if (held := _held(part))), None)


def _parts(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        if held := _held(field.annotation):
            yield name, held


def _shown(given: object) -> str:
    if isinstance(given, str):
        return repr(given if len(given) <= _LONGEST else f"{given[:_LONGEST]}...")
    if isinstance(given, Mapping):
        return "keys"
    if isinstance(given, list | tuple | set):
        return "a list"
    return "nothing" if given is None else str(given)


def _instead(wanted: str, given: object, at: type[BaseModel] | None) -> str:
    if wanted == "a list":
        if at is None:
            return f"write [{given!r}]" if isinstance(given, str) else "write it in brackets"
        return f"write [{_example(at, given)}]"
    if wanted == "keys" and at is not None:
        return f"write {_example(at, given)}"
    return "correct it"


def _example(model: type[BaseModel], given: object) -> str:
    """Return keys that hold what was given, as Python and YAML write them alike."""
    if isinstance(given, Mapping) and given.keys() <= model.model_fields.keys():
        return str(dict(given))
    named = given if isinstance(given, Mapping) else {}
    listed = given if isinstance(given, list | tuple) else named.values()
    words = [given] if isinstance(given, str) else [*listed]
    file = next((word for word in words if isinstance(word, str)), "FILE")
    if "file" in model.model_fields:
        name = next(iter(named), Path(file).name.partition(".")[0])
        return str(({"name": name} if "name" in model.model_fields else {}) | {"file": file})
    for name, part in _parts(model):
        if "file" in part.model_fields:
            return f"{{{name!r}: [{_example(part, given)}]}}"
    first, second = [name for name in model.model_fields if name != "recipe"][:2]
    return f"{{{first!r}: ..., {second!r}: ...}}"


def _spelled(word: str, given: object, key: str, at: type[BaseModel] | None) -> str:
    """Return what to do about an unknown key: correct its spelling, or move it to where it belongs."""
    fields = at.model_fields if at else {}
    homes = [name for name, part in _parts(at) if word in part.model_fields] if at else []
    if not homes or get_close_matches(word, fields, n=1):
        return choose_among(word, fields)
    example = f"{{{word!r}: {given!r}, ...}}"
    listed = [get_origin(fields[home].annotation) is tuple for home in homes]
    places = [
        f"'{key.removesuffix(word)}{home}': {f'[{example}]' if many else example}"
        for home, many in zip(homes, listed, strict=True)
    ]
    return f"write {' or '.join(places)}"
