"""Interrupted builds resume with the chromosomes that are done; damaged files can be lived with."""

import errno
import os
import shutil

import cooler
import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.dataset import build as build_module
from claster.dataset import chromosome_windows
from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders, read_genes_table, read_ids
from claster.dataset.load import load_dataset
from claster.dataset.manifest import verify_dataset
from claster.errors import ClasterError
from claster.signal.bigwig import BigWig

WORKSPACE = "inputs/.small.building"


@pytest.fixture
def interrupted(world, monkeypatch):
    """A build of one job that Ctrl-C ended when chr1 was done and chr2 was not."""

    def stop(job, genes, write=chromosome_windows.write_chromosome):
        if job.chrom == "chr2":
            write(job, genes)
            raise KeyboardInterrupt
        return write(job, genes)

    with monkeypatch.context() as patch:
        patch.setattr(build_module, "write_chromosome", stop)
        with pytest.raises(KeyboardInterrupt):
            build_dataset(load_dataset("small"), jobs=1)
    assert [path.name for path in (world / "inputs").iterdir()] == [".small.building"]
    return world


@pytest.fixture
def decoded(monkeypatch):
    """Chromosomes that are decoded for windows from now on."""
    chromosomes = []
    signal = BigWig.signal

    def counting(self, chrom, **options):
        if "threads" in options:  # not the single windows that a scale is taken from
            chromosomes.append(chrom)
        return signal(self, chrom, **options)

    monkeypatch.setattr(BigWig, "signal", counting)
    return chromosomes


def test_only_what_was_not_done_is_done(interrupted, decoded, tree):
    folders = build_dataset(load_dataset("small")).folders
    assert set(decoded) == {"chr2"}
    assert [path.name for path in (interrupted / "inputs").iterdir()] == ["small"]
    again = build_dataset(load_dataset("small").within("elsewhere")).folders
    assert tree(folders.inputs, folders.targets) == tree(again.inputs, again.targets)
    assert verify_dataset(folders) == {}


def test_another_plan_starts_over(interrupted, edited, decoded):
    def wider(content):
        content["window"]["bins"] = 121

    build_dataset(edited(wider))
    assert set(decoded) == {"chr1", "chr2"}


def test_a_changed_source_starts_over(interrupted, make, decoded):
    make.track(interrupted / "source/ATAC.bw", 77)
    build_dataset(load_dataset("small"))
    assert set(decoded) == {"chr1", "chr2"}


@pytest.mark.parametrize("left", ["inputs/landscape/all/GA.1_rev.npy", "shards/chr1.target.npy"])
def test_an_array_that_was_lost_or_altered_since_is_made_again(interrupted, decoded, tree, left):
    path = interrupted / WORKSPACE / left
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    folders = build_dataset(load_dataset("small")).folders
    assert set(decoded) == {"chr1", "chr2"}
    again = build_dataset(load_dataset("small").within("elsewhere")).folders
    assert tree(folders.inputs, folders.targets) == tree(again.inputs, again.targets)


@pytest.fixture
def with_damage(world, make):
    """ATAC cannot be read in its first block, where GA.1 is; return where that ends."""
    path = world / "source/ATAC.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(make.sizes.items()))
        for chrom, size in make.sizes.items():
            starts = np.arange(0, size, 20)
            file.addEntries(
                [chrom] * starts.size, starts, ends=starts + 10, values=np.ones(starts.size)
            )
    content = bytearray(path.read_bytes())
    with BigWig(path, named="ATAC") as track:
        block = track._index.blocks[0]
    content[int(block["at"]) + 4 : int(block["at"]) + 12] = b"\xff" * 8
    path.write_bytes(content)
    return int(block["end"])


def test_genes_whose_windows_do_not_read_are_dropped_where_the_user_says_so(
    edited, with_damage, tree
):
    with pytest.raises(ClasterError, match=r"ATAC\.bw is damaged"):
        build_dataset(edited())

    def tolerant(content):
        content["on_error"] = "drop"
        content["splits"] = {"test": []}

    folders = build_dataset(edited(tolerant)).folders
    dropped = pd.read_csv(folders.dropped, sep="\t").set_index("gene_id")
    unreadable = dropped[dropped["reason"] == "unreadable"]
    kept = read_genes_table(folders)
    everyone = {"GA.1": 30_000, "GB.1": 50_000, "GC.1": 100_000}
    assert set(unreadable.index) == {g for g, tss in everyone.items() if tss - 5050 < with_damage}
    assert 1 <= len(unreadable) <= 2
    assert "ATAC.bw is damaged: a block cannot be read" in unreadable["detail"].iloc[0]
    assert len(kept) + len(dropped) == 7
    assert not [name for name in tree(folders.inputs) if "GA.1" in name]
    assert verify_dataset(folders) == {}


def test_contacts_that_do_not_read_drop_the_chromosome(edited, world, monkeypatch):
    from claster.errors import DamagedFileError

    def damaged(clr, chrom, *arguments, cut=chromosome_windows.map_cutter, **options):
        if chrom == "chr1":
            raise DamagedFileError("contacts: x.cool is damaged", remedy="fetch it again")
        return cut(clr, chrom, *arguments, **options)

    monkeypatch.setattr(chromosome_windows, "map_cutter", damaged)
    with pytest.raises(ClasterError, match=r"x\.cool is damaged"):
        build_dataset(edited())

    def tolerant(content):
        content["on_error"] = "drop"
        content["splits"] = {"test": []}

    result = build_dataset(edited(tolerant))
    assert result.manifest.genes_dropped["unreadable"] == 3
    assert read_genes_table(result.folders)["gene_id"].tolist() == ["GD.1"]


def test_the_unknown_share_of_each_map_is_told(edited, world):
    clr = cooler.Cooler(str(world / "source/contacts.cool"))
    bins = clr.bins()[:]
    bins.loc[(bins["chrom"] == "chr1") & (bins["start"] == 30_000), "weight"] = np.nan
    cooler.create_cooler(str(world / "source/holes.cool"), bins, clr.pixels()[:], ordered=True)

    def holes(content):
        content["contacts"]["file"] = "holes.cool"

    genes = read_genes_table(build_dataset(edited(holes)).folders).set_index("gene_id")
    # Bin 30 is GA.1's centre: one cell of row 0, two of each of rows 1, 2 and 3, of 4 x 9.
    assert genes.loc["GA.1", "contacts_unknown"] == pytest.approx(7 / 36, abs=1e-6)
    assert genes.loc["GD.1", "contacts_unknown"] == 0


def test_views_that_were_altered_are_found(world):
    folders = build_dataset(load_dataset("small")).folders
    other = folders.arrays("landscape", "train_valid") / "GC.1_rev.npy"
    other.unlink()
    os.link(folders.arrays("landscape", "all") / "GA.1_rev.npy", other)
    moved = folders.arrays("contacts", "test") / "GD.1_forward.npy"
    moved.rename(moved.with_name("other.npy"))
    assert verify_dataset(folders) == {
        other: "changed",
        moved: "missing",
        moved.with_name("other.npy"): "extra",
    }


def test_a_copied_dataset_is_as_built(world):
    build_dataset(load_dataset("small"))
    for folder in ("inputs", "targets"):
        shutil.copytree(world / folder / "small", world / "copied" / folder / "small")
    assert verify_dataset(DatasetFolders("small", world / "copied")) == {}


def test_disks_without_hard_links_get_symbolic_ones(world, monkeypatch):
    def refused(*_arguments):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    folders = build_dataset(load_dataset("small")).folders
    file = folders.arrays("landscape", "test") / "GD.1_forward.npy"
    assert str(file.readlink()) == "../all/GD.1_forward.npy"
    assert verify_dataset(folders) == {}


def test_a_view_shows_each_sample_of_its_split_once_in_the_store(world):
    folders = build_dataset(load_dataset("small")).folders
    store = {path.stem for path in folders.arrays("landscape", "all").iterdir()}
    views = {
        split: {path.stem for path in folders.arrays("landscape", split).iterdir()}
        for split in ("train", "valid", "test")
    }
    assert set().union(*views.values()) == store
    assert sum(len(samples) for samples in views.values()) == len(store)
    assert views["valid"] == set(read_ids(folders, "valid"))
    shutil.move(world / "inputs/small", world / "inputs/moved")
    assert np.load(world / "inputs/moved/landscape/train_valid/GA.1_rev.npy").shape == (2, 1, 101)
