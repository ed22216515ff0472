"""Free memory, and the refusal of what does not fit."""

import pytest

from claster import files
from claster.errors import ClasterError
from claster.files import free_memory, require_memory
from claster.simulation import simulate_genome


def test_free_memory_is_the_jobs_where_it_has_a_limit(tmp_path):
    meminfo = tmp_path / "meminfo"
    assert free_memory(meminfo, tmp_path) is None
    meminfo.write_text("MemTotal:  9000 kB\nMemAvailable:     5000 kB\n")
    assert free_memory(meminfo, tmp_path) == 5_120_000
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert free_memory(meminfo, tmp_path) == 5_120_000
    (tmp_path / "memory.max").write_text("4000\n")
    assert free_memory(meminfo, tmp_path) == 3000


def test_what_does_not_fit_is_refused(monkeypatch):
    asked = {"needed": 3_000_000_000, "named": "a map", "remedy": "wait"}
    for free, refused in ((2_999_999_999, True), (3_000_000_000, False), (None, False)):
        monkeypatch.setattr(files, "free_memory", lambda free=free: free)
        if refused:
            with pytest.raises(
                ClasterError, match=r"a map needs 3.0 GB of memory and 3.0 GB is available"
            ):
                require_memory(**asked)
        else:
            require_memory(**asked)


def test_a_genome_that_does_not_fit_is_not_begun(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "free_memory", lambda: 100_000_000)
    with pytest.raises(
        ClasterError, match=r"of 60 Mb needs 0\.7 GB of memory and 0\.1 GB is available"
    ):
        simulate_genome(tmp_path / "toy", seed=0, chromosomes=2, megabases=60, genes=300)
    assert list(tmp_path.iterdir()) == []
