"""Options of a command from a settings model."""

from typing import Annotated, Literal

import pytest
import typer
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typer.testing import CliRunner

from claster.cli.options import takes
from claster.errors import ClasterError


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    verb: Literal["silence", "scale"] = Field("silence", description="What is done.")
    tracks: tuple[str, ...] = Field(
        (), description="A track.", json_schema_extra={"flags": ["--track", "-t"]}
    )
    reach: int = Field(200_000, ge=1, description="bp from the TSS.")
    span: tuple[int, int] | None = Field(None, description="bp up and down.")
    keep: bool = Field(default=False, description="Keep all.")
    doses: tuple[float, ...] = Field((), description="Of 'scale'.")
    genes: int | tuple[str, ...] = Field(
        8, description="How many.", json_schema_extra={"text": True}
    )
    inner: int = Field(3, json_schema_extra={"flags": []})

    @model_validator(mode="after")
    def _scale_has_doses(self):
        if self.verb == "scale" and not self.doses:
            raise ValueError("'scale' needs --doses")
        return self


@pytest.fixture
def ask():
    """Run a command with these words and return what it was given."""
    heard = {}
    app = typer.Typer()

    @app.command()
    @takes(Settings)
    def command(
        run: Annotated[str, typer.Argument()], *, settings: Settings, force: bool = False
    ) -> None:
        """Do it."""
        heard.update(run=run, settings=settings, force=force)

    def call(*words):
        result = CliRunner().invoke(app, list(words))
        if isinstance(result.exception, ClasterError):
            raise result.exception
        return heard if result.exit_code == 0 and heard else result

    return call


def test_without_options_the_settings_are_the_models_own(ask):
    assert ask("runs/a") == {"run": "runs/a", "settings": Settings(), "force": False}


def test_options_become_fields(ask):
    words = ["runs/a", "--verb", "scale", "-t", "ATAC", "--track", "H3K27ac", "--doses", "0.5"]
    words += ["--span", "100", "200", "--keep", "--genes", "12", "--force", "--reach", "5"]
    assert ask(*words)["settings"] == Settings(
        verb="scale",
        tracks=("ATAC", "H3K27ac"),
        doses=(0.5,),
        span=(100, 200),
        keep=True,
        genes=12,
        reach=5,
    )


def test_help_says_what_fields_say(ask):
    said = ask("--help").output
    for words in ("What is done.", "--track", "bp from the TSS.", "200000", "x>=1"):
        assert words in said
    assert "--inner" not in said


def test_values_that_the_model_refuses_name_the_option(ask):
    assert ask("runs/a", "--reach", "0").exit_code == 2
    with pytest.raises(ClasterError, match="the options: 'scale' needs 'doses'"):
        ask("runs/a", "--verb", "scale")
