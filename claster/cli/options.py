"""Arguments and options of commands: those that several share, and one for each field of a settings model."""

import functools
import inspect
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from claster import settings
from claster.errors import ClasterError
from claster.settings import DEVICE, FORCE, SPLIT, explained

DatasetName = Annotated[
    str, typer.Argument(help="A name below configurations/datasets, or a path to a YAML file.")
]
DatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset", "-d", help="A name below configurations/datasets, or a path to a YAML file."
    ),
]
Force = Annotated[bool, typer.Option("--force", help=FORCE.description)]
RunFolderPath = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, such as runs/toy/pure_conv.")
]
SplitOption = Annotated[settings.Split, typer.Option("--split", help=SPLIT.description)]
Device = Annotated[
    settings.Device,
    typer.Option("--device", help=DEVICE.description),
]


def takes(model: type[BaseModel]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field of `model`.

    Parameters
    ----------
    model
        Names, types, defaults, limits and descriptions of its fields become those of the options. A field of
        ``tuple[T, ...]`` is an option that may be given again. ``json_schema_extra`` of a field may name the
        ``flags`` ("--track") and, where the option is text that the model reads, ``text: true``; a field with
        ``flags: []`` is not an option; ``metavar`` names its value in the help.

    Returns
    -------
    callable
        A decorator of a command with a parameter ``settings``, which receives the model; values that the
        model refuses end the command, with the name of the option.
    """
    fields = {
        name: field
        for name, field in model.model_fields.items()
        if _extra(field).get("flags") != []
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**given: Any) -> None:  # noqa: ANN401
            values = {name: given.pop(name) for name in fields}
            command(settings=_settings(model, values), **given)

        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.name != "settings"]
        options = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_default(field),
                annotation=_option(field),
            )
            for name, field in fields.items()
        ]
        first = [p for p in own if p.default is inspect.Parameter.empty]
        last = [p for p in own if p.default is not inspect.Parameter.empty]
        keywords = [
            p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*first, *options, *last)
        ]
        run.__signature__ = signature.replace(parameters=keywords)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in keywords}
        return run

    return decorate


def _settings(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if value is not None
    }
    try:
        return model.model_validate(given)
    except ValidationError as error:
        location = error.errors()[0]["loc"]
        option = _flag(model, str(location[0])) if location else "the options"
        raise ClasterError(
            explained(error, model, named=option).found, remedy="see --help"
        ) from None


def _flag(model: type[BaseModel], name: str) -> str:
    flags = _extra(model.model_fields[name]).get("flags", ())
    return str(flags[0]) if flags else f"--{name.replace('_', '-')}"


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _default(field: FieldInfo) -> Any:  # noqa: ANN401
    if field.is_required():
        return inspect.Parameter.empty
    default = field.get_default(call_default_factory=True)
    if _extra(field).get("text"):
        return None if default is None else str(default)
    return None if default == () else default


def _option(field: FieldInfo) -> Any:  # noqa: ANN401
    """Return what typer reads of a field."""
    more: dict[str, Any] = dict(_limits(field))
    flags = _extra(field).get("flags", ())
    kind = str | None if _extra(field).get("text") else _as_typer(field.annotation)
    if metavar := _extra(field).get("metavar"):
        more["metavar"] = metavar
    return Annotated[kind, typer.Option(*flags, help=field.description, **more)]


def _as_typer(annotation: Any) -> Any:  # noqa: ANN401
    """Return a type that typer takes: a list where the model has a tuple of any length."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _as_typer(parts[0])
    if origin is tuple and parts[-1] is Ellipsis:
        return list[_as_typer(parts[0])] | None  # type: ignore[misc]
    if origin is Literal or not parts:
        return annotation
    if origin is UnionType or str(origin) == "typing.Union":
        kinds = [_as_typer(part) for part in parts if part is not type(None)]
        return kinds[0] | None if type(None) in parts else kinds[0]
    return annotation


def _limits(field: FieldInfo) -> Iterator[tuple[str, float]]:
    for constraint in field.metadata:
        for name, limit in (("ge", "min"), ("le", "max")):
            if (bound := getattr(constraint, name, None)) is not None:
                yield limit, bound
