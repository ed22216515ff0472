import json
import os
import shutil
import subprocess
import sys
import textwrap

import cooler
import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.dataset import build as build_module
from claster.dataset import chromosome_windows
from claster.dataset.build import build_dataset
from claster.dataset.inventory import list_sources
from claster.dataset.layout import (
    DatasetFolders,
    read_arrays,
    read_genes_table,
    read_ids,
    read_targets,
)
from claster.dataset.load import load_dataset
from claster.dataset.manifest import require_manifest
from claster.dataset.report import build_lines
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError
from claster.files import sha256
from claster.signal.bigwig import BigWig


def base_means(path, start, bins, size, chrom="chr1", sign=1.0):
    with pyBigWig.open(str(path)) as file:
        bases = np.nan_to_num(file.values(chrom, start, start + bins * size, numpy=True))
    return sign * bases.reshape(bins, size).mean(axis=1)


def test_everything_is_where_it_should_be(world):
    result = build_dataset(load_dataset("small"))
    folders = result.folders
    assert not result.reused
    assert read_ids(folders, "train") == ["GA.1_forward", "GA.1_rev", "GB.1_forward", "GB.1_rev"]
    assert read_ids(folders, "valid") == ["GC.1_forward", "GC.1_rev"]
    assert read_ids(folders, "test") == ["GD.1_forward", "GD.1_rev"]
    for modality, shape in (("landscape", (2, 1, 101)), ("contacts", (4, 9))):
        for split in ("train", "valid", "test"):
            files = sorted(folders.arrays(modality, split).glob("*.npy"))
            assert [file.stem for file in files] == read_ids(folders, split)
            for file in files:
                array = np.load(file, allow_pickle=False)
                assert (array.dtype, array.shape) == (np.float32, shape)
        together = sorted(path.stem for path in folders.arrays(modality, "train_valid").iterdir())
        assert together == read_ids(folders, "train") + read_ids(folders, "valid")
        assert np.load(folders.arrays(modality, "train_valid") / "GC.1_rev.npy").shape == shape


def test_numbers_equal_the_files_read_base_by_base(world):
    folders = build_dataset(load_dataset("small")).folders
    genes = read_genes_table(folders).set_index("gene_id")
    for gene_id, split in (("GA.1", "train"), ("GB.1", "train"), ("GD.1", "test")):
        gene = genes.loc[gene_id]
        array = read_arrays(folders, [gene_id], split=split)[0]
        expected = [
            base_means(world / "source" / name, gene["tss"] - 5050, 101, 100, gene["chrom"])
            for name in ("ATAC.bw", "H3K27ac.bw")
        ]
        np.testing.assert_allclose(array, expected, rtol=1e-6)
    assert genes.loc["GB.1", "tss"] == 50_000


def test_reverse_samples_are_mirrored_in_every_modality(world):
    folders = build_dataset(load_dataset("small")).folders
    for modality in ("landscape", "contacts"):
        forward = read_arrays(folders, ["GA.1"], split="train", modality=modality)
        rev = read_arrays(folders, ["GA.1"], split="train", modality=modality, rev=True)
        np.testing.assert_array_equal(forward[..., ::-1], rev)
    targets = read_targets(folders.target_table("train"))
    for condition in ("ctrl", "a485"):
        columns = [f"{k}_{condition}" for k in range(-2, 3)]
        np.testing.assert_array_equal(
            targets.loc["GA.1_forward", columns].to_numpy()[::-1], targets.loc["GA.1_rev", columns]
        )


def test_targets_sum_the_strands_in_centred_bins(edited, world):
    def plain(content):
        content["target"]["smoothing"] = 0

    folders = build_dataset(edited(plain)).folders
    targets = read_targets(folders.target_table("valid"))
    assert targets.columns.tolist() == [f"{k}_{c}" for c in ("ctrl", "a485") for k in range(-2, 3)]
    start = 100_000 - 2500
    ctrl = base_means(world / "source/plus.bw", start, 5, 1000) + base_means(
        world / "source/minus.bw", start, 5, 1000, sign=-1.0
    )
    np.testing.assert_allclose(targets.loc["GC.1_forward"].to_numpy()[:5], ctrl, rtol=1e-5)
    other = base_means(world / "source/ATAC.bw", start, 5, 1000)
    np.testing.assert_allclose(targets.loc["GC.1_forward"].to_numpy()[5:], other, rtol=1e-5)

    def summed(content):
        plain(content)
        content["target"]["statistic"] = "sum"

    folders = build_dataset(edited(summed), force=True).folders
    total = read_targets(folders.target_table("valid")).loc["GC.1_forward"].to_numpy()[:5]
    np.testing.assert_allclose(total, 1000 * ctrl, rtol=1e-5)


def test_transforms_change_what_is_stored_and_are_undone_on_reading(edited):
    def logged(content):
        content["tracks"][1]["transform"] = "log1p"
        content["target"]["transform"] = "log1p"

    plain = build_dataset(edited().within("plain")).folders
    spec = edited(logged)
    folders = build_dataset(spec.within("logged")).folders
    signal = read_arrays(plain, ["GA.1"], split="train")
    stored = read_arrays(folders, ["GA.1"], split="train")
    np.testing.assert_array_equal(stored[:, 0], signal[:, 0])
    np.testing.assert_allclose(stored[:, 1], np.log1p(signal[:, 1]), rtol=1e-6)
    back = read_landscapes(folders, spec, ["GA.1"], split="train")
    np.testing.assert_allclose(back, signal, rtol=1e-5, atol=1e-6)
    raw = read_targets(plain.target_table("test"))
    stored = read_targets(folders.target_table("test"))
    np.testing.assert_allclose(stored, np.log1p(raw), rtol=1e-4)
    back = read_targets(folders.target_table("test"), transform="log1p")
    np.testing.assert_allclose(back, raw, rtol=1e-4, atol=1e-5)


def test_clip_caps_tracks_and_targets(edited):
    def capped(content):
        content["tracks"][0]["clip"] = 2.0
        content["target"]["clip"] = 1.5

    plain = build_dataset(edited().within("plain")).folders
    folders = build_dataset(edited(capped).within("capped")).folders
    signal, stored = (read_arrays(f, ["GA.1"], split="train") for f in (plain, folders))
    assert signal[:, 0].max() > 2
    np.testing.assert_array_equal(stored[:, 0], np.minimum(signal[:, 0], 2.0))
    np.testing.assert_array_equal(stored[:, 1], signal[:, 1])
    raw, low = (read_targets(f.target_table("test")) for f in (plain, folders))
    assert (raw > 1.5).any(axis=None)
    np.testing.assert_allclose(low, raw.clip(upper=1.5), rtol=1e-5)


def test_a_floor_leaves_the_peaks_of_a_track(edited):
    plain = build_dataset(edited().within("plain")).folders
    spec = edited(lambda content: content["tracks"][0].update(floor=1.0, transform="log1p"))
    folders = build_dataset(spec.within("peaks")).folders
    signal = read_arrays(plain, ["GA.1"], split="train")
    peaks = read_landscapes(folders, spec, ["GA.1"], split="train")
    high = signal[:, 0] >= 1
    assert 0 < high.sum() < high.size
    np.testing.assert_allclose(peaks[:, 0][high], signal[:, 0][high], rtol=1e-6)
    assert (peaks[:, 0][~high] == 0).all()
    np.testing.assert_array_equal(peaks[:, 1], signal[:, 1])


def test_contacts_are_pixels_of_the_matrix(world):
    folders = build_dataset(load_dataset("small")).folders
    array = read_arrays(folders, ["GA.1"], split="train", modality="contacts")[0]
    matrix = cooler.Cooler(str(world / "source/contacts.cool")).matrix(balance=True).fetch("chr1")
    expected = np.nanmean(np.diagonal(matrix, 4))
    pixel = matrix[33 - 2, 33 + 2]
    assert array[2, 4 + 3] == pytest.approx(np.log2((pixel / expected + 0.5) / 1.5), rel=1e-5)


def test_every_gene_is_accounted_for(world):
    result = build_dataset(load_dataset("small"))
    kept, dropped = read_genes_table(result.folders), pd.read_csv(result.folders.dropped, sep="\t")
    assert dict(zip(dropped["gene_id"], dropped["reason"], strict=True)) == {
        "GN.1": "type_not_selected",
        "GM.1": "chromosome_excluded",
        "GE.1": "window_leaves_chromosome",
    }
    manifest = result.manifest
    assert len(kept) + len(dropped) == manifest.genes_in == 7
    assert manifest.genes_kept == {"train": 2, "valid": 1, "test": 1}
    assert sum(manifest.genes_dropped.values()) == 3
    text = "\n".join(build_lines(result))
    assert "7 genes in: 4 kept (2 train, 1 valid, 1 test), 3 dropped" in text
    assert "train-test 0 bp" in text


def test_manifest_holds_hashes_of_the_sources(world):
    result = build_dataset(load_dataset("small"))
    content = json.loads(result.folders.manifest.read_text())
    assert content["sources"]["track ATAC"]["sha256"] == sha256(world / "source/ATAC.bw")
    assert set(content["sources"]) == {
        "track ATAC",
        "track H3K27ac",
        "genes",
        "chromosome sizes",
        "contacts",
        "target ctrl plus",
        "target ctrl minus",
        "target a485",
    }


def test_same_bytes_again_and_elsewhere(world, tree):
    folders = build_dataset(load_dataset("small")).folders
    first = tree(folders.inputs, folders.targets)
    build_dataset(load_dataset("small"), force=True)
    assert tree(folders.inputs, folders.targets) == first
    other = build_dataset(load_dataset("small").within("elsewhere")).folders
    assert tree(other.inputs, other.targets) == first


def test_unchanged_dataset_is_left_alone_and_a_changed_one_refused(world, edited):
    build_dataset(edited())
    before = (world / "inputs/small/genes.tsv").stat().st_mtime_ns
    assert build_dataset(edited()).reused
    shutil.copytree(world / "source", world / "moved")
    os.environ["CLASTER_DATA"] = str(world / "moved")
    assert build_dataset(edited()).reused
    assert (world / "inputs/small/genes.tsv").stat().st_mtime_ns == before

    def wider(content):
        content["window"]["bins"] = 121

    with pytest.raises(ClasterError, match="another 'window' of the dataset: pass force=True"):
        build_dataset(edited(wider))
    (world / "moved/genes.tsv").write_text((world / "source/genes.tsv").read_text() + "\n#\n")
    with pytest.raises(ClasterError, match="another genes"):
        build_dataset(edited())
    assert build_dataset(edited(wider), force=True).manifest.dataset.window.bins == 121


def test_folders_of_someone_else_are_not_touched(world):
    (world / "inputs/small").mkdir(parents=True)
    (world / "inputs/small/notes.txt").write_text("mine")
    with pytest.raises(ClasterError, match="was not made by a build"):
        build_dataset(load_dataset("small"))
    assert (world / "inputs/small/notes.txt").read_text() == "mine"
    assert not (world / "targets").exists()


def test_inputs_without_target(edited):
    def drop(content):
        del content["target"]
        del content["contacts"]

    folders = build_dataset(edited(drop)).folders
    assert read_ids(folders, "test") == ["GD.1_forward", "GD.1_rev"]
    assert not folders.target_table("test").exists()
    assert not (folders.inputs / "contacts").exists()


def test_truth_is_written_where_it_is_known(edited):
    def known(content):
        content["target"]["conditions"] = [
            {"name": "ctrl", "file": "plus.bw", "truth": {"file": "H3K27ac.bw"}}
        ]

    folders = build_dataset(edited(known)).folders
    truth, target = read_targets(folders.truth_table()), read_targets(folders.target_table("test"))
    assert truth.index.tolist() == target.index.tolist()
    assert not np.allclose(truth, target)


def test_genes_with_unknown_contacts_are_dropped_and_counted(edited, world):
    clr = cooler.Cooler(str(world / "source/contacts.cool"))
    bins = clr.bins()[:]
    bins.loc[(bins["chrom"] == "chr1") & (bins["start"] < 45_000), "weight"] = np.nan
    cooler.create_cooler(str(world / "source/holes.cool"), bins, clr.pixels()[:], ordered=True)

    def holes(content):
        content["contacts"]["file"] = "holes.cool"

    result = build_dataset(edited(holes))
    dropped = pd.read_csv(result.folders.dropped, sep="\t").set_index("gene_id")
    assert dropped.loc["GA.1", ["reason", "detail"]].tolist() == [
        "contacts_missing",
        "100% unknown",
    ]
    assert not list(result.folders.arrays("landscape", "train").glob("GA.1*"))
    assert not list(result.folders.arrays("contacts", "train").glob("GA.1*"))


def test_nothing_half_written_is_left_when_a_step_fails(world, monkeypatch):
    def fail(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build_module, "write_target_tables", fail)
    with pytest.raises(OSError, match="No space"):
        build_dataset(load_dataset("small"))
    assert list((world / "inputs").iterdir()) == []
    assert list((world / "targets").iterdir()) == []


def test_a_failed_rebuild_leaves_the_old_build(world, monkeypatch, tree):
    folders = build_dataset(load_dataset("small")).folders
    before = tree(folders.inputs, folders.targets)
    monkeypatch.setattr(build_module, "link_parts", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build_dataset(load_dataset("small"), force=True)
    assert tree(folders.inputs, folders.targets) == before


def test_a_track_of_replicates_is_their_weighted_mean(edited, world):
    def change(content):
        content["summary"] = "mean_all"
        files = ["ATAC.bw", "H3K27ac.bw"]
        content["tracks"] = [{"name": "one", "files": files, "weights": [1, 3], "scale": "mean"}]

    build_dataset(edited(lambda content: content["tracks"][0].update(scale="mean")))
    single = DatasetFolders("small", world)
    stored = [np.load(path)[:, 0] for path in sorted(single.inputs.glob("landscape/all/*.npy"))]
    divisors = require_manifest(single).scales
    scale = np.array([divisors["ATAC"].mean, 1.0])[:, None]
    means = [np.array([0.25, 0.75]) @ (landscape * scale) for landscape in stored]
    build_dataset(edited(change), force=True)
    found = [np.load(path)[0, 0] for path in sorted(single.inputs.glob("landscape/all/*.npy"))]
    divisor = require_manifest(single).scales["one"].mean
    for mean, row in zip(means, found, strict=True):
        np.testing.assert_allclose(row * divisor, mean, rtol=1e-5, atol=1e-6)
    labels = [source.label for source in list_sources(load_dataset("small"))]
    assert labels[:2] == ["track one 1", "track one 2"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["targets", "inputs"])
def test_killed_builds_are_made_whole_by_the_next(world, moment, tree):
    """SIGKILL just before and just between the two renames that end a build."""
    script = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from claster.dataset.build import build_dataset
        from claster.dataset.load import load_dataset
        rename = Path.replace
        def deadly(self, target):
            if Path(target).parent.name == {moment!r}:
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(self, target)
        Path.replace = deadly
        build_dataset(load_dataset("small"))
        """
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=world, check=False)
    assert killed.returncode == -9
    folders = DatasetFolders("small")
    assert not folders.inputs.exists()
    assert folders.targets.exists() == (moment == "inputs")
    build_dataset(load_dataset("small"))
    assert [
        path.name for folder in ("inputs", "targets") for path in (world / folder).iterdir()
    ] == [
        "small",
        "small",
    ]
    again = build_dataset(load_dataset("small").within("elsewhere")).folders
    assert tree(folders.inputs, folders.targets) == tree(again.inputs, again.targets)


def test_reading_order_of_genes_does_not_matter(world, tree):
    folders = build_dataset(load_dataset("small")).folders
    first = tree(folders.inputs / "landscape", folders.targets)
    lines = (world / "source/genes.tsv").read_text().splitlines()
    (world / "source/genes.tsv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    build_dataset(load_dataset("small"), force=True)
    assert tree(folders.inputs / "landscape", folders.targets) == first


def test_any_number_of_jobs_gives_the_same_bytes(world, tree):
    trees = []
    for jobs in (1, 2, 5):
        folders = build_dataset(load_dataset("small").within(f"jobs{jobs}"), jobs=jobs).folders
        trees.append(tree(folders.inputs, folders.targets))
    assert trees[0] == trees[1] == trees[2]


def test_each_chromosome_of_a_file_is_decoded_once(world, monkeypatch):
    decoded = []
    signal = BigWig.signal

    def counting(self, chrom, **options):
        if "threads" in options:  # not the single windows that a scale is taken from
            decoded.append((self.named, chrom))
        return signal(self, chrom, **options)

    monkeypatch.setattr(BigWig, "signal", counting)
    monkeypatch.setattr(chromosome_windows, "_SLAB", 1)
    build_dataset(load_dataset("small"))
    files = {
        "track ATAC",
        "track H3K27ac",
        "target ctrl plus",
        "target ctrl minus",
        "target a485",
    }
    assert sorted(decoded) == sorted((file, chrom) for file in files for chrom in ("chr1", "chr2"))


def test_a_track_that_is_damaged_where_genes_are_stops_the_build(world):
    path = world / "source/ATAC.bw"
    whole = bytearray(path.read_bytes())
    at = len(whole) // 4
    whole[at : at + 8] = b"\xff" * 8
    path.write_bytes(whole)
    with pytest.raises(ClasterError, match=r"ATAC\.bw is damaged"):
        build_dataset(load_dataset("small"), jobs=2)
    assert list((world / "inputs").iterdir()) == []


def test_a_known_truth_without_test_genes_is_an_empty_table(edited):
    def known(content):
        content["splits"]["test"] = []
        content["target"]["conditions"] = [
            {"name": "ctrl", "file": "plus.bw", "truth": {"file": "H3K27ac.bw"}}
        ]

    folders = build_dataset(edited(known)).folders
    assert read_targets(folders.truth_table()).shape == (0, 5)


BUILD = """
from claster.dataset.build import build_dataset
from claster.dataset.inventory import list_sources
from claster.dataset.load import load_dataset
build_dataset(load_dataset("small"))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "deadly",
    [
        # the n-th array, the n-th chromosome of contacts, a chromosome's record, the last steps
        "chromosome_windows.write_array = after(5, chromosome_windows.write_array)",
        "chromosome_windows.write_array = after(11, chromosome_windows.write_array)",
        "chromosome_windows.map_cutter = after(2, chromosome_windows.map_cutter)",
        "build.Workspace.finish = after(2, build.Workspace.finish)",
        "build.replace_folder = after(1, build.replace_folder)",
        "build.seal_manifest = after(1, build.seal_manifest)",
    ],
)
def test_a_build_killed_anywhere_is_made_again(world, deadly, tree):
    setup = """
import os, signal
import numpy as np
from claster.dataset import build, chromosome_windows
def after(number, function):
    calls = []
    def counted(*arguments, **options):
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return counted
"""
    killed = subprocess.run(
        [sys.executable, "-c", f"{setup}{deadly}\n{BUILD}"], cwd=world, check=False
    )
    assert killed.returncode == -9
    folders = build_dataset(load_dataset("small")).folders
    again = build_dataset(load_dataset("small").within("elsewhere")).folders
    assert tree(folders.inputs, folders.targets) == tree(again.inputs, again.targets)
    for folder in ("inputs", "targets"):
        assert [path.name for path in (world / folder).iterdir()] == ["small"]


@pytest.mark.slow
def test_hash_seeds_do_not_matter(world, tree):
    trees = []
    for seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", BUILD], cwd=world, env=environment, check=True)
        folders = DatasetFolders("small")
        trees.append(tree(folders.inputs, folders.targets))
        shutil.rmtree(world / "inputs")
        shutil.rmtree(world / "targets")
    assert trees[0] == trees[1]
