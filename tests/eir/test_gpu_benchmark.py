"""The benchmark of networks on a GPU: the same code on the CPU, where it writes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU it measures for minutes")
def test_the_benchmark_of_gpus_runs_without_one_and_writes_nothing(tmp_path):
    words = ["--flavour", "proximal_contacts", "--way", "plain", "--way", "channels last"]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/gpu.py", *words, "--to", tmp_path / "gpu.md"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    machine, head, _, *rows = done.stdout.splitlines()
    assert machine.startswith("no GPU")
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    tables = [dict(zip(columns, row, strict=True)) for row in cells]
    assert [(row["precision"], row["way"]) for row in tables] == [
        (precision, way) for precision in ("tf32", "bf16") for way in ("plain", "channels last")
    ]
    for row in tables:
        assert float(row["samples/s"].replace(",", "")) > 0
        assert row["GPU waits"].endswith("%")
        assert row["memory, GB"] == row["share of peak"] == ""
    assert not (tmp_path / "gpu.md").exists()
