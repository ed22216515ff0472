"""Datasets with each kind of contact map: YAML, built arrays, windows, manifest."""

import cooler
import h5py
import numpy as np
import pytest

from claster.dataset.build import build_dataset
from claster.dataset.layout import read_genes_table
from claster.dataset.signal_settings import ContactsSpec
from claster.dataset.sources import open_sources
from claster.errors import ClasterError
from claster.genome.gene_names import find_gene


def with_map(kind, **more):
    def change(content):
        rows = content["contacts"].pop("rows")
        content["contacts"] |= {"map": kind} | ({"rows": rows} if kind == "diagonal" else {}) | more

    return change


@pytest.fixture
def square(world):
    """Return the published square of GA.1, whose TSS is 30,000: the window starts on a bin's edge."""
    matrix = cooler.Cooler(str(world / "source/contacts.cool")).matrix(balance=True).fetch("chr1")
    kept = matrix[25:36, 25:36]
    return np.log10(np.where(np.nan_to_num(kept) > 0, kept, 1e-14))


@pytest.mark.parametrize(
    ("kind", "shape", "mirrored"),
    [
        ("diagonal", (4, 9), (slice(None), slice(None, None, -1))),
        ("stripe", (2, 9), (slice(None), slice(None, None, -1))),
        ("paper_square", (11, 11), (slice(None, None, -1), slice(None, None, -1))),
        ("paper_rotated", (2, 11), (slice(None), slice(None, None, -1))),
    ],
)
def test_each_map_is_built_forward_and_mirrored(edited, kind, shape, mirrored, cut_window):
    spec = edited(with_map(kind))
    assert spec.contacts_shape.shape == shape
    result = build_dataset(spec)
    folder = result.folders.arrays("contacts", "train")
    forward, reverse = (np.load(folder / f"GA.1_{way}.npy") for way in ("forward", "rev"))
    assert forward.dtype == reverse.dtype == (np.float16 if kind == "stripe" else np.float32)
    assert forward.shape == shape
    np.testing.assert_array_equal(reverse, forward[mirrored])
    assert build_dataset(edited(with_map(kind))).reused
    assert result.manifest.contacts_missing_mean is not None
    with open_sources(spec) as sources:
        window = cut_window(spec, sources, find_gene(sources.genes, "GA.1"))
    np.testing.assert_array_equal(window.contacts, forward)


@pytest.mark.parametrize(
    ("groups", "named"),
    [
        (["/resolutions/1000", "/resolutions/2000"], ""),
        (["/1", "/0"], ""),
        (["/1", "/0"], "::/1"),
        (["/resolutions/1000"], "::/resolutions/1000"),
        (["/1000"], "::1000"),
    ],
)
def test_zoom_layouts_and_groups_build_the_same_maps(edited, world, groups, named):
    source, path = world / "source/contacts.cool", world / "source/zoomed.mcool"
    coarse = world / "source/coarse.cool"
    cooler.coarsen_cooler(str(source), str(coarse), factor=2, chunksize=10**6)
    with h5py.File(path, "w") as store:
        for group, part in zip(groups, (source, coarse), strict=False):
            with h5py.File(part) as held:
                held.copy(held["/"], store, name=group)

    def zoomed(content):
        content["contacts"]["file"] = f"zoomed.mcool{named}"

    usual = build_dataset(edited().within("usual")).folders.arrays("contacts", "train")
    found = build_dataset(edited(zoomed).within("zoomed")).folders.arrays("contacts", "train")
    files = sorted(file.name for file in usual.iterdir())
    assert files == sorted(file.name for file in found.iterdir())
    assert files
    for name in files:
        assert (usual / name).read_bytes() == (found / name).read_bytes()


def test_the_square_is_the_matrix_around_the_tss(edited, square):
    folders = build_dataset(edited(with_map("paper_square"))).folders
    built = np.load(folders.arrays("contacts", "train") / "GA.1_forward.npy")
    np.testing.assert_allclose(built, square, rtol=1e-6)


def test_no_gene_is_lost_to_a_bins_edge(edited):
    kept = {
        kind: list(read_genes_table(build_dataset(edited(change)).folders)["gene_id"])
        for kind, change in (
            ("diagonal", lambda content: None),
            ("paper_rotated", lambda content: with_map("paper_rotated")(rename(content))),
        )
    }
    assert kept["paper_rotated"] == kept["diagonal"]


def rename(content):
    content["name"] = "turned"
    return content


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"value": "log_oe"}, "'map: paper_rotated' holds log10 frequencies; leave 'value' out"),
        ({"rows": 129}, "'map: paper_rotated' has its rows from 'window'; leave 'rows' out"),
        ({"resolution": 10_000}, "has 2 bins of 10,000 bp, too few for a rotated map"),
    ],
)
def test_settings_that_a_published_map_cannot_have(edited, more, message):
    with pytest.raises(ClasterError, match=message):
        edited(with_map("paper_rotated", **more)).contacts_shape  # noqa: B018


def test_published_maps_are_log10_by_themselves(edited):
    for more in ({}, {"value": "log10"}):
        contacts = edited(with_map("paper_square", **more)).contacts
        assert (contacts.value, contacts.rows) == ("log10", None)


def test_diagonal_keeps_its_129_rows(edited):
    for rows in ({}, {"rows": None}):
        contacts = ContactsSpec.model_validate({"file": "contacts.cool"} | rows)
        assert (contacts.map, contacts.value, contacts.rows) == ("diagonal", "log_oe", 129)
