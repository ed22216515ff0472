"""What `claster plan` tells of the smallest genome beside what its steps then take, in one run.

Every step is a command in a process of its own, and the plan is made before anything is done. The ratio is
time taken over time planned, and in brackets CPU time over time planned, for cores that other work shares.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = "runs/demo_tiny/proximal"
PLAN = "plan demo_tiny -f proximal --epochs 4 --edits 1500 --device cpu --json"
STEPS = {
    "build": "data build demo_tiny",
    "train": "train proximal --dataset demo_tiny --epochs 4 --device cpu",
    "predict": f"predict {RUN} --device cpu",
    "screen": f"perturb {RUN} --controls 6 --device cpu",
}


def claster(folder: Path, words: str) -> tuple[str, float, float]:
    """Run a command in a project, and return what it prints, its seconds, and those of CPU time."""
    own = {"CLASTER_DATA": str(folder / "source"), "XDG_CACHE_HOME": str(folder / "cache")}
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "claster", *words.split()],
        cwd=folder,
        env=os.environ | own | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    computed = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, seconds, computed


def main() -> None:
    """Plan, do, and compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        claster(folder, "simulate demo_tiny")
        planned = {step["step"]: step for step in json.loads(claster(folder, PLAN)[0])["steps"]}
        for step, words in STEPS.items():
            _, seconds, computed = claster(folder, words)
            told = planned[step]["seconds"]
            ratios = f"{seconds / told:.2f} ({computed / told:.2f})"
            print(f"{step}: planned {told:.1f} s, took {seconds:.1f} s, ratio {ratios}")


if __name__ == "__main__":
    main()
