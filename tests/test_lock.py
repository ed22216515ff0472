"""One command at a time."""

import os
import subprocess
import sys

import pytest

from claster.errors import ClasterError
from claster.files import lock_folder


def test_the_second_one_is_told_who_holds_the_folder(tmp_path):
    with (
        lock_folder(tmp_path / "new", name=".lock"),
        pytest.raises(ClasterError, match=rf"writing to .*new \(process {os.getpid()} on "),
        lock_folder(tmp_path / "new", name=".lock"),
    ):
        pass
    assert list((tmp_path / "new").iterdir()) == []


def test_a_killed_holder_lets_go(tmp_path):
    script = (
        "import os, signal, sys; from pathlib import Path; from claster.files import lock_folder\n"
        "with lock_folder(Path(sys.argv[1]), name='.lock'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -9
    assert (tmp_path / ".lock").exists()
    with lock_folder(tmp_path, name=".lock"):
        assert f"process {os.getpid()} " in (tmp_path / ".lock").read_text()
    assert not (tmp_path / ".lock").exists()
