"""Windows from built arrays, from source files, and mirrored."""

import numpy as np
import pytest

from claster.analysis.perturbation.editor import cut_piece, restore_landscape, store_edited
from claster.analysis.perturbation.measure import average_mirrored, built_window, source_window
from claster.analysis.perturbation.settings import EditSettings
from claster.dataset.layout import read_genes_table
from claster.dataset.sources import open_sources
from claster.errors import ClasterError
from claster.genome.windows import mirror

BOTH = ("landscape", "contacts")


def test_source_windows_at_a_tss_are_the_built_ones(world):
    built = built_window(world.folders, split="test", inputs=BOTH)
    with open_sources(world.spec) as sources:
        cut = source_window(world.spec, sources, divisors=world.divisors, inputs=BOTH)
        for gene in read_genes_table(world.folders, split="test").head(4).itertuples():
            windows = [read(gene.gene_id, gene.chrom, gene.tss) for read in (built, cut)]
            for name in BOTH:
                np.testing.assert_array_equal(windows[0][name], windows[1][name])


def test_windows_and_their_mirror_images_averaged(world):
    seen = []

    def predict(windows):
        for window in windows:
            seen.append(window)
            yield np.array([[float(len(seen)), 0.0, 0.0]])

    window = built_window(world.folders, split="test", inputs=BOTH)("G8", "chr2", 58_000)
    profiles = list(average_mirrored(predict, world.spec)([window, window]))
    np.testing.assert_array_equal(profiles, [[[0.5, 0, 1.0]], [[1.5, 0, 2.0]]])
    for name in BOTH:
        turned = np.load(world.folders.arrays(name, "test") / "G8_rev.npy").squeeze()
        np.testing.assert_array_equal(seen[1][name], turned)
    np.testing.assert_array_equal(seen[1]["landscape"], mirror(seen[0]["landscape"]))


def test_untouched_bins_keep_their_bits(world):
    stored = np.load(world.folders.arrays("landscape", "test") / "G8_forward.npy").reshape(3, 401)
    signal = restore_landscape(stored, world.spec, divisors=world.divisors)
    np.testing.assert_allclose(signal[0], np.expm1(stored[0]), rtol=1e-6)
    assert world.divisors[2] > 1
    np.testing.assert_allclose(signal[2], stored[2] * world.divisors[2], rtol=1e-6)
    edited = signal.copy()
    edited[:, 7] += 1
    again = store_edited(edited, signal, stored, world.spec, divisors=world.divisors)
    assert (np.flatnonzero((again != stored).any(axis=0)) == [7]).all()
    assert again[2, 7] == pytest.approx((signal[2, 7] + 1) / world.divisors[2], rel=1e-6)
    assert again[0, 7] == pytest.approx(np.log1p(signal[0, 7] + 1), rel=1e-6)


def test_block_of_another_locus(world):
    edit = EditSettings(verb="insert", tracks=("H3K27ac",), locus="chr1:50,000-50,400")
    with open_sources(world.spec) as sources:
        piece = cut_piece(world.spec, sources, edit)
        bases = sources.tracks[1].bins("chr1", 50_000, bins=400, size=1)
        np.testing.assert_allclose(piece, bases.reshape(1, 4, 100).mean(axis=2), rtol=1e-6)
        odd = edit.model_copy(update={"locus": "chr1:50,000-50,410"})
        with pytest.raises(ClasterError, match="not a whole number of bins of 100 bp"):
            cut_piece(world.spec, sources, odd)
