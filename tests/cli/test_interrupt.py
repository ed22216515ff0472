"""Ctrl-C while the program is still being imported."""

import signal
import subprocess
import sys

START = (
    "import os, signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
    "from claster import __main__ as program\n"
    "class Interrupting:\n"
    "    def find_spec(self, name, *_):\n"
    "        if name == 'typer':\n"
    "            os.kill(os.getpid(), signal.SIGINT)\n"
    "sys.meta_path.insert(0, Interrupting())\n"
    "program.main()\n"
)


def test_an_interrupted_import_is_one_line():
    ended = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 128 + signal.SIGINT
    assert ended.stderr == "interrupted: nothing was begun\n"
