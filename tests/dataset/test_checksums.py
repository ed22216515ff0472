"""A flipped byte anywhere in a built dataset is found."""

import hashlib
import subprocess

import numpy as np
import pytest

from claster.dataset.build import build_dataset
from claster.dataset.layout import CHECKSUMS, PARTS
from claster.dataset.manifest import verify_dataset
from claster.errors import ClasterError


@pytest.fixture
def folders(edited):
    return build_dataset(edited()).folders


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def all_files(folders):
    return [
        path
        for folder in (folders.inputs, folders.targets)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(path.parts) & set(PARTS)
    ]


def test_an_untouched_dataset_is_as_built(folders):
    assert verify_dataset(folders) == {}
    for folder in (folders.inputs, folders.targets):
        lines = (folder / CHECKSUMS).read_text().splitlines()
        for line in lines:
            digest, name = line.split("  ")
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        subprocess.run(["sha256sum", "--quiet", "-c", CHECKSUMS], cwd=folder, check=True)


def test_one_flipped_bit_in_any_file_names_the_file(folders):
    rng = np.random.default_rng(3)
    for path in all_files(folders):
        kept = path.read_bytes()
        flip(path, int(rng.integers(len(kept))))
        found = verify_dataset(folders)
        path.write_bytes(kept)
        named = path.with_name("manifest.json") if path.name == "manifest.sha256" else path
        assert found == {named: "changed"}, path
    assert verify_dataset(folders) == {}


def test_missing_and_extra_files(folders):
    array = next(folders.arrays("landscape", "all").iterdir())
    array.rename(array.with_name("other.npy"))
    found = {path.name: how for path, how in verify_dataset(folders).items()}
    assert found == {array.name: "missing", "other.npy": "extra"}
    (folders.targets / CHECKSUMS).unlink()
    assert verify_dataset(folders)[folders.targets / CHECKSUMS] == "missing"


def test_what_cannot_be_verified(folders):
    (folders.inputs / "manifest.sha256").unlink()
    with pytest.raises(ClasterError, match="has no checksums: run 'claster data build small --fo"):
        verify_dataset(folders)
    folders.manifest.unlink()
    with pytest.raises(ClasterError, match="is not built"):
        verify_dataset(folders)
