"""Contact map: format, decay, loops against controls."""

import cooler
import numpy as np
import pandas as pd
import pytest

from claster.simulation import ToyGenome
from claster.simulation.contacts import expected_decay


@pytest.fixture(scope="module")
def maps(tiny: ToyGenome) -> dict[str, np.ndarray]:
    contacts = cooler.Cooler(f"{tiny.folder / 'microc.mcool'}::/resolutions/1600")
    return {chrom: contacts.matrix(balance=True).fetch(chrom) for chrom in contacts.chromnames}


@pytest.fixture(scope="module")
def decay(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        chrom: np.array([np.nanmean(np.diagonal(matrix, k)) for k in range(900)])
        for chrom, matrix in maps.items()
    }


def test_both_resolutions_are_there_and_balanced(tiny: ToyGenome) -> None:
    path = str(tiny.folder / "microc.mcool")
    assert cooler.fileops.is_multires_file(path)
    assert cooler.fileops.list_coolers(path) == ["/resolutions/1600", "/resolutions/3200"]
    for resolution in (1600, 3200):
        contacts = cooler.Cooler(f"{path}::/resolutions/{resolution}")
        assert contacts.binsize == resolution
        assert contacts.chromsizes.to_dict() == tiny.chrom_sizes
        weight = contacts.bins()[:]["weight"]
        assert 0 < weight.isna().mean() < 0.05
        matrix = contacts.matrix(balance=True).fetch("chr1")
        near = np.abs(np.subtract.outer(*2 * [np.arange(len(matrix))])) < 2
        marginal = np.nansum(np.where(near, 0, matrix), axis=0)
        assert marginal[marginal > 0] == pytest.approx(1.0, abs=1e-3)


def test_weights_equal_those_of_cooler_alone(tiny: ToyGenome) -> None:
    contacts = cooler.Cooler(f"{tiny.folder / 'microc.mcool'}::/resolutions/3200")
    stored = contacts.bins()[:]["weight"].to_numpy()
    plain, stats = cooler.balance_cooler(contacts, cis_only=True, max_iters=1000, tol=0.05)
    assert stats["converged"].all()
    np.testing.assert_array_equal(np.isnan(stored), np.isnan(plain))
    np.testing.assert_allclose(stored, plain, rtol=2e-3)


def test_coarse_counts_are_sums_of_fine_ones(tiny: ToyGenome) -> None:
    path = tiny.folder / "microc.mcool"
    fine, coarse = (
        cooler.Cooler(f"{path}::/resolutions/{r}").matrix(balance=False).fetch("chr2")
        for r in (1600, 3200)
    )
    fine = np.triu(fine)
    fine = np.pad(fine, (0, len(fine) % 2))
    half = len(fine) // 2
    summed = fine.reshape(half, 2, half, 2).sum(axis=(1, 3))
    np.testing.assert_array_equal(summed, np.triu(coarse))


def test_contacts_stay_within_reach_above_the_diagonal(tiny: ToyGenome) -> None:
    pixels = cooler.Cooler(f"{tiny.folder / 'microc.mcool'}::/resolutions/1600").pixels()[:]
    separation = pixels["bin2_id"] - pixels["bin1_id"]
    assert separation.min() == 0
    assert 1_400_000 < separation.max() * 1600 <= 1_500_000


def test_contacts_decay_about_as_the_inverse_of_separation(decay: dict[str, np.ndarray]) -> None:
    for values in decay.values():
        near, far = 20, 200
        slope = np.log(values[far - 5 : far + 6].mean() / values[near - 1 : near + 2].mean())
        assert -1.4 < slope / np.log(far / near) < -0.8
        assert values[700:].mean() < values[200:300].mean() / 2
    assert (np.diff(expected_decay(np.arange(900))) < 0).all()


def test_loops_stand_out_and_decoys_do_not(
    genes: pd.DataFrame,
    elements: pd.DataFrame,
    maps: dict[str, np.ndarray],
    decay: dict[str, np.ndarray],
) -> None:
    tss = genes.set_index("gene_id")["tss"]
    enrichment: dict[str, list[float]] = {"contact": [], "decoy": []}
    for e in elements[elements["kind"] != "proximal"].itertuples():
        low, high = sorted(((e.start + e.end) // 2 // 1600, tss[e.gene_id] // 1600))
        observed = np.nanmean(maps[e.chrom][low - 1 : low + 2, high - 1 : high + 2])
        enrichment[e.kind].append(observed / decay[e.chrom][high - low])
    assert len(enrichment["contact"]) >= 3
    assert len(enrichment["decoy"]) >= 3
    assert min(enrichment["contact"]) > 1.7
    assert np.median(enrichment["decoy"]) < 1.4
    assert np.median(enrichment["contact"]) > 2 * np.median(enrichment["decoy"])
