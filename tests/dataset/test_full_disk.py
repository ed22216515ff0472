"""A disk that fills while a dataset is built: one line, nothing half-written, and the next build is whole."""

import subprocess
import sys

import pytest

from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders
from claster.dataset.manifest import verify_dataset

# Files cannot grow beyond a limit: the operating system refuses the write, as a full disk does.
LIMITED = """
import resource, sys
from claster import cli
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop()),) * 2)
cli.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [100, 3_000])
def test_a_disk_that_fills_during_a_build(edited, tree, limit):
    spec = edited()
    command = [sys.executable, "-c", LIMITED, "data", "build", "small", str(limit)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert [line[:6] for line in ended.stderr.splitlines()] == ["error:"]
    folders = DatasetFolders.of(spec)
    assert not folders.inputs.exists()
    assert not folders.targets.exists()
    assert not build_dataset(spec).reused
    assert verify_dataset(folders) == {}
    again = build_dataset(spec.within("elsewhere")).folders
    assert tree(folders.inputs, folders.targets) == tree(again.inputs, again.targets)
