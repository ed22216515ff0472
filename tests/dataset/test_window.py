"""One gene's window straight from the files is what a build writes."""

import numpy as np

from claster.dataset.build import build_dataset
from claster.dataset.choice import choose_genes
from claster.dataset.layout import read_arrays, read_targets
from claster.dataset.sources import open_sources
from claster.genome.gene_names import find_gene


def test_a_window_is_what_the_build_writes(edited, cut_window):
    spec = edited()
    folders = build_dataset(spec).folders
    with open_sources(spec) as sources:
        gene = find_gene(choose_genes(spec, sources).kept, "GA.1")
        window = cut_window(spec, sources, gene)
    for modality, array in (("landscape", window.landscape), ("contacts", window.contacts)):
        built = read_arrays(folders, ["GA.1"], split="train", modality=modality)[0]
        np.testing.assert_array_equal(array, built)
    table = read_targets(folders.target_table("train_valid")).loc["GA.1_forward"]
    np.testing.assert_allclose(np.concatenate(list(window.targets.values())), table, rtol=1e-5)
    assert list(window.targets) == ["ctrl", "a485"]


def test_datasets_without_target_and_contacts(edited, cut_window):
    def bare(content):
        del content["target"], content["contacts"]

    spec = edited(bare)
    with open_sources(spec) as sources:
        window = cut_window(spec, sources, choose_genes(spec, sources).kept.iloc[0])
    assert window.targets == {}
    assert window.contacts is None
    assert window.landscape.shape == (2, 101)
