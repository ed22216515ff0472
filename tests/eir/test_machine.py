"""What a training runs on, and how it is fed: literal numbers, no EIR."""

import os

import pytest
import torch

from claster.eir import machine as machines
from claster.eir.flavours import FLAVOURS
from claster.eir.machine import Machine, choose_feeding, on_machine, require_machine, sample_bytes
from claster.eir.parts import SampleCounts
from claster.eir.settings import TrainSettings
from claster.eir.yaml_files import plan_schedule
from claster.errors import ClasterError

PUBLISHED = SampleCounts(38_800, 3_000)
GB = 10**9


@pytest.fixture
def gpus(monkeypatch):
    """Return a function that pretends that there are so many GPUs."""

    def pretend(count, *, bf16=True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bf16)

    return pretend


def test_machines_that_there_are(gpus, monkeypatch):
    monkeypatch.setattr(os, "process_cpu_count", lambda: 4)
    assert require_machine("cpu", devices=4, precision=None) == Machine("cpu", 4)
    gpus(2)
    assert require_machine("cuda", devices=2, precision="bf16-mixed") == Machine(
        "cuda", 2, "bf16-mixed"
    )


@pytest.mark.parametrize(
    ("device", "devices", "precision", "message"),
    [
        ("cpu", 5, None, "5 devices were asked for and there are 4 CPU cores to use: choose"),
        ("cpu", 0, None, "0 devices were asked for"),
        ("cuda", 2, None, "2 devices were asked for and there is 1 GPU to use: choose"),
        ("cpu", 1, "16-mixed", "16-mixed was asked for and needs a GPU: use 'precision' bf16-m"),
        ("cuda", 1, "bf16-mixed", "this GPU has no bfloat16: use 'precision' 16-mixed"),
    ],
)
def test_machines_that_there_are_not(gpus, monkeypatch, device, devices, precision, message):
    monkeypatch.setattr(os, "process_cpu_count", lambda: 4)
    gpus(1, bf16=False)
    with pytest.raises(ClasterError, match=message):
        require_machine(device, devices=devices, precision=precision)


def feeding(machine, *, free, cores=8, table=False, epochs=120, **asked):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machines, "sample_bytes", lambda *_: 160_016)
        patch.setattr(machines, "free_memory", lambda: free)
        patch.setattr(os, "process_cpu_count", lambda: cores)
        fed = choose_feeding(
            machine,
            TrainSettings(**asked),
            flavour=FLAVOURS["pure_conv" if table else "profile"],
            spec=None,
            counts=PUBLISHED,
            epochs=epochs,
        )
    return fed.workers, fed.memory, fed.feeding


GPU = Machine("cuda")


@pytest.mark.parametrize(
    ("machine", "free", "cores", "expected"),
    [
        (GPU, 60 * GB, 8, (0, True)),  # 6.7 GB x 4 is less than 30
        (GPU, 50 * GB, 8, (4, False)),
        (GPU, 50 * GB, 3, (2, False)),
        (GPU, 50 * GB, 1, (0, False)),
        (GPU, None, 8, (4, False)),
        (Machine("cpu"), 50 * GB, 64, (0, False)),
        (Machine("cuda", 2), 60 * GB, 8, (3, False)),  # every process holds all samples
    ],
)
def test_feeding_that_is_chosen(machine, free, cores, expected):
    assert feeding(machine, free=free, cores=cores)[:2] == expected


def test_table_of_targets_has_no_workers():
    assert feeding(GPU, free=60 * GB, table=True)[:2] == (0, True)
    assert feeding(GPU, free=50 * GB, table=True)[:2] == (0, False)


def test_feeding_says_why():
    assert feeding(GPU, free=50 * GB)[2] == (
        "samples read from files by 4 workers: EIR takes 26.8 GB of the free memory (50.0 GB) to read "
        "6.7 GB; one process reads for 41 min of the training"
    )
    assert feeding(GPU, free=50 * GB, epochs=10)[0] == 0  # 3.4 minutes


def test_feeding_that_is_asked_for():
    assert feeding(GPU, free=GB, workers=3, memory=True)[:2] == (3, True)
    assert feeding(GPU, free=60 * GB, workers=2)[:2] == (2, False)
    assert feeding(GPU, free=10**3 * GB, memory=False)[:2] == (4, False)


def test_bytes_of_a_sample(small):
    assert sample_bytes(FLAVOURS["toy"], small.spec) == 4 * 2 * 2001
    # 41 bins of 10 columns with what the first convolution needs beside them, and the profile
    profile = sample_bytes(FLAVOURS["profile"], small.spec)
    assert profile == 4 * (2 * 421 + 41)


SETTINGS = {
    "basic_experiment": {"memory_dataset": True},
    "accelerator": {"hardware": "auto", "precision": "32-true", "strategy": "auto", "devices": 1},
    "lr_schedule": {"lr_schedule": "cosine", "warmup_steps": 5, "lr_plateau_factor": 0.2},
    "training_control": {"early_stopping_patience": 9},
}


def test_one_device_keeps_schedule_and_early_stopping():
    after = on_machine(SETTINGS, Machine("cuda", precision="16-mixed", workers=2, memory=False))
    assert after == SETTINGS | {
        "basic_experiment": {"dataloader_workers": 2, "memory_dataset": False},
        "accelerator": SETTINGS["accelerator"] | {"hardware": "cuda", "precision": "16-mixed"},
    }


def test_several_devices_have_one_rate_and_no_early_stop():
    after = on_machine(SETTINGS, Machine("cuda", 4))
    assert after["accelerator"] == {
        "hardware": "cuda",
        "precision": "32-true",
        "strategy": "ddp",
        "devices": 4,
    }
    assert after["lr_schedule"]["lr_schedule"] == "plateau"
    assert after["lr_schedule"]["warmup_steps"] is None
    assert after["lr_schedule"]["lr_plateau_patience"] > 10**5
    assert after["training_control"] == {"early_stopping_patience": 0}


@pytest.mark.parametrize("name", sorted(FLAVOURS.keys() - {"tutorial"}))
def test_schedule_and_early_stopping_can_act_at_the_published_size(name):
    training = FLAVOURS[name].training
    schedule = plan_schedule(FLAVOURS[name], PUBLISHED, None)
    assert schedule.interval <= 1000
    evaluations = (schedule.steps - schedule.warmup) // schedule.interval
    assert evaluations > 3 * training.lr_plateau_patience
    assert evaluations > 2 * training.early_stopping_patience


def test_devices_share_a_batch():
    one, four = (plan_schedule(FLAVOURS["pure_conv"], PUBLISHED, None, devices=n) for n in (1, 4))
    assert one == four
    odd = plan_schedule(FLAVOURS["pure_conv"], SampleCounts(100, 20), 1, devices=3)
    assert (odd.batch_size, odd.steps) == (15, 6)  # 34 samples each, 5 at a time


def test_a_training_of_one_step_would_save_no_model():
    training = FLAVOURS["toy"].training
    counts = SampleCounts(training.batch_size + 1, training.batch_size)
    with pytest.raises(ClasterError, match="and one epoch are one step"):
        plan_schedule(FLAVOURS["toy"], counts, 1)
    assert plan_schedule(FLAVOURS["toy"], counts, 2).interval == 2
