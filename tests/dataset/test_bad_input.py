"""Every fault that a user can cause ends in one sentence with a remedy, before anything is written."""

import cooler
import h5py
import numpy as np
import pytest

from claster import files
from claster.dataset.build import build_dataset
from claster.dataset.load import NoDatasetError, find_dataset, load_dataset
from claster.errors import ClasterError


def set_in(*keys, value):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_in("tracks", 0, "file", value="gone.bw"), r"track ATAC: no file at .*gone\.bw"),
        (set_in("target", "conditions", 0, "plus", value="gone.bw"), r"target ctrl plus: no file"),
        (set_in("contacts", "file", value="gone.cool"), r"contacts: no file"),
        (set_in("genes", "file", value="gone.tsv"), r"genes: no file"),
        (set_in("chrom_sizes", value="gone.sizes"), r"chromosome sizes: no file"),
        (set_in("contacts", "resolution", value=1600), r"no resolution of 1,600 bp; it has 1,000"),
        (set_in("splits", "test", value=["chr9"]), r"region 'chr9'.*no chromosome"),
        (set_in("splits", "valid", value=["chr2:0-20,000"]), r"no usable gene in the valid split"),
        (set_in("genes", "types", value=["snoRNA"]), r"no gene has the type 'snoRNA'"),
        (set_in("window", "bins", value=2001), r"none of 7 genes can be used .* past an end"),
        (
            set_in("target", "conditions", 0, "minus_values", value="positive"),
            r"has only negative values: correct 'minus_values'",
        ),
        (
            set_in("tracks", 0, "file", value="genes.tsv"),
            r"a file that starts .* instead of a bigWig file",
        ),
        (set_in("contacts", "file", value="genes.tsv"), r"instead of a cooler"),
        (set_in("genes", "file", value="ATAC.bw"), r"genes .* a bigWig file instead of text"),
    ],
)
def test_broken_datasets_are_refused_before_anything_is_written(edited, world, change, said):
    with pytest.raises(ClasterError, match=said) as caught:
        build_dataset(edited(change))
    assert "\n" not in str(caught.value)
    left = [path for folder in ("inputs", "targets") for path in (world / folder).glob("*")]
    assert left == []


@pytest.mark.parametrize("name", ["spoilt.cool", "spoilt.mcool"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"", "an empty file instead of a cooler"),
        (lambda data: data[:-1000], "of [0-9]+ bytes of which"),
        (lambda data: data[:100], "of [0-9]+ bytes of which"),
        (lambda data: data[:8] + bytes(100), "is not a cooler"),
        (lambda data: b"HIC\0" + data[4:], "a .hic file of [0-9]+ bytes of which"),
        (lambda data: b"\x26\xfc\x8f\x88" + data[4:], "a bigWig file instead of a cooler"),
        (lambda data: b"<html>404</html>", "an HTML page instead of a cooler"),
    ],
)
def test_spoilt_coolers_are_named_in_one_line(edited, world, name, spoil, said):
    whole = (world / "source/contacts.cool").read_bytes()
    (world / "source" / name).write_bytes(spoil(whole))
    with pytest.raises(ClasterError, match=f"contacts.*{name}.* ({said})") as caught:
        build_dataset(edited(set_in("contacts", "file", value=name)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("column", ["pixels/count", "pixels/bin2_id", "bins/weight"])
def test_damage_inside_a_cooler_is_one_line(edited, world, column):
    path = world / "source/contacts.cool"
    with h5py.File(path) as store:
        place = store[column].id.get_chunk_info(0).byte_offset
    with path.open("r+b") as handle:
        handle.seek(place)
        handle.write(bytes(16))
    with pytest.raises(
        ClasterError, match=r"contacts: .*contacts.cool.* is damaged: the"
    ) as caught:
        build_dataset(edited())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"", "an empty file instead of a cooler"),
        (lambda data: data[:-1], r"of [0-9]+ bytes of which"),
        (lambda data: data[:200], r"of [0-9]+ bytes of which"),
        (lambda data: data[:300] + bytes(900) + data[1200:], "is damaged"),
        (lambda data: b"<html>404</html>", "an HTML page instead of a cooler"),
    ],
)
def test_spoilt_hic_files_are_named_in_one_line(edited, world, make, write_hic, spoil, said):
    pixels = cooler.Cooler(str(world / "source/contacts.cool")).pixels()[:]
    path = write_hic(world / "source/spoilt.hic", make.sizes, pixels, [1000])
    path.write_bytes(spoil(path.read_bytes()))

    def change(content):
        content["contacts"] |= {"file": "spoilt.hic", "balance": False}

    with pytest.raises(ClasterError, match=f"contacts.*spoilt.hic.*({said})") as caught:
        build_dataset(edited(change))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_hic_and_cooler_of_the_same_pixels_build_the_same(edited, world, make, write_hic):
    clr = cooler.Cooler(str(world / "source/contacts.cool"))
    vectors = 1 / clr.bins()["weight"][:].to_numpy().astype(np.float32)
    chroms = clr.bins()["chrom"][:].to_numpy()
    write_hic(
        world / "source/contacts.hic",
        {name.removeprefix("chr"): size for name, size in make.sizes.items()},
        clr.pixels()[:],
        [1000],
        normalisations={
            ("KR", 1000): {name.removeprefix("chr"): vectors[chroms == name] for name in make.sizes}
        },
    )

    def from_hic(content):
        content["contacts"] |= {"file": "contacts.hic", "balance": "KR"}

    from_cool = build_dataset(edited().within("cool"))
    ours = build_dataset(edited(from_hic).within("hic"))
    assert ours.manifest.genes_kept == from_cool.manifest.genes_kept
    for file in from_cool.folders.arrays("contacts", "train").iterdir():
        found = np.load(ours.folders.arrays("contacts", "train") / file.name)
        np.testing.assert_allclose(found, np.load(file), rtol=1e-5, atol=1e-6)


def test_other_chromosome_names_and_other_builds(edited, world, make):
    make.track(world / "source/ATAC.bw", 0, sizes={"NC_1": 120_000, "NC_2": 60_000})
    with pytest.raises(ClasterError, match=r"track ATAC .* has none of the chromosomes chr1, chr2"):
        build_dataset(edited())
    make.track(world / "source/ATAC.bw", 0, sizes={"chr1": 119_000, "chr2": 60_000})
    with pytest.raises(ClasterError, match="chr1 with 119,000 bp, the assembly 120,000 bp"):
        build_dataset(edited())


@pytest.mark.slow
def test_names_without_chr_are_understood(edited, world, make):
    plain = {name.removeprefix("chr"): size for name, size in make.sizes.items()}
    make.track(world / "source/H3K27ac.bw", 1, sizes=plain)
    make.contacts(world / "source/plain.cool", sizes=plain)
    genes = (world / "source/genes.tsv").read_text()
    (world / "source/plain.tsv").write_text(genes.replace("chr", "").replace("#\t", "#chr\t"))

    def rename(content):
        content["contacts"]["file"] = "plain.cool"
        content["genes"]["file"] = "plain.tsv"

    renamed = build_dataset(edited(rename).within("renamed")).folders
    usual = build_dataset(edited().within("usual")).folders
    for modality in ("landscape", "contacts"):
        for file in usual.arrays(modality, "train").iterdir():
            assert file.read_bytes() == (renamed.arrays(modality, "train") / file.name).read_bytes()


def test_every_chromosome_excluded(edited):
    with pytest.raises(
        ClasterError, match=r"every one is on an excluded chromosome \(chr1, chr2, chrM"
    ):
        build_dataset(
            edited(set_in("genes", "exclude_chromosomes", value=["chr1", "chr2", "chrM"]))
        )


def test_chromosome_that_one_track_lacks_is_a_reason(edited, world, make):
    make.track(world / "source/ATAC.bw", 0, sizes={"chr1": 120_000})

    def without_ctrl(content):
        content["splits"] = {"valid": ["chr1:90,000-120,000"]}

    result = build_dataset(edited(without_ctrl))
    assert result.manifest.genes_dropped["no_signal"] == 1
    assert "track ATAC lacks chr2" in result.folders.dropped.read_text()


def test_contacts_without_weights(edited, world, make):
    make.contacts(world / "source/raw.cool", weights=False)
    with pytest.raises(ClasterError, match="no weights: run 'cooler balance"):
        build_dataset(edited(set_in("contacts", "file", value="raw.cool")))

    def raw(content):
        content["contacts"] |= {"file": "raw.cool", "balance": False}

    assert build_dataset(edited(raw)).manifest.genes_kept["train"] == 2


def test_genes_named_otherwise_than_the_assembly(edited, world):
    text = (world / "source/genes.tsv").read_text().replace("chr", "NC_").replace("#NC_", "#chr")
    (world / "source/genes.tsv").write_text(text)
    with pytest.raises(ClasterError, match=r"genes .* has none of the chromosomes"):
        build_dataset(edited())


def test_full_disk_is_seen_before_the_work(edited, monkeypatch, world):
    class Usage:
        free = 1000

    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(
        ClasterError, match=r"dataset 'small' needs .* GB and .* has 0.00 GB free: free"
    ):
        build_dataset(edited())
    assert not (world / "inputs").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: small\nassembly: mm10\ntracks:\n  - {name: A, file: a.bw, colour: red}\ngenes: {file: g}\n",
         r"small\.yaml, line 4: unknown key 'tracks\.0\.colour'"),
        ("name: small\nassembly: mm10\nwindows: {}\ntracks: [{name: A, file: a}]\ngenes: {file: g}\n",
         r"line 3: unknown key 'windows'"),
        ("name: small\nassembly: mm10\ntracks: [{name: A, file: a}]\n", r"line 1: 'genes' is missing"),
        ("name: small\nassembly: mm10\ntracks: [{name: A, file: a}, {name: A, file: b}]\ngenes: {file: g}\n",
         r"two tracks are named 'A'"),
        ("name: a/b\nassembly: x\ntracks: [{name: A, file: a}]\ngenes: {file: g}\n", r"line 1: name: 'a/b'"),
        ("name: s\nassembly: mm10\ntracks: [{name: A, file: a}]\ngenes: {file: g}\nwindow: {bins: 100}\n",
         r"line 5: window\.bins: 100 bins: an odd number"),
        ("name: s\nassembly: mm10\ntracks: [{name: A, file: a}]\ngenes: {file: g}\n"
         "target:\n  conditions: [{name: c, plus: p}]\n", r"line 6: .*give either 'file' or both"),
        ("- just\n- a list\n", r"holds no keys"),
        ("name: [unclosed\n", r"is not YAML"),
    ],
)  # fmt: skip
def test_broken_yaml_names_file_line_and_key(world, text, said):
    (world / "configurations/datasets/small.yaml").write_text(text)
    with pytest.raises(ClasterError, match=said) as caught:
        load_dataset("small")
    assert "\n" not in str(caught.value)


def test_unknown_dataset_lists_the_known_ones(world):
    with pytest.raises(ClasterError, match=r"no dataset 'tiny'.*choose among .*small"):
        find_dataset("tiny")
    with pytest.raises(ClasterError, match="no dataset file at"):
        find_dataset("elsewhere.yaml")
    assert load_dataset(world / "configurations/datasets/small.yaml").name == "small"


@pytest.mark.parametrize("name", ["*", "sm[a]ll", "/etc/small", "../datasets/small", "", ".."])
def test_a_name_is_neither_a_pattern_nor_a_way_out(world, name):
    with pytest.raises(NoDatasetError, match=r"no dataset '.*choose among .*small"):
        find_dataset(name)


def test_a_folder_for_a_dataset_is_called_what_it_is(world):
    path = world / "configurations/datasets/small.yaml"
    path.unlink()
    path.mkdir()
    with pytest.raises(ClasterError, match=r"^a folder, not a file, at .*small\.yaml: check"):
        load_dataset("small")


def test_names_in_sub_folders_are_found_where_they_are_unique(world):
    folder = world / "configurations/datasets"
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "same.yaml").touch()
    (folder / "a" / "only.yaml").touch()
    assert find_dataset("only") == find_dataset("a/only").relative_to(".")
    with pytest.raises(ClasterError, match="no dataset 'same'"):
        find_dataset("same")


@pytest.mark.parametrize(
    ("simulation", "said"),
    [
        (None, "set CLASTER_DATA to the folder"),
        ({"genes": 9}, "run 'claster simulate small' first, or"),
    ],
)
def test_missing_source_folder_says_where_files_come_from(edited, monkeypatch, simulation, said):
    monkeypatch.setenv("CLASTER_DATA", "elsewhere")
    with pytest.raises(ClasterError, match=f"track ATAC: no file at elsewhere/ATAC.bw: {said}"):
        build_dataset(edited(set_in("simulation", value=simulation)))


def test_data_folder_comes_from_one_variable(world, monkeypatch):
    spec = load_dataset("small")
    assert spec.source("ATAC.bw") == world / "source/ATAC.bw"
    monkeypatch.delenv("CLASTER_DATA")
    assert load_dataset("small").data_folder.as_posix() == "inputs/source"
