"""The container recipe: what it builds from, who runs in it, and that its steps are the Makefile's."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPE = (ROOT / "Containerfile").read_text(encoding="utf-8")
APPTAINER = (ROOT / "apptainer.def").read_text(encoding="utf-8")
KNOWN = {"ARG", "FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "ENTRYPOINT", "CMD"}


def instructions(text):
    """Return (instruction, rest) of each, lines that go on joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in joined if line.strip()]


STEPS = instructions(RECIPE)


def of(kind):
    return [rest for name, rest in STEPS if name == kind]


def pinned(image):
    """Tell whether a name of an image means one version: a digest, or a tag with all three numbers."""
    return bool(re.search(r"@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+[\w.-]*$", image))


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("python", False),
        ("python:latest", False),
        ("python:3.13-slim", False),
        ("python:3.13.9-slim-bookworm", True),
        ("python@sha256:" + "0" * 64, True),
    ],
)
def test_what_is_pinned(image, told):
    assert pinned(image) is told


def test_instructions_are_known_and_stages_start_from_one_pinned_image():
    assert {name for name, _ in STEPS} <= KNOWN
    stages = [re.fullmatch(r"(\S+)(?: AS (\w+))?", rest).groups() for rest in of("FROM")]
    names = [name for _, name in stages]
    outside = [image for image, _ in stages if image not in names and image != "$VARIANT"]
    assert outside
    assert all(map(pinned, outside))
    assert not any("latest" in rest for _, rest in STEPS)
    assert "VARIANT=cuda" in of("ARG")
    assert {"cpu", "cuda"} < set(names)


def test_it_does_not_run_as_root():
    last = max(number for number, (name, _) in enumerate(STEPS) if name == "FROM")
    (user,) = [rest for name, rest in STEPS[last:] if name == "USER"]
    assert user not in ("root", "0")
    assert f"--uid 1000 {user}" in " ".join(of("RUN"))
    after = STEPS[[name for name, _ in STEPS].index("USER") :]
    assert not any("apt-get" in rest for name, rest in after if name == "RUN")


def test_what_is_copied_is_there_and_committed():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    for rest in of("COPY"):
        *sources, _ = [word for word in rest.split() if not word.startswith("--")]
        for source in sources:
            assert (ROOT / source).exists(), source
            assert not listed or any(f"{name}/".startswith(f"{source}/") for name in listed), source


def test_steps_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    called = re.findall(r"\bmake ([a-z-]+)", " && ".join(of("RUN")))
    assert {"setup", "demo"} <= set(called) <= targets
    assert "--size tiny" in " ".join(of("RUN"))
    assert "demo --size tiny" in APPTAINER


def test_nothing_is_fetched_into_a_shell_and_no_address_is_named():
    for text in (RECIPE, APPTAINER):
        assert not re.search(r"\b(curl|wget)\b", text)
        assert "://" not in text
        assert not re.search(r"\.(io|com|org)\b", text)


def test_apptainer_starts_from_the_image_of_the_recipe():
    header = dict(re.findall(r"^(\w+): (\S+)$", APPTAINER, re.MULTILINE))
    assert header == {"Bootstrap": "oci-archive", "From": "claster.oci.tar"}
    assert f"--output {header['From']}" in APPTAINER
    assert {"%environment", "%runscript", "%test"} == set(
        re.findall(r"^%\w+", APPTAINER, re.MULTILINE)
    )
