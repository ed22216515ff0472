"""Several steps at once, and steps that count bytes."""

import io
import re
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from claster.cli import console, tables
from claster.cli.console import complain, console_progress, echo
from claster.progress import SILENT


def on_terminal(monkeypatch):
    screen = io.StringIO()
    made = Console(file=screen, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr(console, "Console", lambda stderr: made)
    return console_progress(), screen


def test_bytes_in_a_log(capsys, monkeypatch):
    clock = iter([0.0, 0.0, 31.0, 31.0, 40.0])
    monkeypatch.setattr("claster.cli.console.time.monotonic", lambda: next(clock))
    progress = console_progress()
    with progress.step("ATAC", unit="bytes") as step:
        step.expect(3_000_000_000)
        step.advance(1_200_000_000)
    assert capsys.readouterr().out.splitlines() == [
        "ATAC: 1.2 GB of 3.0 GB",
        "ATAC: 1.2 GB in 40.0 s",
    ]


def test_several_bars_at_once(monkeypatch):
    progress, screen = on_terminal(monkeypatch)
    together = threading.Barrier(4)

    def work(number):
        with progress.step(f"file{number}", 2_000_000, unit="bytes") as step:
            together.wait()
            step.advance(1_500_000)
            step.advance(-500_000)
            step.describe("again")
            time.sleep(0.3)  # the display is drawn ten times a second
            together.wait()

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with progress.step("windows", 3) as step:
        step.advance(3)
    progress.say("[end]")
    shown = screen.getvalue()
    for number in range(4):
        assert f"file{number}: 1.0 MB in " in shown
    assert "1.0/2.0 MB" in shown
    assert "3/3" in shown
    assert shown.endswith("[end]\n")


def test_a_failed_step_closes_its_bar(monkeypatch):
    progress, screen = on_terminal(monkeypatch)
    try:
        with progress.step("file", unit="bytes"):
            raise RuntimeError
    except RuntimeError:
        progress.say("after")
    assert "file: " not in screen.getvalue()
    with progress.step("next", 1) as step:
        step.advance()
    assert "1/1" in screen.getvalue()


def test_silence(capsys):
    with SILENT.step("x", unit="bytes") as step:
        step.expect(3)
        step.advance()
        step.describe("y")
    SILENT.say("z")
    assert capsys.readouterr() == ("", "")


HOSTILE = "[/] [red]x[/red] [link=a]\x1b]0;title\x07\rgone"
SHOWN = r"[/] [red]x[/red] [link=a]\u001b]0;title\u0007\u000dgone"


def test_names_of_steps_are_shown_as_they_are(monkeypatch, capsys):
    progress, screen = on_terminal(monkeypatch)
    with progress.step(HOSTILE, 2) as step:
        step.describe(HOSTILE)
        step.advance(2)
        progress.say(HOSTILE)
    shown = screen.getvalue()
    assert shown.count("[red]x[/red]") >= 3
    assert "\x1b]0;" not in shown
    assert r"\u001b]0;title" in shown
    console._Lines().say(HOSTILE)
    assert capsys.readouterr().out == f"{SHOWN}\n"


def test_answers_and_faults_are_shown_as_they_are(capsys):
    echo(HOSTILE)
    with pytest.raises(SystemExit):
        complain(f"{HOSTILE}\nsecond")
    out, err = capsys.readouterr()
    assert out == f"{SHOWN}\n"
    assert err == f"error: {SHOWN} second\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_cells_of_tables_are_shown_as_they_are(monkeypatch, capsys, terminal):
    screen = io.StringIO()
    made = Console(file=screen, force_terminal=terminal, width=160, color_system=None)
    monkeypatch.setattr(tables, "Console", lambda: made)
    tables.print_table(pd.DataFrame({"name": [HOSTILE]}))
    shown = screen.getvalue() + capsys.readouterr().out
    assert SHOWN in shown
    assert "\x1b]0;" not in shown


def test_nothing_of_the_command_line_prints_by_another_way():
    rooms = Path(console.__file__).parent
    for module in rooms.glob("*.py"):
        if module.name not in ("complaint.py", "console.py"):
            assert not re.search(r"typer\.echo\(|(?<![.\w])print\(", module.read_text()), module
