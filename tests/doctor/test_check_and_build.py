"""What the check calls fine about contacts builds, and what the build refuses the check has refused."""

import cooler
import h5py
import numpy as np
import pandas as pd
import pytest

from claster.dataset.build import build_dataset
from claster.errors import ClasterError


def column(name, change):
    """Return what changes a column of the small dataset's matrix."""

    def spoil(path):
        with h5py.File(path, "r+") as store:
            values = store[name][:]
            change(values)
            store[name][:] = values

    return spoil


def attribute(name, value):
    def spoil(path):
        with h5py.File(path, "r+") as store:
            store.attrs[name] = value

    return spoil


def first_is(value):
    def change(values):
        values[0] = value

    return change


def later_by(bases):
    def change(values):
        values += bases

    return change


def without_weights(rows):
    def change(values):
        values[rows] = np.nan

    return change


def mirrored(path):
    """Add the other half of the matrix."""
    clr = cooler.Cooler(str(path))
    bins, pixels = clr.bins()[:], clr.pixels()[:]
    apart = pixels[pixels["bin1_id"] != pixels["bin2_id"]]
    turned = apart.rename(columns={"bin1_id": "bin2_id", "bin2_id": "bin1_id"})
    both = [*pixels.to_dict("records"), *turned.to_dict("records")]
    cooler.create_cooler(
        str(path),
        bins,
        type(pixels)(both).sort_values(["bin1_id", "bin2_id"]),
        symmetric_upper=False,
        triucheck=False,
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: None, ""),
        (mirrored, ""),
        (attribute("storage-mode", "square"), "above the main diagonal and 0 below"),
        (column("pixels/count", first_is(-4)), "which is not a count"),
        (column("pixels/bin2_id", first_is(9_999)), "name bins that are not there"),
        (column("pixels/bin1_id", first_is(3)), "index of rows does not fit"),
        (column("indexes/bin1_offset", first_is(3)), "index of rows does not fit"),
        (column("bins/start", later_by(10)), "not one of equal bins"),
        (column("bins/weight", first_is(-1.0)), "negative weights"),
        (column("bins/weight", without_weights(slice(None))), "has no weight on chr"),
        (column("bins/weight", without_weights(slice(400, None))), "has no weight on chr2"),
    ],
)
def test_contacts_are_refused_by_both_or_by_none(examine, spec_of, folder, tmp_path, spoil, said):
    spoil(folder / "contacts.cool")
    report = examine()
    try:
        build_dataset(spec_of().within(tmp_path))
        refused = ""
    except ClasterError as error:
        refused = str(error)
    assert bool(report.exit_code == 2) == bool(refused) == bool(said), (report, refused)
    if said:
        assert any(said in finding.evidence for finding in report.of("contacts"))
        assert said in refused or "genes can be used" in refused or "no usable gene in" in refused


def test_a_chromosome_without_weights_drops_its_genes(examine, spec_of, folder, tmp_path, one):
    column("bins/weight", without_weights(slice(400, None)))(folder / "contacts.cool")
    finding = one(examine(splits={}), "contacts", "bare")
    assert finding.verdict == "warning"
    assert "chr2: contacts.cool::/ has no weight on chr2" in finding.evidence
    result = build_dataset(spec_of(splits={}).within(tmp_path))
    dropped = pd.read_csv(result.folders.dropped, sep="\t")
    lost = dropped[dropped["reason"] == "no_weights"]
    assert set(lost["chrom"]) == {"chr2"}
    assert lost["detail"].str.contains("has no weight on chr2: all its bins are masked").all()
    assert f"drops {len(lost)} genes of" in finding.evidence


@pytest.mark.parametrize("resolution", [20_000, 100_000])
def test_no_hint_leads_to_a_resolution_without_maps(examine, make, one, resolution):
    base = make.cooler("base.cool")
    path = make.folder / "contacts.mcool"
    cooler.zoomify_cooler(
        str(base), str(path), resolutions=[1000, 2000, 20_000, 100_000], chunksize=100_000
    )

    def zoomed(content):
        content["contacts"] |= {
            "file": "contacts.mcool",
            "resolution": resolution,
            "balance": False,
        }

    finding = one(examine(zoomed), "contacts", "resolution")
    assert finding.verdict == "fault"
    assert "too few for a map" in finding.evidence
    assert finding.remedy == "write 'resolution: 2000' or 'resolution: 1000' under 'contacts'"


def test_rows_that_reach_past_the_chromosome_are_told(examine, one):
    def tall(content):
        content["contacts"]["rows"] = 900

    finding = one(examine(tall), "contacts", "resolution")
    assert finding.verdict == "fault"
    assert "900 rows of 1,000 bp reach 1.8 Mb" in finding.evidence
