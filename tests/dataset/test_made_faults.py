"""Dataset YAMLs with made faults: they are read, or refused in one line; check and build agree."""

import copy

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claster.dataset.build import build_dataset
from claster.dataset.doctor.check import check_dataset
from claster.dataset.load import load_dataset
from claster.errors import ClasterError

ODD = st.one_of(
    st.sampled_from(
        [None, True, False, 0, -1, 1, 7, 10**12, 1e3, -0.5, float("inf"), float("nan"), "", " ", "no"]
    ),
    st.sampled_from(["chr1", "1", "chr9", "paper", "mean", "none", "../x", "/", "a b", "small", "é"]),
    st.sampled_from([[], {}, [[]], [None], ["chr2"], [2], ["chr1", "chr1"], {"a": 1}, {"file": "x"}]),
)  # fmt: skip
KINDS = st.sampled_from(["set", "delete", "rename", "twice", "wrap", "copy"])


def places(content, before=()):
    """Return the way to every key and item."""
    items = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    found = []
    for key, value in items:
        found += [(*before, key), *places(value, (*before, key))]
    return found


def spoil(content, where, kind, value):
    """Change what is at a place, or take it away, in one of several ways."""
    *steps, last = where
    for step in steps:
        content = content[step]
    if kind == "set":
        content[last] = value
    elif kind == "delete":
        del content[last]
    elif kind == "wrap":
        content[last] = [content[last]]
    elif kind == "copy" and isinstance(content, list):
        content.append(copy.deepcopy(content[last]))
    elif kind == "rename" and isinstance(content, dict):
        content[f"{last}s"] = content.pop(last)


@st.composite
def faults(draw, content):
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 2))):
        if ways := places(content):
            spoil(content, draw(st.sampled_from(ways)), draw(KINDS), draw(ODD))
    text = yaml.safe_dump(content, sort_keys=False)
    lines = text.splitlines(keepends=True)
    way = draw(st.sampled_from(["as it is"] * 6 + ["line twice", "cut", "tab"]))
    if lines and way != "as it is":
        at = draw(st.integers(0, len(lines) - 1))
        if way == "line twice":
            lines.insert(at, lines[at])
        elif way == "tab":
            lines[at] = "\t" + lines[at]
        else:
            lines[at:] = [lines[at][: len(lines[at]) // 2]]
    return "".join(lines)


def is_one_line(error):
    assert "\n" not in str(error), str(error)
    assert error.found
    assert error.remedy


def full_yaml(content):
    return content | {
        "recipe": "exact",
        "summary": "mean_all",
        "edges": "drop",
        "regions": ["chr1", "chr2"],
        "blacklist": {"file": "black.bed", "max_share": 0.5},
        "example_gene": "GA.1",
        "genes": content["genes"]
        | {"types": ["protein_coding"], "exclude_chromosomes": ["chrM"], "recipe": "exact"},
        "simulation": {"seed": 1, "genes": 60},
        "scales_from": None,
    }


def try_faults(world, *, examples, build):
    path = world / "configurations/datasets/small.yaml"
    (world / "source/black.bed").write_text("chr1\t31000\t32000\n")
    start = full_yaml(yaml.safe_load(path.read_text()))
    start.pop("contacts")
    seen = {"read": 0, "refused": 0}

    @settings(
        derandomize=True,
        max_examples=examples,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(faults(start))
    def try_one(text):
        path.write_text(text, encoding="utf-8")
        try:
            spec = load_dataset("small", project=world)
        except ClasterError as error:
            seen["refused"] += 1
            is_one_line(error)
            return
        seen["read"] += 1
        if not build or spec.window.bins > 1001 or (spec.target and spec.target.bins > 1001):
            return
        code = check_dataset(spec).exit_code
        try:
            build_dataset(spec, force=True)
            refused = ""
        except ClasterError as error:
            is_one_line(error)
            refused = str(error)
        assert (code == 2) == bool(refused), refused or "the check refused what builds"

    try_one()
    assert min(seen.values()) > examples // 20


@pytest.mark.slow
def test_a_made_fault_is_read_or_refused_in_one_line(world):
    try_faults(world, examples=300, build=False)


@pytest.mark.slow
def test_what_the_build_refuses_the_check_has_refused(world):
    try_faults(world, examples=400, build=True)
