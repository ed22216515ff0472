import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from claster import cli
from claster.analysis.summary import score_lines
from claster.cli.console import console_progress
from claster.errors import ClasterError

COMMANDS = [
    "simulate",
    "data",
    "explain",
    "verify",
    "configure",
    "train",
    "predict",
    "export",
    "pull",
    "serve",
    "evaluate",
    "intervals",
    "demo",
]


def run(monkeypatch, capsys, *arguments):
    """Run the command line as the shell would; return exit code, stdout and stderr."""
    monkeypatch.setattr(sys, "argv", ["claster", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    captured = capsys.readouterr()
    return left.value.code, captured.out, captured.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(cli.app, [command, "-h"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_help_is_quick_because_nothing_heavy_is_imported():
    script = (
        "import sys, claster.cli; "
        "print(sorted({'torch', 'pandas', 'cooler', 'matplotlib', 'eir', 'sklearn'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["data", "build", "nowhere"], "no dataset 'nowhere'"),
        (["configure", "nothing"], "no flavour 'nothing'"),
        (["configure", "toy", "--dataset", "gone"], "no dataset 'gone'"),
        (["train", "pure_conv", "--dataset", "gone.yaml"], "no dataset file at gone.yaml"),
        (["predict", "runs/none"], "no run in runs/none"),
        (["export", "runs/none", "--out", "model"], "no run in runs/none"),
        (["serve", "runs/none"], "no run in runs/none"),
        (["evaluate", "runs/none"], "no run in runs/none"),
        (["intervals", "runs/none"], "no run in runs/none"),
        (["demo", "--size", "huge"], "no demo of size 'huge'"),
        (["simulate", "genome"], "no dataset 'genome'"),
    ],
)
def test_faults_are_one_line_and_exit_code_1(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert code == 1
    assert out == ""
    assert err.startswith("error: ")
    assert said in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_usage_errors_and_version(monkeypatch, capsys):
    assert run(monkeypatch, capsys, "train")[0] == 2
    code, out, _ = run(monkeypatch, capsys, "--version")
    assert (code, out.count(".")) == (0, 2)


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (OSError(28, "full", "inputs/x.npy"), 1, "the disk is full: inputs/x.npy"),
        (OSError("4096 requested and 512 written"), 1, "the disk is full: free disk space"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            ClasterError("found [odd] thing", remedy="correct it"),
            1,
            "found [odd] thing: correct it",
        ),
    ],
)
def test_faults_while_working(monkeypatch, capsys, fault, code, said):
    def fail():
        raise fault

    monkeypatch.setattr(cli, "app", fail)
    found = run(monkeypatch, capsys)
    assert found[0] == code
    assert said in found[2]


def test_terminated_commands_clean_up(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from claster import cli\n"
        "from claster.files import atomic_folder\n"
        "def app():\n"
        "    with atomic_folder(Path(sys.argv[1])):\n"
        "        print('works', flush=True); time.sleep(60)\n"
        "cli.app = app; cli.main()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "works\n"
        process.terminate()
        assert process.wait(timeout=30) == 143
    assert list(tmp_path.iterdir()) == []


def test_faults_of_the_program_are_not_hidden(monkeypatch):
    def fail():
        raise OSError("no message of the system")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(OSError, match="no message of"):
        cli.main()


def test_plain_lines_where_output_is_no_terminal(capsys, monkeypatch):
    clock = iter([0.0, 0.0, 31.0, 31.0, 40.0])
    monkeypatch.setattr("claster.cli.console.time.monotonic", lambda: next(clock))
    progress = console_progress()
    with progress.step("landscapes", total=3) as step:
        step.describe("chr1")
        step.advance(2)
    progress.say("end")
    assert capsys.readouterr().out.splitlines() == [
        "landscapes: started",
        "landscapes: 2 of 3 chr1",
        "landscapes: done in 40.0 s",
        "end",
    ]


def test_scores_as_a_table():
    rows = [
        (method, "ctrl", level, counted, metric, value, value - 0.1, value + 0.1)
        for method, value in (("network", 0.5), ("ridge", np.nan))
        for level, counted in (("bin", "all"), ("bin", "once"), ("gene", "all"))
        for metric in ("pearson", "spearman", "rmse")
    ]
    columns = ["method", "condition", "level", "counted", "metric", "value", "low", "high"]
    scores = pd.DataFrame(rows, columns=columns)
    scores = scores.assign(against="", by="all", how="pooled", scale="log2(x+1)")
    lines = [line.split() for line in score_lines(scores)]
    assert lines[0] == [
        "ctrl",
        *["bin", "pearson", "bin", "spearman"],
        *["gene", "pearson", "gene", "spearman"],
    ]
    assert lines[1] == ["network", *["0.500", "(0.400-0.600)"] * 4]
    assert lines[2] == ["ridge", *["nan"] * 4]


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_fault():
    script = f"{shlex.quote(sys.executable)} -c 'from claster.cli import main; main()' data schema"
    told = subprocess.run(
        ["sh", "-c", f"{script} | true"], capture_output=True, text=True, check=True
    )
    assert told.stderr == ""


def test_an_interrupted_command_says_so_in_one_line(monkeypatch, capsys):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("claster.dataset.load.dataset_schema", interrupted)
    code, _, err = run(monkeypatch, capsys, "data", "schema")
    assert code == 130
    assert err.startswith("error: interrupted: no incomplete file is left")
    assert err.count("\n") == 1


def test_next_lines_quote_paths(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("claster.simulation.ensure_genome", lambda *_, **__: True)
    (tmp_path / "a b;c.yaml").write_text(
        "{name: x, assembly: y, tracks: [{name: A, file: a.bw}], genes: {file: g.gtf}}"
    )
    code, out, _ = run(monkeypatch, capsys, "simulate", "a b;c.yaml")
    assert code == 0
    assert out.splitlines()[-1] == "next: claster data build 'a b;c.yaml'"


@pytest.mark.parametrize("data", ["../../x", "${CLASTER_DATA}/../x", "a/../../x"])
def test_a_foreign_yaml_is_not_simulated_outside_its_folder(monkeypatch, capsys, tmp_path, data):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("claster.simulation.ensure_genome", lambda *_, **__: pytest.fail("written"))
    (tmp_path / "x.yaml").write_text(
        f"{{name: x, assembly: y, data: '{data}', tracks: [{{name: A, file: a.bw}}], "
        "genes: {file: g.gtf}}"
    )
    code, _, err = run(monkeypatch, capsys, "simulate", "x.yaml")
    assert code == 1
    assert f"x.yaml, line 1: 'data' is '{data}', which goes up" in err
