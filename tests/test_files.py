import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from claster import files
from claster.errors import ClasterError
from claster.files import (
    atomic_folder,
    atomic_path,
    below,
    require_disk,
    require_file,
    sha256,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_whole(tmp_path):
    final = tmp_path / "deep" / "table.csv.gz"
    with atomic_path(final) as partial:
        partial.write_text("all of it")
        assert partial.parent == final.parent
        assert partial.name.endswith(".csv.gz")
        assert not final.exists()
    assert final.read_text() == "all of it"
    assert names(final.parent) == ["table.csv.gz"]


def test_failed_file_leaves_the_old_one(tmp_path):
    final = tmp_path / "table.csv"
    write_text(final, "old")

    def stop_halfway():
        with atomic_path(final) as partial:
            partial.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop_halfway()
    assert final.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_files_are_readable_as_the_umask_says(tmp_path):
    old = os.umask(0o022)
    try:
        write_text(tmp_path / "a.txt", "")
        with atomic_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(old)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o755


def test_folder_appears_whole_or_not_at_all(tmp_path):
    final = tmp_path / "data"

    def stop_halfway():
        with atomic_folder(final) as partial:
            (partial / "a").write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop_halfway()
    assert names(tmp_path) == []
    with atomic_folder(final) as partial:
        (partial / "a").write_text("one")
    assert (final / "a").read_text() == "one"


def test_existing_folder_gives_way_only_when_told(tmp_path):
    final = tmp_path / "data"
    final.mkdir()
    (final / "old").touch()
    with pytest.raises(ClasterError, match="exists already: choose"), atomic_folder(final):
        pytest.fail("the block must not run")
    with atomic_folder(final, replace=True) as partial:
        (partial / "new").touch()
        assert names(final) == ["old"]
    assert names(final) == ["new"]
    assert names(tmp_path) == ["data"]


def test_failed_exchange_brings_the_old_folder_back(tmp_path, monkeypatch):
    final = tmp_path / "data"
    final.mkdir()
    (final / "old").touch()
    rename = Path.replace

    def refuse_new(self, target):
        if Path(target) == final and not (self / "old").exists():
            raise OSError(28, "No space left on device")
        return rename(self, target)

    def exchange():
        with atomic_folder(final, replace=True) as partial:
            (partial / "new").touch()

    monkeypatch.setattr(Path, "replace", refuse_new)
    with pytest.raises(OSError, match="No space"):
        exchange()
    assert names(final) == ["old"]
    assert names(tmp_path) == ["data"]


def test_leavings_of_killed_processes_are_removed(tmp_path):
    script = (
        "import os, signal, sys; from pathlib import Path; from claster.files import atomic_folder\n"
        "with atomic_folder(Path(sys.argv[1])) as partial:\n"
        "    (partial / 'half').touch(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "data")], check=False)
    assert len(names(tmp_path)) == 1
    with atomic_folder(tmp_path / "data") as mine, atomic_folder(tmp_path / "other"):
        assert names(mine) == []
        with atomic_folder(tmp_path / "data", replace=True):
            assert mine.is_dir()  # this process lives
    assert names(tmp_path) == ["data", "other"]


def test_sha256_of_more_than_a_block(tmp_path):
    content = os.urandom((1 << 20) + 17)
    (tmp_path / "blob").write_bytes(content)
    assert sha256(tmp_path / "blob") == hashlib.sha256(content).hexdigest()


def test_missing_files_and_folders_in_their_place(tmp_path):
    with pytest.raises(ClasterError, match=r"track ATAC: no file at .*: look"):
        require_file(tmp_path / "a.bw", named="track ATAC", remedy="look")
    with pytest.raises(ClasterError, match="a folder, not a file"):
        require_file(tmp_path, named="track ATAC", remedy="look")


def test_room_on_disk(tmp_path, monkeypatch):
    class Usage:
        free = 2_000_000_000

    asked = []
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: asked.append(folder) or Usage)
    require_disk(tmp_path / "not" / "yet", needed=2_000_000_000, named="x")
    assert asked == [tmp_path]
    with pytest.raises(
        ClasterError, match=r"x needs 2\.50 GB and .* has 2\.00 GB free: free 0\.50 GB"
    ):
        require_disk(tmp_path, needed=2_500_000_000, named="x")


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/x", "", ".", "..", "a\nb", "a\x1b[31m", "a\tb", "a\u202eb"]
)
def test_names_that_lead_out_of_a_folder_are_refused(tmp_path, name):
    with pytest.raises(ClasterError, match=r"'file' of x is .* which is not a file below"):
        below(tmp_path, name, named="'file' of x")


def test_a_folder_below_may_be_a_link_of_the_user(tmp_path):
    (tmp_path / "big").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tracks").symlink_to(tmp_path / "big")
    assert below(tmp_path / "data", "tracks/a b.bw", named="x") == tmp_path / "data/tracks/a b.bw"
