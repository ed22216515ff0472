"""What a plan tells: literal rates, genes with no file, and that what was done counts more."""

import errno
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from claster.cli import app
from claster.cli.tables import cost_table, plan_as_json, total_line
from claster.cost import machine, plan
from claster.cost.estimate import (
    _LIKE,
    BY_THUMB,
    MEASURED,
    Amount,
    Rate,
    Work,
    count_genes,
    estimate,
)
from claster.cost.machine import MachineRates
from claster.cost.plan import _download_bytes
from claster.dataset.build import bytes_a_gene
from claster.dataset.load import dataset_of, load_dataset
from claster.eir.geometry import Cost
from claster.errors import ClasterError
from claster.progress import SILENT
from claster.times import Took, machine_name, note_time, read_times

PROJECT = Path(__file__).parents[2]
RATES = MachineRates(
    start=2.0,
    eir_start=6.0,
    build_start=1.0,
    build_bytes_per_second=1e8,
    simulate_seconds_per_megabase=0.5,
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project without source files, a cache of its own, and a network that is not built."""
    monkeypatch.setenv("CLASTER_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cost = Cost(64, "cpu", seconds=1.28, memory=2 * 10**9, forward=0.005, weights=2_000_000)
    monkeypatch.setattr(plan, "machine_rates", lambda *_, **__: RATES)
    monkeypatch.setattr(machine, "measure_cost", lambda *_, **__: cost)
    return tmp_path


def took(step, units, seconds, **more):
    return Took(
        step=step, dataset="d", machine=machine_name("cpu"), units=units, seconds=seconds, **more
    )


def test_notes_come_back_in_order_without_a_line_that_was_cut_off(tmp_path):
    note_time(tmp_path, "build", dataset="a", units=10, seconds=2.00049)
    with (tmp_path / "runs" / ".times.jsonl").open("a") as handle:
        handle.write('{"step": "bui\n')
    note_time(tmp_path, "train", dataset="a", flavour="toy", units=64, seconds=5)
    build, train = read_times(tmp_path)
    assert (build.step, build.units, build.seconds, build.flavour) == ("build", 10, 2.0, "")
    assert (train.step, train.flavour, train.machine) == ("train", "toy", machine_name("cpu"))
    assert build.memory > 10**7
    assert read_times(tmp_path / "empty") == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_where_nothing_can_be_written_no_times_are_kept(tmp_path, monkeypatch, number):
    opened = Path.open

    def refused(path, mode="r", **options):
        if mode == "a":
            raise OSError(number, os.strerror(number))
        return opened(path, mode, **options)

    monkeypatch.setattr(Path, "open", refused)
    note_time(tmp_path, "build", dataset="a", units=1, seconds=1)
    monkeypatch.undo()
    assert read_times(tmp_path) == []


def of(rate, units, *past):
    return estimate(Work("build", units, "", rate, memory=5.0), RATES.start, past)


def test_a_rate_is_fixed_time_and_time_a_unit_within_a_factor():
    cost = of(Rate(1.0, 0.5, MEASURED, "measured"), Amount(10, 8, 20, "files"))
    assert (cost.seconds, cost.low, cost.high) == (8.0, 7 / MEASURED, 13 * MEASURED)
    assert cost.known_from == "files, measured"
    unknown = of(Rate(1.0, 0.0, MEASURED, ""), Amount.counted(10, "files"))
    assert unknown.seconds is unknown.low is None
    assert unknown.known_from == "not measured on a GPU"


def test_what_was_done_here_counts_more_than_what_was_measured():
    rate = Rate(1.0, 0.5, BY_THUMB, "rule of thumb")
    past = [took("build", 100, seconds, memory=9) for seconds in (201, 203, 199)]
    cost = of(rate, Amount.counted(10, "files"), *past)
    assert cost.seconds == 2 + 1 + 10 * 2.0
    assert cost.high == pytest.approx(cost.seconds * _LIKE)
    assert (cost.memory, cost.known_from) == (9, "files, 3 earlier")
    other = took("train", 100, 999.0)
    assert of(rate, Amount.counted(10, "files"), other).seconds == 2 + 1 + 5


def test_short_ones_tell_the_time_that_all_share():
    past = [took("build", 2, 4.0)]
    cost = of(Rate(3.0, 0.5, MEASURED, "measured"), Amount.counted(10, ""), *past)
    assert cost.seconds == 2 + 3.0 + 5.0
    past = [took("build", 2, 2.0)]
    cost = of(Rate(3.0, 0.5, MEASURED, "measured"), Amount.counted(10, ""), *past)
    assert cost.seconds == 2 + 1.0 + 5.0


def test_genes_of_the_published_dataset_without_a_file(project):
    genes = count_genes(load_dataset("mesc", project=project))
    # Published: 19,400 to train, 1,295 to test.
    assert genes.train.low < 19_400 < genes.train.high
    assert genes.test.low < 1_295 < genes.test.high
    assert genes.total.value == pytest.approx(21_900)
    fold = count_genes(load_dataset("mesc@0of4", project=project))
    assert fold.test.value == pytest.approx(21_900 / 4)
    simulated = count_genes(load_dataset("demo_tiny", project=project))
    assert simulated.total.low < 58 < simulated.total.high


def test_genes_that_nothing_tells(project):
    spec = load_dataset("mesc", project=project).model_copy(update={"assembly": "danRer11"})
    with pytest.raises(ClasterError, match="say how many there are with 'genes'"):
        count_genes(spec)
    assert count_genes(spec, told=100).total.value == pytest.approx(100)


def test_a_fault_of_files_that_are_here_is_told(project):
    files = {
        "chrom.sizes": "chr1\t9000\n",
        "genes.bed": "chr1\t5\t9\ta/b\t0\t+\n",
        "ATAC.bw": "",
    }
    for name, text in files.items():
        (project / name).write_text(text)
    keys = {"name": "d", "assembly": "made", "data": str(project), "chrom_sizes": "chrom.sizes"}
    keys |= {"tracks": [{"name": "ATAC", "file": "ATAC.bw"}], "genes": {"file": "genes.bed"}}
    with pytest.raises(ClasterError, match=r"a gene ID with a blank, a slash"):
        count_genes(dataset_of(keys, project=project))


def test_bytes_of_the_published_dataset(project):
    spec = load_dataset("mesc", project=project)
    a_gene = 2 * (4 * (4 * 10_001 + 129 * 626) + 2 * 10 * 401)
    assert bytes_a_gene(spec) == pytest.approx(a_gene, rel=0.01)
    coming = _download_bytes(spec)
    assert 3e9 < coming.low < coming.value < coming.high < 1e11
    assert coming.known_from == "usual sizes"


def test_the_plan_of_the_published_dataset_needs_no_file(project):
    spec = load_dataset("mesc", project=project)
    costs = plan.plan_costs(spec, flavours=("pure_conv", "profile"), epochs=10, device="cpu")
    steps = ["download", "check", "build"]
    each = ["train", "predict", "evaluate", "screen", "attribute", "report"]
    assert [cost.step for cost in costs] == [*steps, *each, *each]
    train = costs[3]
    # 20 ms a sample of training, 5 ms for each that is looked at in 120 evaluations, 1 ms for its table.
    looked_at = 120 * 1526 / 397_600
    a_sample = 0.02 + 0.005 * looked_at + 2.5e-6 * 401 * (1 + looked_at)
    assert train.seconds == pytest.approx(10 * 39_760 * a_sample, rel=0.01)
    assert train.gpu_memory is None
    table = cost_table(costs)
    assert table["step"].tolist()[3:5] == ["train pure_conv", "predict pure_conv"]
    assert "of disk" in total_line(spec, costs)
    told = json.loads(plan_as_json(spec, costs))
    assert told["dataset"] == "mesc"
    assert told["steps"][3]["seconds"] == train.seconds


@pytest.mark.parametrize("load", [0.5, 1000.0])
def test_speeds_of_a_busy_machine_are_called_so(project, monkeypatch, load):
    said = []
    progress = SimpleNamespace(say=said.append, step=SILENT.step)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    spec = load_dataset("mesc", project=project)
    for _ in range(2):  # what was measured before is not measured again, and nothing is said
        plan.plan_costs(spec, flavours=("profile",), device="cpu", progress=progress)
    assert ["busy with other work" in line for line in said] == [True] * (load > 100)


def test_a_gpu_that_is_not_here_is_not_guessed(project, monkeypatch):
    def none_here(asked):
        raise ClasterError("device cuda was asked for", remedy="")

    monkeypatch.setattr(plan, "resolve_device", none_here)
    spec = load_dataset("mesc", project=project)
    costs = {cost.step: cost for cost in plan.plan_costs(spec, device="cuda")}
    assert costs["train"].seconds is None
    assert costs["build"].seconds is not None
    assert "train, predict, screen, attribute, which were not measured" in total_line(
        spec, list(costs.values())
    )

    def train(dataset):
        network = {"dataset": dataset, "flavour": "pure_conv", "device": "cuda"}
        note_time(project, "train", units=1000, seconds=106, **network)
        return {cost.step: cost for cost in plan.plan_costs(spec, device="cuda")}["train"].seconds

    assert train("of_other_windows") is None
    assert train("mesc-fold1of4") == pytest.approx(120 * 39_760 * 0.098, rel=0.01)


def test_memory_of_a_gpu_is_that_of_what_is_done(project, monkeypatch):
    cost = Cost(64, "cuda", seconds=0.1, memory=8 * 10**9, forward=1e-3, predicting=10**9)
    monkeypatch.setattr(machine, "measure_cost", lambda *_, **__: cost)
    monkeypatch.setattr(plan, "resolve_device", lambda asked: asked)
    spec = load_dataset("mesc", project=project)
    on_gpu = {step.step: step.gpu_memory for step in plan.plan_costs(spec, device="cuda")}
    assert {on_gpu[step] for step in ("train", "attribute")} == {8 * 10**9}
    assert {on_gpu[step] for step in ("predict", "screen")} == {10**9}
    assert {on_gpu[step] for step in ("build", "evaluate", "report")} == {None}


def test_a_machine_is_named_by_the_cores_that_a_command_uses(monkeypatch):
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8)
    told = []
    for threads in ("", "4", "64", "4,2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        told.append(machine_name("cpu").rpartition(", ")[2])
    assert told == ["8 cores", "4 cores", "8 cores", "8 cores"]


def test_what_was_measured_is_kept_unless_it_is_damaged(project, monkeypatch):
    cost, measured = machine.measure_cost(), []
    monkeypatch.setattr(machine, "measure_cost", lambda *_, **__: measured.append(1) or cost)
    spec = load_dataset("mesc", project=project)
    first = plan.plan_costs(spec, device="cpu")
    file = project / "cache" / "claster" / "rates.json"
    assert "pure_conv" in file.read_text()
    assert plan.plan_costs(spec, device="cpu") == first
    assert len(measured) == 1
    file.write_text("{")
    plan.plan_costs(spec, device="cpu")
    assert "pure_conv" in file.read_text()
    assert len(measured) == 2


def run(*words):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.slow
def test_each_step_notes_what_was_planned(tmp_path, monkeypatch):
    """How much there is to do; `benchmarks/plan.py` compares how long it takes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLASTER_DATA", str(tmp_path / "source"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = ["-f", "proximal", "--epochs", "4", "--device", "cpu", "--json"]
    subject = "runs/demo_tiny/proximal"
    run("simulate", "demo_tiny")
    run("data", "build", "demo_tiny")
    planned = json.loads(run("plan", "demo_tiny", *words))["steps"]
    assert all(step["low"] < step["seconds"] < step["high"] for step in planned)
    run(*["train", "proximal", "--dataset", "demo_tiny", "--epochs", "4", "--device", "cpu"])
    run(*f"predict {subject} --device cpu".split())
    run(*f"perturb {subject} --controls 6 --device cpu".split())
    noted = {took.step: took for took in read_times(tmp_path)}
    assert list(noted) == ["build", "train", "predict", "screen"]
    assert {took.dataset for took in noted.values()} == {"demo_tiny"}
    assert [noted[step].flavour for step in noted] == ["", "proximal", "proximal", "proximal"]
    told = {step["step"]: step["amount"] for step in planned}
    samples = int(told["predict"].split()[0])
    assert noted["predict"].units == samples
    epochs, per_epoch = (int(word) for word in re.findall(r"[0-9]+", told["train"]))
    assert 0 < noted["train"].units <= epochs * per_epoch  # whole batches only
    assert noted["screen"].units > 0
    run(*f"perturb {subject} --controls 6 --device cpu".split())
    assert len(read_times(tmp_path)) == 4  # nothing was done, and nothing is noted
