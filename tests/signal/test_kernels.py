import subprocess
import sys

from claster.compiled import compiled


def test_loops_run_where_nothing_can_be_kept_on_disk():
    namespace = {}
    exec("def double(x):\n    return 2 * x", namespace)  # a function of no file
    assert compiled(namespace["double"])(21) == 42


def test_looking_at_a_dataset_does_not_wait_for_the_compiler():
    code = "import sys, claster.dataset.build; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
