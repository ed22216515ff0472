"""What a person is told who gives a wrong key or option: what it is, and what to write instead."""

import importlib
import pkgutil
from typing import get_args

import pytest
from pydantic import BaseModel, Field, ValidationError

import claster
from claster.dataset.load import dataset_of
from claster.errors import _ARGUMENTS, ClasterError
from claster.settings import Device, Settings, explained

KEYS = {
    "name": "mine",
    "assembly": "mm10",
    "tracks": [{"name": "ATAC", "file": "ATAC.bw"}],
    "genes": {"file": "genes.gtf"},
    "target": {"conditions": [{"name": "ctrl", "file": "nascent.bw"}]},
    "splits": {"valid": ["chr17"], "test": ["chr4"]},
}
SAID = [
    (
        {"tracks": ["a.bw"]},
        "tracks.0 must be keys, not 'a.bw': write {'name': 'a', 'file': 'a.bw'}",
    ),
    (
        {"tracks": "a.bw"},
        "tracks must be a list, not 'a.bw': write [{'name': 'a', 'file': 'a.bw'}]",
    ),
    (
        {"tracks": {"ATAC": "a.bw"}},
        "tracks must be a list, not keys: write [{'name': 'ATAC', 'file': 'a.bw'}]",
    ),
    ({"tracks": []}, "tracks has too few items: give 1 or more"),
    ({"genes": "x"}, "genes must be keys, not 'x': write {'file': 'x'}"),
    ({"splits": {"valid": "chr2"}}, "splits.valid must be a list, not 'chr2': write ['chr2']"),
    ({"splits": ["chr2"]}, "splits must be keys, not a list: write {'valid': ..., 'test': ...}"),
    (
        {"target": {"plus": "p.bw"}},
        "unknown key 'target.plus': write 'target.conditions': [{'plus': 'p.bw', ...}]",
    ),
    (
        {"target": "p.bw"},
        "target must be keys, not 'p.bw': write {'conditions': [{'name': 'p', 'file': 'p.bw'}]}",
    ),
    ({"window": 100}, "window must be keys, not 100: write {'bin': ..., 'bins': ...}"),
    ({"window": {"bins": "many"}}, "window.bins must be a whole number, not 'many': correct it"),
    (
        {"window": {"bins": 100}},
        "window.bins: 100 bins: an odd number is needed, so that one bin is centred on the TSS: correct it",
    ),
    (
        {"tracks": [{"name": "ATAC", "file": "a.bw", "transform": "log"}]},
        "tracks.0.transform has no choice 'log': did you mean 'log1p'? choose among none, sqrt, log1p, "
        "log1p_10x, asinh",
    ),
    (
        {"tracks": [{"name": "ATAC", "file": "a.bw", "floor": -1}]},
        "tracks.0.floor must be more than 0, not -1: correct it",
    ),
    ({"edges": "keep"}, "edges has no choice 'keep': choose among drop, pad"),
    ({"splits": {"folds": 2}}, "splits.folds must be 3 or more, not 2: correct it"),
    ({"contacts": {"file": "m.mcool", "balance": []}}, None),
    ({"assembly": 10}, "assembly must be a word, not 10: correct it"),
    ({"genes": None}, "genes must be keys, not nothing: write {'file': 'FILE'}"),
]


@pytest.mark.parametrize(("wrong", "said"), SAID)
def test_a_wrong_key_is_explained_in_our_words(wrong, said):
    with pytest.raises(ClasterError) as error:
        dataset_of(KEYS | wrong)
    told = str(error.value).replace(" (and 1 more)", "")
    assert "nput should" not in told or said is None
    if said:
        assert told == f"dataset 'mine': {said}"


@pytest.mark.parametrize("key", ["assembly", "tracks", "genes"])
def test_a_missing_key_is_named(key):
    keys = {name: value for name, value in KEYS.items() if name != key}
    with pytest.raises(ClasterError, match=f"^dataset 'mine': '{key}' is missing: add it$"):
        dataset_of(keys)


def test_a_misspelled_key_is_recognised():
    with pytest.raises(ClasterError, match="unknown key 'trakcs': did you mean 'tracks'"):
        dataset_of(KEYS | {"trakcs": []})


@pytest.mark.parametrize(
    ("remedy", "in_python"),
    [
        ("pass --force to replace it", "pass force=True to replace it"),
        ("choose another --tag or --batch-size 8", "choose another 'tag' or 'batch_size' 8"),
        ("use --no-average, or --from", "use average=False, or 'pretrained'"),
        ("run 'claster data build toy --force'", "run 'claster data build toy --force'"),
        ("claster train toy --dataset x", "claster train toy --dataset x"),
        ("the run's --seed or the dataset's", "the run's 'seed' or the dataset's"),
    ],
)
def test_options_are_arguments_in_python(remedy, in_python):
    error = ClasterError("found", remedy=remedy)
    assert str(error) == f"found: {in_python}"
    assert error.line == f"found: {remedy}"


def settings_models(model=Settings):
    for below in model.__subclasses__():
        yield below
        yield from settings_models(below)


def test_options_that_python_calls_otherwise_are_known():
    for module in pkgutil.walk_packages(claster.__path__, "claster."):
        if module.name.endswith("settings"):
            importlib.import_module(module.name)
    renamed = {
        flag.removeprefix("--").partition("/")[0]: name
        for model in settings_models()
        for name, field in model.model_fields.items()
        for flag in (field.json_schema_extra or {}).get("flags", ())[:1]
        if flag.partition("/")[0] != f"--{name.replace('_', '-')}"
    }
    assert renamed
    for flag, name in renamed.items():
        assert _ARGUMENTS[flag] == f"'{name}'"


def test_a_device_that_is_none_is_refused_at_once():
    assert get_args(Device) == ("auto", "cpu", "cuda")
    with pytest.raises(ClasterError, match=r"no device 'gpu': .*choose among auto, cpu, cuda"):
        claster.Project(device="gpu")


def test_a_limit_keeps_its_digits():
    class Share(BaseModel):
        share: float = Field(gt=0.05, le=100_000)

    told = []
    for value in (0.01, 1e6):
        with pytest.raises(ValidationError) as caught:
            Share(share=value)
        told.append(explained(caught.value, Share).found)
    assert told == [
        "share must be more than 0.05, not 0.01",
        "share must be 100000 or less, not 1000000.0",
    ]
