"""Datasets that cut the same windows out of the same files share their arrays."""

import numpy as np
import pytest
import yaml

from claster.dataset.build import build_dataset
from claster.dataset.layout import read_genes_table
from claster.dataset.load import fold_names, load_dataset
from claster.dataset.manifest import verify_dataset
from claster.errors import ClasterError
from claster.signal.bigwig import BigWig


@pytest.fixture
def read(monkeypatch):
    """Names of the files that are decoded for windows from now on."""
    names = []
    signal = BigWig.signal

    def counting(self, chrom, **options):
        if "threads" in options:  # not the single windows that a scale is taken from
            names.append(self.named)
        return signal(self, chrom, **options)

    monkeypatch.setattr(BigWig, "signal", counting)
    return names


@pytest.fixture
def three(world, make):
    """The small dataset on a genome of three chromosomes."""
    sizes = make.sizes | {"chr3": 60_000}
    source = world / "source"
    (source / "chrom.sizes").write_text("".join(f"{c}\t{n}\n" for c, n in sizes.items()))
    for seed, name in enumerate(("ATAC.bw", "H3K27ac.bw", "plus.bw")):
        make.track(source / name, seed, sizes=sizes)
    make.track(source / "minus.bw", 9, sizes=sizes, sign=-1.0)
    make.contacts(source / "contacts.cool", sizes=sizes)
    row = "chr3\t30000\t32000\tF\t0\t-\tGF.1\tprotein_coding\n"
    (source / "genes.tsv").write_text((source / "genes.tsv").read_text() + row)


def inode(folders, modality, sample):
    return (folders.arrays(modality, "all") / f"{sample}.npy").stat().st_ino


def renamed(world, change=lambda content: None):
    content = yaml.safe_load((world / "configurations/datasets/small.yaml").read_text())
    content["name"] = "other"
    change(content)
    (world / "configurations/datasets/other.yaml").write_text(yaml.safe_dump(content))
    return load_dataset("other")


def test_other_splits_take_no_room_and_give_the_same_bytes(world, read, tree):
    first = build_dataset(load_dataset("small")).folders

    def swap(content):
        content["splits"] = {"test": ["chr1:90,000-120,000"]}

    spec = renamed(world, swap)
    read.clear()
    second = build_dataset(spec).folders
    assert {name.split()[0] for name in read} == {"target"}
    for modality in ("landscape", "contacts"):
        assert inode(first, modality, "GC.1_rev") == inode(second, modality, "GC.1_rev")
    assert verify_dataset(second) == {}
    alone = build_dataset(spec.within("elsewhere")).folders
    assert tree(second.inputs, second.targets) == tree(alone.inputs, alone.targets)
    assert inode(alone, "landscape", "GC.1_rev") != inode(first, "landscape", "GC.1_rev")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["window"].update(bins=121),
        lambda content: content["tracks"][0].update(clip=2.0),
        lambda content: content["tracks"][0].update(floor=1.0),
        lambda content: content["tracks"].reverse(),
        lambda content: content.update(summary="mean_covered"),
    ],
)
def test_other_windows_are_not_shared(world, change):
    first = build_dataset(load_dataset("small")).folders
    second = build_dataset(renamed(world, change)).folders
    assert inode(first, "landscape", "GA.1_rev") != inode(second, "landscape", "GA.1_rev")
    assert verify_dataset(first) == {}


def test_what_was_altered_is_not_passed_on(world):
    first = build_dataset(load_dataset("small")).folders
    array = first.arrays("landscape", "all") / "GA.1_rev.npy"
    np.save(array, np.zeros((2, 101), np.float32))
    second = build_dataset(renamed(world)).folders
    assert inode(first, "landscape", "GA.1_rev") != inode(second, "landscape", "GA.1_rev")
    assert verify_dataset(second) == {}
    assert len(verify_dataset(first)) == 1


def test_writing_anew_leaves_the_one_it_was_shared_with_alone(world):
    first = build_dataset(load_dataset("small")).folders
    build_dataset(renamed(world))

    def clipped(content):
        content["tracks"][0]["clip"] = 0.5

    build_dataset(renamed(world, clipped), force=True)
    assert verify_dataset(first) == {}


def test_folds_of_a_dataset_by_name(three):
    folds = [build_dataset(load_dataset(name)).folders for name in fold_names("small", 3)]
    assert [fold.name for fold in folds] == [f"small-fold{n}of3" for n in range(3)]
    tested = [read_genes_table(fold, split="test")["gene_id"].tolist() for fold in folds]
    assert tested == [["GA.1", "GB.1", "GC.1"], ["GD.1"], ["GF.1"]]
    assert {inode(fold, "landscape", "GA.1_rev") for fold in folds} == {
        inode(folds[0], "landscape", "GA.1_rev")
    }


def test_folds_that_cannot_be(world):
    with pytest.raises(ClasterError, match="3 folds of 2 chromosomes with usable genes"):
        build_dataset(load_dataset("small@0of3"))
    with pytest.raises(ClasterError, match="fold 3 of 3: they count from 0"):
        load_dataset("small@3of3")
