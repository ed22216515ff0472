"""EIR's programs end with the process that started them, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import claster
from claster.eir import program
from claster.eir.program import run_program

STARTS_A_LOADER = """#!/bin/sh
{trap}
sleep 321 &
echo $$ $! > processes.new
mv processes.new processes
wait
sleep 321
"""
PARENT = """
import sys
from pathlib import Path
from claster.eir import program
program.find_program = lambda name: Path(name).absolute()
{before}
program.run_program(["./stand_in"], cwd=".", log=Path("log"), variables={{}}, watch=lambda: None)
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Write a program of that text in the place of EIR's; it is run in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(program, "find_program", lambda name: Path(name).absolute())

    def write(text):
        path = tmp_path / "stand_in"
        path.write_text(text)
        path.chmod(0o755)

    return write


def start(before=""):
    variables = os.environ | {"PYTHONPATH": str(Path(claster.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", PARENT.format(before=before)], env=variables)


def is_running(process):
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("trap", ["", pytest.param("trap '' TERM", marks=pytest.mark.slow)])
def test_no_process_outlives_a_killed_parent(tmp_path, stand_in, trap):
    stand_in(STARTS_A_LOADER.format(trap=trap))
    with start() as parent:
        wait_for((tmp_path / "processes").exists, 20)
        parent.kill()
    processes = (tmp_path / "processes").read_text().split()
    assert len(processes) == 2
    wait_for(lambda: not any(map(is_running, processes)), 5)


@pytest.mark.slow
def test_a_parent_that_is_killed_before_the_guard_is_there_starts_nothing(tmp_path, stand_in):
    stand_in("#!/bin/sh\ntouch started\n")
    killed = "import os\nprogram._start_guard = lambda process: os.kill(os.getpid(), 9)"
    with start(killed) as parent:
        assert parent.wait(timeout=20) == -signal.SIGKILL
    time.sleep(0.3)
    assert (tmp_path / "log").exists()
    assert not (tmp_path / "started").exists()


def test_an_interrupt_ends_the_loaders_too(tmp_path, stand_in):
    stand_in(STARTS_A_LOADER.format(trap=""))

    def interrupt():
        if (tmp_path / "processes").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_program(["./stand_in"], cwd=".", log=Path("log"), variables={}, watch=interrupt)
    processes = (tmp_path / "processes").read_text().split()
    wait_for(lambda: not any(map(is_running, processes)), 5)


def test_status_and_output(tmp_path, stand_in):
    def run():
        return run_program(
            ["./stand_in", "a b", "*"], cwd=".", log=Path("log"), variables={"X": "1"}, watch=print
        )

    stand_in('#!/bin/sh\nread line\necho "$X|$1|$2|$line"\nexit 3\n')
    (tmp_path / "other").write_text("kept")
    Path("log").symlink_to("other")
    assert run() == 3
    assert Path("log").read_text() == "1|a b|*|\n"
    assert (tmp_path / "other").read_text() == "kept"
    stand_in("#!/bin/sh\nkill -9 $$\n")
    assert run() == -signal.SIGKILL
