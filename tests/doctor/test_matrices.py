"""What is found in contact matrices that are wrong in one way each."""

import cooler
import h5py
import numpy as np
import pytest

from claster.dataset.doctor import matrix_facts
from claster.dataset.doctor.matrix_facts import read_layout, sample_rows

ITEM = "contacts"


@pytest.fixture(scope="module")
def beside(small):
    return {"genome": None, "target": None, "tracks": small.content()["tracks"][:1]}


def with_contacts(**keys):
    def change(content):
        content["contacts"] |= keys

    return change


@pytest.fixture
def zoomed(make):
    """Return an mcool in the new layout whose matrix of 2 kb alone has weights."""
    base = make.cooler("base.cool", weights=False)
    path = make.folder / "contacts.mcool"
    cooler.zoomify_cooler(str(base), str(path), resolutions=[1000, 2000, 4000], chunksize=100_000)
    with h5py.File(path, "r+") as store:
        bins = store["resolutions/2000/bins"]
        bins["weight"] = np.ones(len(bins["start"]))
    return path


@pytest.fixture
def old_layout(make, zoomed):
    """Return the same matrices in the old layout: 0 is the coarsest."""
    path = make.folder / "old.mcool"
    with h5py.File(zoomed) as source, h5py.File(path, "w") as store:
        for level, size in enumerate((4000, 2000, 1000)):
            source.copy(f"resolutions/{size}", store, name=str(level))
    return path


def test_fine_single_matrix(examine, one):
    report = examine()
    finding = one(report, ITEM, "resolution")
    assert (finding.verdict, finding.evidence) == ("fine", "1,000 bp, a single matrix")
    assert {f.check for f in report.of(ITEM)} == {
        "chromosomes",
        "resolution",
        "weights",
        "masked",
        "density",
    }


def test_new_layout_and_where_the_weights_are(examine, zoomed, one):
    report = examine(with_contacts(file="contacts.mcool"))
    finding = one(report, ITEM, "resolution")
    assert finding.evidence == (
        "1,000 bp at ::/resolutions/1000; new zoom layout, 3 resolutions at ::/resolutions/... "
        "(1,000 bp, 2,000 bp, 4,000 bp)"
    )
    weights = one(report, ITEM, "weights")
    assert weights.verdict == "fault"
    assert weights.evidence == "no 'weight' column at 1,000 bp; weights are at 2,000 bp only"
    assert "cooler balance" in weights.remedy
    assert "'resolution: 2000'" in weights.remedy
    fine = examine(with_contacts(file="contacts.mcool", resolution=2000))
    assert one(fine, ITEM, "weights").verdict == "fine"


def test_old_layout(examine, old_layout, one):
    report = examine(with_contacts(file="old.mcool", resolution=2000))
    evidence = one(report, ITEM, "resolution").evidence
    assert evidence.startswith("2,000 bp at ::/1; old zoom layout, levels ::/0 to ::/2")
    assert report.exit_code == 0
    named = examine(with_contacts(file="old.mcool::/1", resolution=2000))
    assert "a single matrix, in the group ::/1" in one(named, ITEM, "resolution").evidence


def test_resolution_that_is_not_there_offers_the_nearest(examine, zoomed, one):
    finding = one(
        examine(with_contacts(file="contacts.mcool", resolution=1600)), ITEM, "resolution"
    )
    assert finding.verdict == "fault"
    assert "no matrix of 1,600 bp" in finding.evidence
    assert "'resolution: 2000' or 'resolution: 1000'" in finding.remedy


@pytest.fixture
def hic(make, write_hic):
    """Return a .hic of the small dataset's contacts; VC at 1 kb, KR and VC at 2 kb."""
    clr = cooler.Cooler(str(make.folder / "contacts.cool"))
    vector = np.ones(400)
    vector[:100] = np.nan
    return write_hic(
        make.folder / "contacts.hic",
        {str(name): int(size) for name, size in clr.chromsizes.items()},
        clr.pixels()[:],
        [1000, 2000],
        normalisations={
            ("VC", 1000): {"chr1": vector, "chr2": vector[200:]},
            ("VC", 2000): {"chr1": vector[200:]},
            ("KR", 2000): {"chr1": vector[200:], "chr2": vector[300:]},
        },
    )


@pytest.mark.slow
def test_hic(examine, hic, one):
    report = examine(with_contacts(file="contacts.hic", balance="VC"))
    evidence = one(report, ITEM, "resolution").evidence
    assert evidence == "1,000 bp; a .hic file, 2 resolutions (1,000 bp, 2,000 bp)"
    assert one(report, ITEM, "weights").evidence == "balance weights are there (VC)"
    assert one(report, ITEM, "masked").evidence.startswith("17 % of the bins")
    assert one(report, ITEM, "density").verdict == "fine"
    assert {f.verdict for f in report.of(ITEM)} == {"fine"}
    same = examine(with_contacts(balance=False))
    raw = examine(with_contacts(file="contacts.hic", balance=False))
    assert one(raw, ITEM, "density").evidence == one(same, ITEM, "density").evidence
    assert one(raw, ITEM, "weights").verdict == "fine"


@pytest.mark.slow
def test_hic_without_the_normalisation(examine, hic, one):
    weights = one(examine(with_contacts(file="contacts.hic")), ITEM, "weights")
    assert weights.verdict == "fault"
    assert weights.evidence == (
        "no balanced matrix at 1,000 bp; weights are at 2,000 bp only; the bins have VC instead"
    )
    assert weights.remedy.startswith(
        "write 'balance: VC', or 'resolution: 2000', or 'balance: false'"
    )
    lacking = one(examine(with_contacts(file="contacts.hic", resolution=5000)), ITEM, "resolution")
    assert lacking.verdict == "fault"
    assert "zoomify" not in lacking.remedy


@pytest.mark.slow
def test_hic_of_other_names_and_lengths(examine, make, write_hic, one):
    pixels = cooler.Cooler(str(make.folder / "contacts.cool")).pixels()[:]
    write_hic(make.folder / "contacts.hic", {"1": 400_000, "2": 200_000}, pixels, [1000])
    raw = with_contacts(file="contacts.hic", balance=False)
    assert one(examine(raw), ITEM, "chromosomes").verdict == "note"
    write_hic(make.folder / "contacts.hic", {"chr1": 410_000, "chr2": 200_000}, pixels, [1000])
    assert "chr1 has 410,000 bp" in one(examine(raw), ITEM, "chromosomes").evidence
    (make.folder / "contacts.hic").write_bytes(b"<html><title>Sign in</title>")
    assert "an HTML page 'Sign in'" in one(examine(raw), ITEM, "kind").evidence


def test_named_group(examine, make, one):
    make.cooler("contacts.cool", group="/10000")
    assert "in the group ::/10000" in one(examine(), ITEM, "resolution").evidence


def test_not_listed_but_readable(examine, make, one):
    with h5py.File(make.folder / "contacts.cool", "r+") as store:
        store.attrs["format-version"] = "3"
        store.attrs["format"] = np.bytes_(b"HDF5::Cooler")
    report = examine()
    assert not read_layout(make.folder / "contacts.cool").listed
    finding = one(report, ITEM, "resolution")
    assert finding.verdict == "note"
    assert "own listing does not name" in finding.evidence


def test_pixels_that_were_not_looked_at_are_told(examine, one, monkeypatch):
    monkeypatch.setattr(matrix_facts, "_MOST_PIXELS", 1)
    finding = one(examine(), ITEM, "pixels")
    assert finding.verdict == "fine"
    assert "pixels of chr1 were not looked at (0.00681 of 0.0212 million" in finding.evidence


def test_raw_counts(examine, make, one):
    make.cooler("contacts.cool", weights=False)
    finding = one(examine(with_contacts(balance=False)), ITEM, "weights")
    assert finding.verdict == "fine"
    make.cooler("contacts.cool")
    assert one(examine(with_contacts(balance=False)), ITEM, "weights").verdict == "note"


def test_float_counts(examine, make, one):
    make.cooler(
        "contacts.cool",
        change=lambda pixels, bins: pixels.assign(count=pixels["count"] * 0.5),
        dtypes={"count": float},
    )
    assert one(examine(), ITEM, "counts").verdict == "note"


def test_no_main_diagonal(examine, make, one):
    make.cooler(
        "contacts.cool", change=lambda pixels, bins: pixels[pixels["bin1_id"] != pixels["bin2_id"]]
    )
    finding = one(examine(), ITEM, "diagonal")
    assert finding.verdict == "note"
    assert "has a contact with itself" in finding.evidence


def test_masked_bins(examine, make, one):
    path = make.folder / "contacts.cool"
    with h5py.File(path, "r+") as store:
        store["bins/weight"][:200] = np.nan
    finding = one(examine(), ITEM, "masked")
    assert finding.verdict == "warning"
    assert finding.evidence.startswith("33 % of the bins")


def test_too_sparse_for_its_resolution(examine, make, zoomed, one):
    def thin(pixels, bins):
        apart = pixels["bin2_id"] - pixels["bin1_id"]
        return pixels[(apart < 2) | ((apart < 20) & (pixels["bin1_id"] % 16 == 0))]

    base = make.cooler("thin.cool", change=thin, weights=False)
    path = make.folder / "thin.mcool"
    cooler.zoomify_cooler(str(base), str(path), resolutions=[1000, 4000], chunksize=100_000)
    report = examine(with_contacts(file="thin.mcool", balance=False))
    finding = one(report, ITEM, "density")
    assert finding.verdict == "warning"
    assert "too few contacts for 1,000 bp" in finding.evidence


def test_where_no_window_is_whole_the_rows_around_those_with_contacts_are_sampled(
    examine, make, one
):
    make.cooler(
        "contacts.cool",
        change=lambda pixels, bins: pixels[
            pixels["bin1_id"].between(100, 107) & pixels["bin2_id"].between(100, 107)
        ],
    )
    rows = [
        row
        for row in make.genes()
        if (start := int(row.split("\t")[1])) == 102_000 or start > 300_000
    ]
    make.text("genes.tsv", [make.header, *rows])
    # Of the bins 100 to 107, three have one of the others 5 bins further on.
    evidence = one(examine(splits={}), ITEM, "density").evidence
    assert evidence.startswith("62 % of the pixels at 5,000 bp of separation are empty")


def test_share_of_empty_pixels_is_exact_where_all_rows_are_sampled(make):
    import pandas as pd

    def even(pixels, bins):
        apart = pixels["bin2_id"] - pixels["bin1_id"]
        return pixels[(apart != 3) | (pixels["bin1_id"] % 4 == 0)].assign(count=1)

    path = make.cooler("even.cool", sizes={"chr1": 40_000}, change=even, depth=1e4)
    centres = pd.DataFrame({"chrom": ["chr1"], "tss": [20_000]})
    matrix = read_layout(path).matrices[1000]
    rows = sample_rows(matrix, {"chr1": "chr1"}, centres, separation=3000, balance=True)
    filled = np.mean([row % 4 == 0 for row in range(36)])
    assert rows.empty == pytest.approx(1 - filled)
    assert rows.separation == 3000
    assert rows.diagonal == (36, 36)


def test_another_assembly(examine, make, one):
    make.cooler("contacts.cool", sizes={"chr1": 410_000, "chr2": 200_000})
    finding = one(examine(), ITEM, "chromosomes")
    assert finding.verdict == "fault"
    assert "chr1 has 410,000 bp here and 400,000 bp in small" in finding.evidence


def test_chromosome_lacking_and_other_names(examine, make, one):
    make.cooler("contacts.cool", sizes={"1": 400_000})
    report = examine(splits={})
    assert one(report, ITEM, "chromosomes").verdict == "note"
    assert one(report, ITEM, "coverage").evidence == "lacks chr2, where 23 of 71 genes are"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"HIC\x00" + bytes(5000), "a .hic file of 4409676 bytes of which 5004 are there"),
        (b"<html><title>Sign in</title>", "an HTML page 'Sign in'"),
    ],
)
def test_another_kind_of_file(examine, make, one, content, says):
    (make.folder / "contacts.cool").write_bytes(content)
    finding = one(examine(), ITEM, "kind")
    assert finding.verdict == "fault"
    assert says in finding.evidence


def test_hdf5_of_another_program(examine, make, one):
    with h5py.File(make.folder / "contacts.cool", "w") as store:
        store.create_group("edges")
    finding = one(examine(), ITEM, "kind")
    assert (
        "contacts.cool is an HDF5 file without a cooler in it (it holds edges)" in finding.evidence
    )


def test_truncated_file(examine, make, one):
    path = make.folder / "contacts.cool"
    path.write_bytes(path.read_bytes()[:-3000])
    assert one(examine(), ITEM, "kind").verdict == "fault"


def test_name_of_another_assembly_in_the_file(examine, make, one):
    make.cooler("contacts.cool", assembly="mm10")
    finding = one(examine(), ITEM, "assembly")
    assert finding.verdict == "note"
    assert "'mm10'" in finding.evidence
